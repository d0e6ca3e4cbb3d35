"""Addresses as mess822 reads and writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import mess822
from mta.formats.mess822 import ADDRESS, COMMENT, TEXT


def a(address: bytes, comment: bytes | None = None) -> list[tuple[bytes, bytes]]:
    return [(ADDRESS, address)] if comment is None else [(COMMENT, comment), (ADDRESS, address)]


@pytest.mark.parametrize(
    ("why", "text", "entries"),
    [
        ("an address", b"joe@h.org", a(b"joe@h.org")),
        ("one without a host", b"joe", a(b"joe@")),
        ("commas", b"a@x, b@y", [*a(b"a@x"), *a(b"b@y")]),
        ("blanks in place of commas", b"a b, c@d", [*a(b"a@"), *a(b"b@"), *a(b"c@d")]),
        ("blanks within an address", b"a . b @ c . d", a(b"a.b@c.d")),
        ("a phrase", b"Joe Q. Public <joe@h>", a(b"joe@h", b"Joe Q. Public")),
        ("a phrase in quotes", b'"Joe, Q" <joe@h>', a(b"joe@h", b"Joe, Q")),
        ("a comment", b"joe@h (Joe  Q)", a(b"joe@h", b"Joe Q")),
        ("a comment in a comment", b"joe@h (Joe (Q) \\) P)", a(b"joe@h", b"Joe (Q) ) P")),
        ("nobody", b"<>", a(b"@")),
        ("no entry", b" , ;, ", []),
        ("quotes", b'"a b"@h', a(b"a b@h")),
        ("a backslash", b"a\\ b@h", a(b"a b@h")),
        ("a literal", b"a@[1.2.3.4]", a(b"a@[1.2.3.4]")),
        ("a route", b"<@a,@b:joe@h>", a(b"joe@h", b"@a@b")),
        ("a group", b"friends: a@x, b@y;", [*a(b"a@x", b"friends"), *a(b"b@y")]),
        ("an empty group", b"nobody: ;", [(COMMENT, b"nobody")]),
        ("quotes left open", b'joe, "a b', [*a(b"joe@"), *a(b"a b@")]),
        ("a bracket left open", b"joe@h>", a(b"joe@h")),
        ("a backslash at the end", b"joe\\", a(b"joe\\@")),
        ("two hosts", b"a@b@c", a(b"a@b@c")),
        ("bytes of all kinds", b"\xe9\0\x01@h", a(b"\xe9\0\x01@h")),
    ],
)
def test_a_list_is_read(why: str, text: bytes, entries: list[tuple[bytes, bytes]]) -> None:
    assert mess822.addresses(text) == entries, why


def test_tokens() -> None:
    found = mess822.tokens(b'a."b c"@[d] (e)<')
    assert found == [
        (TEXT, b"a"), (b".", b"."), (TEXT, b"b c"), (b"@", b"@"), (TEXT, b"[d]"), (b" ", b" "), (b"(", b"e"), (b"<", b"<"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("why", "address", "comment", "text"),
    [
        ("plain", b"joe@h.org", None, b"joe@h.org"),
        ("with a name", b"joe@h.org", b"Joe", b'"Joe" <joe@h.org>'),
        ("a name that needs care", b"joe@h", b'a"b\\c', b'"a\\"b\\\\c" <joe@h>'),
        ("no address", b"", None, b"<>"),
        ("nobody", b"@", b"", b'"" <>'),
        ("no host", b"joe@", None, b"joe"),
        ("no box", b"@h", None, b'""@h'),
        ("a blank", b"a b@h", None, b'"a b"@h'),
        ("dots where none may be", b".a@h..x", None, b'".a"@"h..x"'),
        ("the last at sign parts", b"a@b@c", None, b'"a@b"@c'),
        ("a literal", b"a@[1.2.3.4]", None, b"a@[1.2.3.4]"),
        ("a literal that needs care", b"a@[1]2]", None, b"a@[1\\]2]"),
        ("eight bits", b"\xe9@h", None, b'"\xe9"@h'),
        ("a NUL, and a newline, which must not break a line", b"a\0b\nc@h", None, b'"a\\\0b\\\0c"@h'),
    ],
)
def test_an_address_is_written(why: str, address: bytes, comment: bytes | None, text: bytes) -> None:
    assert mess822.quote(address, comment) == text, why


def test_a_list_is_folded_where_it_would_be_long() -> None:
    entries = [entry for n in range(6) for entry in a(b"somebody%d@host.example.org" % n)]
    assert mess822.fold(b"To: ", mess822.write_list(entries)) == (
        b"To: somebody0@host.example.org, somebody1@host.example.org,\n"
        b"  somebody2@host.example.org, somebody3@host.example.org,\n"
        b"  somebody4@host.example.org, somebody5@host.example.org\n"
    )


def test_groups_without_anybody_stay() -> None:
    entries = [(COMMENT, b"nobody"), (COMMENT, b"friends"), (ADDRESS, b"a@x"), (COMMENT, b"gone")]
    assert mess822.write_list(entries) == b'"nobody": ;,\n  "friends" <a@x>,\n  "gone": ;'


letters = st.text('ab.@ "\\[]<>(),:;\t', max_size=12).map(str.encode)
hosts = st.one_of(letters.filter(lambda h: b"@" not in h), st.just(b"h.org"))


@given(box=letters, host=hosts.filter(bool), comment=st.one_of(st.none(), letters))
def test_an_address_that_is_written_reads_back(box: bytes, host: bytes, comment: bytes | None) -> None:
    [*_, entry] = mess822.addresses(mess822.quote(b"%b@%b" % (box, host), comment))
    assert entry == (ADDRESS, b"%b@%b" % (box, host))


@given(st.one_of(st.binary(max_size=80), letters.map(lambda t: t * 3)))
def test_any_bytes_are_a_list_and_what_is_written_of_it_stays(text: bytes) -> None:
    text = text.replace(b"\n", b"")
    first = mess822.write_list(mess822.addresses(text))
    again = mess822.addresses(first.replace(b"\n", b""))
    assert [t for kind, t in again if kind == ADDRESS] == [t for kind, t in mess822.addresses(text) if kind == ADDRESS]


@given(st.lists(st.binary(min_size=1, max_size=100).map(lambda b: b.replace(b"\n", b"x")), min_size=1, max_size=6))
def test_folding_breaks_only_between_addresses(boxes: list[bytes]) -> None:
    field = mess822.fold(b"To: ", mess822.write_list([(ADDRESS, box) for box in boxes]))
    assert field.endswith(b"\n")
    assert all(line.startswith(b"  ") for line in field.split(b"\n")[1:-1])
    assert field.replace(b",\n  ", b", ").count(b"\n") == 1


def test_it_takes_time_in_proportion() -> None:
    for hostile in (b"(" * 50_000, b'"' * 50_000, b"<" * 50_000, b"a:" * 50_000, b"\\" * 50_000, b">" * 50_000, b"a " * 50_000):
        assert mess822.write_list(mess822.addresses(hostile)) is not None
