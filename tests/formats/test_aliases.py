"""/etc/aliases: conformance cases C24 to C26, and what sendmail's users write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import aliases, forwards
from mta.formats.forwards import Refused
from mta.formats.sendmail_list import Defaults

ME = b"mail.example.com"
HERE = Defaults(host=ME, domain=ME, plus=b"example.net")


@pytest.mark.parametrize(
    ("why", "text", "records"),
    [
        ("C24 the last comes first", b"list: a, b@X.org, c\n", [(b":list@", b"&c@mail.example.com\0&b@X.org\0&a@mail.example.com\0")]),
        ("C24 blanks of a command stay", b'Post: "|prog x", :include:/l/y\n', [(b":post@", b"/l/y.bin\0!prog x\0")]),
        ("C25 owners", b"owner-list: Bob\n", [(b"?list@", b"owner-list@" + ME), (b":owner-list@", b"&Bob@mail.example.com\0")]),
        ("an owner at a host", b"owner-l@h.x: b@x.y\n", [(b"?l@h.x", b"owner-l@h.x"), (b":owner-l@h.x", b"&b@x.y\0")]),
        ("at a host, at any, everybody", b"a@h: b@x.y\na: b@x.y\n@h: b@x.y\n", [(k, b"&b@x.y\0") for k in (b":a@h", b":a@", b":@h")]),
        ("plus, a short host", b"a: b@c+, d@e\n", [(b":a@", b"&d@e.mail.example.com\0&b@c.example.net\0")]),
        ("host forgotten", b"a: b@\n", [(b":a@", b"&b@mail.example.com\0")]),
        ("lines that go on", b"a: b@x.y,\n\n  c@x.y\n\td@x.y\n", [(b":a@", b"&d@x.y\0&c@x.y\0&b@x.y\0")]),
        ("comments between them are not there", b"a: b@x.y,\n# e\n  c@x.y\n", [(b":a@", b"&c@x.y\0&b@x.y\0")]),
        ("a comment is a line", b"a: b@x.y # c@x.y\n", [(b":a@", b"&c@x.y\0&#@mail.example.com\0&b@x.y\0")]),
        ("no colon", b"a b@x.y\n", [(b":a@", b"&b@x.y\0")]),
        ("more colons", b"a:: b@x.y; c@x.y\n", [(b":a@", b"&c@x.y\0&b@x.y\0")]),
        ("a relative list", b"a: :include:l\n", [(b":a@", b"./l.bin\0")]),
        ("a quoted list", b'a: ":include:/l"\n', [(b":a@", b"&:include:/l@mail.example.com\0")]),
        ("commands come before the address to their right", b'a: "|p", b@x.y\n', [(b":a@", b"!p\0&b@x.y\0")]),
        ("an alias in quotes", b'"A b": c@x.y\n', [(b":a b@", b"&c@x.y\0")]),
        ("a last line without newline", b"a: b@x.y\nc: d@x.y", [(b":a@", b"&b@x.y\0"), (b":c@", b"&d@x.y\0")]),
        ("CR LF", b"a: b@x.y\r\n\r\nc: d@x.y\r\n", [(b":a@", b"&b@x.y\0"), (b":c@", b"&d@x.y\0")]),
        ("the longest", b"a: " + b"b" * 796 + b"@x.y\n", [(b":a@", b"&" + b"b" * 796 + b"@x.y\0")]),
        ("nothing", b"\n# a\n \n", []),
    ],
)
def test_it_compiles(why: str, text: bytes, records: list[tuple[bytes, bytes]]) -> None:
    assert aliases.compile_(text, HERE) == records, why


@pytest.mark.parametrize(
    ("why", "text", "exit_", "complaint"),
    [
        ("C26 a file", b"f: /var/mail/x\n", 111, b"file delivery /var/mail/x not supported"),
        ("nobody", b"name:\n", 111, b"unable to parse this line: name:"),
        ("half an address", b"a@:\n", 111, b"unable to parse this line: a@:"),
        ("no address", b"a: <>\n", 111, b"unable to parse this line: a: <>"),
        ("no alias", b'"|prog"\n', 111, b'unable to parse this line: "|prog"'),
        ("quotes", b'a: "b\n', 111, b'unable to parse this line: a: "b'),
        ("brackets", b"a: b>\n", 111, b"unable to parse this line: a: b>"),
        ("two lines of it", b'a: "b,\n  c\n', 111, b'unable to parse this line: a: "b,\n  c'),
        ("a list without a name", b"a: :include:\n", 111, b"empty :include: filenames not permitted"),
        ("a NUL in a list", b"a: :include:b\\\0\n", 111, b"NUL not permitted in :include: filenames"),
        ("a NUL in a command", b'a: "|b\0"\n', 111, b"NUL not permitted in program names"),
        ("a NUL in an address", b"a: b\\\0\n", 111, b"NUL not permitted in recipient addresses"),
        ("a newline in an address", b"a: b\\\n", 111, b"newlines not permitted in recipient addresses"),
        ("too long", b"a: " + b"b" * 797 + b"@x.y\n", 100, b"addresses over 800 bytes are not permitted"),
    ],
)
def test_it_refuses(why: str, text: bytes, exit_: int, complaint: bytes) -> None:
    with pytest.raises(Refused) as caught:
        aliases.compile_(b"ok: fine@x.y\n" + text, HERE)
    assert (caught.value.exit, caught.value.text) == (exit_, complaint), why


@given(st.one_of(st.binary(max_size=80), st.text(':,;<>@."|/\\ ()\n\t#ainclude', max_size=50).map(str.encode)))
def test_any_table_is_compiled_or_refused(text: bytes) -> None:
    try:
        records = aliases.compile_(text, HERE)
    except Refused:
        return
    for key, data in records:
        assert key[:1] in (b":", b"?") and key == key.lower()
        assert key[:1] == b"?" or forwards.write(forwards.read(data)) == data != b""


@given(st.lists(st.sampled_from([b"a@x.y", b"b", b'"|p"', b":include:/l"]), min_size=1, max_size=6))
def test_a_recipient_more_is_an_instruction_more(recipients: list[bytes]) -> None:
    [(key, data)] = aliases.compile_(b"z: " + b", ".join(recipients) + b"\n", HERE)
    assert (key, data.count(b"\0")) == (b":z@", len(recipients))
