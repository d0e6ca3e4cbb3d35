from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mta.unix.mailbox import Mailbox
from tests.webadmin.webmail.conftest import PLAIN, Box
from webadmin.webmail import index
from webadmin.webmail.index import Index, View

ALL = View()


@pytest.fixture
def opened(box: Box) -> Iterator[tuple[Mailbox, Index]]:
    with Mailbox(bytes(box.maildir)) as mailbox:
        found = Index(mailbox)
        yield mailbox, found
        found.close()


def page(found: Index, view: View = ALL, offset: int = 0, limit: int = 50) -> list[str]:
    found.refresh(b"")
    return [r.subject for r in found.read_rows(b"", found.rows(b"", view, offset, limit), is_own=False)]


def numbered(n: int) -> bytes:
    return PLAIN.replace(b"Hello", b"S%d" % n)


def test_only_what_is_shown_is_read(box: Box, opened: tuple[Mailbox, Index]) -> None:
    for n in range(120):
        box.put(numbered(n))
    _, found = opened
    assert page(found) == [f"S{n}" for n in range(119, 69, -1)]
    assert found.unread_by_us(b"") == 70
    assert found.count(b"", ALL) == 120


def test_the_rest_is_read_in_portions(box: Box, opened: tuple[Mailbox, Index]) -> None:
    for n in range(500):
        box.put(numbered(n))
    _, found = opened
    found.refresh(b"")
    assert found.read_portion(b"", is_own=False, portion_s=0) == 300
    assert found.read_portion(b"", is_own=False, portion_s=60) == 0
    assert page(found, View(search="s499")) == ["S499"]


def test_it_follows_what_others_do(box: Box, opened: tuple[Mailbox, Index]) -> None:
    _, found = opened
    for n in range(3):
        box.put(numbered(n), flags="S")
    assert found.counts(b"") == (3, 0)
    names = box.names()
    (box.maildir / "cur" / names[0]).rename(box.maildir / "cur" / names[0].replace(":2,S", ":2,FS"))
    (box.maildir / "cur" / names[1]).unlink()
    box.put(numbered(3), is_new=True)
    assert found.counts(b"") == (3, 1)
    assert page(found) == ["S3", "S2", "S0"]
    assert page(found, View(filter="flagged")) == ["S0"]


def test_a_folder_that_has_not_changed_is_not_looked_through(
    box: Box, opened: tuple[Mailbox, Index], monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox, found = opened
    box.put()
    past = time.time_ns() - 60_000_000_000
    for part in ("cur", "new"):
        os.utime(box.maildir / part, ns=(past, past))
    found.refresh(b"")

    def never() -> None:
        raise AssertionError("looked through again")

    monkeypatch.setattr(type(mailbox.folder(b"")), "entries", lambda self: never())
    found.refresh(b"")


def test_folders_that_are_gone_are_forgotten(box: Box, opened: tuple[Mailbox, Index]) -> None:
    mailbox, found = opened
    box.put(folder=".Work")
    found.refresh(b".Work")
    found.forget_folders([b""])
    db = sqlite3.connect(box.maildir / index.NAME.decode())
    assert db.execute("select count(*) from message").fetchone() == (0,)
    db.close()


def test_neighbours_are_those_of_the_list(box: Box, opened: tuple[Mailbox, Index]) -> None:
    _, found = opened
    for n in (3, 1, 2, 1):
        box.put(numbered(n), flags="S")
    found.refresh(b"")
    found.read_portion(b"", is_own=False)
    for view in (ALL, View("date", True), View("subject"), View("subject", True), View("size"), View("from"), View(search="s1")):
        rows = found.rows(b"", view, 0, 50)
        for i, row in enumerate(rows):
            before = rows[i - 1].key if i else None
            behind = rows[i + 1].key if i + 1 < len(rows) else None
            assert found.neighbours(b"", view, row) == (before, behind), view


@pytest.mark.parametrize(
    ("why", "data"),
    [("rubbish", b"x" * 5000), ("empty", b""), ("cut off", b"SQLite format 3\0" + b"\0" * 100)],
)
def test_a_broken_index_is_made_again(box: Box, why: str, data: bytes) -> None:
    box.put()
    (box.maildir / index.NAME.decode()).write_bytes(data)
    with Mailbox(bytes(box.maildir)) as mailbox:
        found = Index(mailbox)
        assert page(found) == ["Hello"], why
        found.close()


def test_one_of_another_version_is_made_again(box: Box) -> None:
    box.put()
    path = box.maildir / index.NAME.decode()
    db = sqlite3.connect(path)
    db.execute("create table message (old)")
    db.execute("pragma user_version = 99")
    db.close()
    with Mailbox(bytes(box.maildir)) as mailbox:
        found = Index(mailbox)
        assert page(found) == ["Hello"]
        found.close()


@pytest.mark.parametrize("obstacle", ["directory", "link"])
def test_without_an_index_the_list_is_made_in_memory(box: Box, tmp_path: Path, obstacle: str) -> None:
    box.put()
    path = box.maildir / index.NAME.decode()
    if obstacle == "directory":
        path.mkdir()
    else:
        (tmp_path / "target").write_text("")
        path.symlink_to(tmp_path / "target")
    with Mailbox(bytes(box.maildir)) as mailbox:
        found = Index(mailbox)
        assert page(found) == ["Hello"]
        assert found.counts(b"") == (1, 1)
        found.close()
    if obstacle == "link":
        assert (tmp_path / "target").read_text() == ""


def test_an_index_that_cannot_be_written_goes_on_in_memory(box: Box, opened: tuple[Mailbox, Index]) -> None:
    _, found = opened
    box.put()
    found._db.execute("pragma query_only = 1")  # as when the disk is full
    assert page(found) == ["Hello"]
    box.put(numbered(2))
    assert page(found) == ["S2", "Hello"]


def test_two_requests_at_once(box: Box) -> None:
    box.put()
    with Mailbox(bytes(box.maildir)) as one, Mailbox(bytes(box.maildir)) as two:
        first, second = Index(one), Index(two)
        assert page(first) == page(second) == ["Hello"]
        box.put(numbered(2))
        assert page(second) == page(first) == ["S2", "Hello"]
        first.close()
        second.close()


def test_rows_are_read_by_name_where_the_name_tells(box: Box, opened: tuple[Mailbox, Index]) -> None:
    _, found = opened
    (box.maildir / "cur" / "strange").write_bytes(PLAIN)
    (box.maildir / "cur" / "99999999999999999999.x:2,").write_bytes(PLAIN)
    (box.maildir / "cur" / "5.x,S=3:2,").write_bytes(PLAIN)
    found.refresh(b"")
    rows = {r.entry.name: r for r in found.rows(b"", ALL, 0, 9)}
    assert rows[b"5.x,S=3:2,"].arrived_s == 5
    assert rows[b"5.x,S=3:2,"].size == 3
    for name in (b"strange", b"99999999999999999999.x:2,"):
        assert abs(rows[name].arrived_s - time.time()) < 1000
        assert rows[name].size == len(PLAIN)


@pytest.mark.parametrize(
    ("subject", "key"), [("Re: x", "x"), ("AW: Fwd: re: X", "x"), ("x: y", "x: y"), ("Regarding: x", "regarding: x"), ("", "")]
)
def test_answers_are_sorted_beside_what_they_answer(subject: str, key: str) -> None:
    assert index.subject_key(subject) == key
