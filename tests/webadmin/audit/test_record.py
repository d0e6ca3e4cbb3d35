from __future__ import annotations

import pytest

from webadmin.access import Actor
from webadmin.audit.record import record, search, shown
from webadmin.models import AuditRow

pytestmark = pytest.mark.django_db


def test_it_notes_who_what_and_where(ada: Actor) -> None:
    row = record(ada, "domain_add", "domain", "example.org", None, {"directory": "/d"})
    found = AuditRow.objects.get()
    assert found == row
    assert (found.who, found.origin, found.act, found.kind, found.name) == ("ada", "192.0.2.1", "domain_add", "domain", "example.org")
    assert (found.before, found.after) == (None, {"directory": "/d"})


@pytest.mark.parametrize(
    ("why", "text", "hits"),
    [
        ("the name", "example.org", 2),
        ("in capitals", "EXAMPLE", 2),
        ("who and what", "ada quota", 1),
        ("where from", "192.0.2.1", 2),
        ("what it became", "10485760s", 1),
        ("nothing", "", 2),
        ("one word that is not there", "example.org spam", 0),
        ("a wildcard of the database is none here", "%", 0),
    ],
)
def test_it_finds_rows_that_hold_every_word(ada: Actor, why: str, text: str, hits: int) -> None:
    record(ada, "domain_add", "domain", "example.org")
    record(ada, "quota_set", "mailbox", "joe@example.org", {"quota": "NOQUOTA"}, {"quota": "10485760S"})
    assert search(AuditRow.objects.all(), text).count() == hits, why


@pytest.mark.parametrize(
    ("why", "contents", "text"),
    [
        ("no file", None, None),
        ("text", "Jürgen\n".encode(), "Jürgen\n"),
        ("a NUL, which PostgreSQL does not take", b"a\0b", "a\\x00b"),
        ("Latin-1", b"J\xfcrgen", "J\\xfcrgen"),
    ],
)
def test_it_shows_contents_that_any_database_takes(ada: Actor, why: str, contents: bytes | None, text: str | None) -> None:
    assert shown(contents) == text, why
    record(ada, "x", "file", "x", {"value": shown(contents)})


def test_a_large_file_is_told_by_its_digest() -> None:
    assert (shown(b"x" * 100_000) or "").startswith("100000 octets, SHA-256 ")
