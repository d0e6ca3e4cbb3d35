from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import address_list
from mta.formats.address_list import Entry


@pytest.mark.parametrize(
    ("why", "text", "entries"),
    [
        ("an address", b"joe@h", [Entry(b"", b"joe@h")]),
        ("in brackets", b"<joe@h>", [Entry(b"", b"joe@h")]),
        ("a name", b"Joe Doe <joe@h>", [Entry(b"Joe Doe", b"joe@h")]),
        ("a quoted name", b'"Doe, \\"J\\"" <joe@h>', [Entry(b'Doe, "J"', b"joe@h")]),
        ("a comment is a name", b"joe@h (Joe (the) Doe)", [Entry(b"Joe (the) Doe", b"joe@h")]),
        ("several", b"a@b, c@d;e@f", [Entry(b"", b"a@b"), Entry(b"", b"c@d"), Entry(b"", b"e@f")]),
        ("a group", b"us: a@b, c@d;, x@y", [Entry(b"", b"a@b"), Entry(b"", b"c@d"), Entry(b"", b"x@y")]),
        ("an empty group", b"undisclosed recipients:;", []),
        ("a source route", b"<@r,@s:joe@h>", [Entry(b"", b"joe@h")]),
        ("blanks around the marks", b"joe @ h . org", [Entry(b"", b"joe@h.org")]),
        ("a quoted box", b'"a b"@h', [Entry(b"", b'"a b"@h')]),
        ("half quoted", b'"a".b@h', [Entry(b"", b'"a".b@h')]),
        ("a literal", b"joe@[IPv6:::1]", [Entry(b"", b"joe@[IPv6:::1]")]),
        ("the last of several words", b"Joe Doe joe@h", [Entry(b"Joe Doe", b"joe@h")]),
        ("no address", b"MAILER-DAEMON", [Entry(b"MAILER-DAEMON", b"")]),
        ("comments within brackets", b"<joe(x)@h(y)>", [Entry(b"", b"joe@h")]),
        ("words are not decoded", b"=?utf-8?q?J=C3=B6?= <j@h>", [Entry(b"=?utf-8?q?J=C3=B6?=", b"j@h")]),
        ("the name is another address", b'"real@bank" <evil@x>', [Entry(b"real@bank", b"evil@x")]),
        ("two addresses in brackets", b"A <a@b> <c@d>", [Entry(b"A", b"a@b", True)]),
        ("text behind the address", b"A <a@b> c@d", [Entry(b"A c@d", b"a@b", True)]),
        ("a NUL", b"good@h\0 <evil@x>", [Entry(b"good@h\0", b"evil@x", True)]),
        ("nothing", b" , ;", []),
        ("a bracket nobody closes", b"a (b <c@d>", [Entry(b"a (b", b"c@d")]),
        ("a quote nobody closes", b'"a <c@d>', [Entry(b'"a', b"c@d")]),
    ],
)
def test_it_reads_addresses(why: str, text: bytes, entries: list[Entry]) -> None:
    assert address_list.read(text) == entries, why


def test_it_stops_at_ten_thousand() -> None:
    assert len(address_list.read(b"a@b," * 30_000)) == address_list.ENTRIES_MAX


@pytest.mark.parametrize(
    "evil",
    [b'"\\' * 400_000, b'<"\\' * 300_000, b"(" * 800_000, b"a@b" + b":" * 800_000, b" " * 800_000 + b"@", b"<" * 800_000, b"[a" * 400_000],
)
def test_it_takes_linear_time(evil: bytes) -> None:
    address_list.read(evil)  # what grew with the square of this would not end


words = st.text("abcdefghij", min_size=1, max_size=10).map(str.encode)


@given(st.lists(st.tuples(st.lists(words, max_size=3), words, words), max_size=8))
def test_it_reads_what_people_write(people: list[tuple[list[bytes], bytes, bytes]]) -> None:
    text = b", ".join(b"%b <%b@%b>" % (b" ".join(name), box, host) for name, box, host in people)
    assert address_list.read(text) == [Entry(b" ".join(name), box + b"@" + host) for name, box, host in people]


@given(st.text('ab@.,;:<>()[]"\\ \0', max_size=80).map(str.encode))
def test_it_never_raises(text: bytes) -> None:
    address_list.read(text)
