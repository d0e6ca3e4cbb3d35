"""The header as mess822 cuts it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import mess822_header
from mta.formats.mess822_header import Splitter


def split(message: bytes, size: int = 1 << 20) -> tuple[list[bytes], bytes]:
    splitter = Splitter()
    fields: list[bytes] = []
    body = b""
    for at in range(0, len(message), size):
        found, rest = splitter.feed(message[at : at + size])
        fields += found
        body += rest
    found, rest = splitter.close()
    return fields + found, body + rest


@pytest.mark.parametrize(
    ("why", "message", "fields", "body"),
    [
        ("as it should be", b"To: a\nX: b\n\nbody\n", [b"To: a\n", b"X: b\n"], b"\nbody\n"),
        ("lines that go on", b"To: a\n b\n\tc\n\n", [b"To: a\n b\n\tc\n"], b"\n"),
        ("no empty line", b"To: a\nbody\nX: y\n", [b"To: a\n"], b"\nbody\nX: y\n"),
        ("an mbox line is none", b"From joe Sat Jan 03 01:05:34 1996\nTo: a\n", [], b"\nFrom joe Sat Jan 03 01:05:34 1996\nTo: a\n"),
        ("blanks before the colon", b"To \t: a\n", [b"To \t: a\n"], b""),
        ("a blank within the name", b"To me: a\n", [], b"\nTo me: a\n"),
        ("eight bits in the name", b"T\xf6: a\n", [], b"\nT\xf6: a\n"),
        ("a first line that goes on", b" a\nTo: b\n", [b" a\n", b"To: b\n"], b""),
        ("a line of blanks goes on", b"To: a\n \n\nb\n", [b"To: a\n \n"], b"\nb\n"),
        ("a last line without newline", b"To: a", [b"To: a\n"], b""),
        ("a body without newline", b"To: a\n\nb", [b"To: a\n"], b"\nb\n"),
        ("nothing", b"", [], b""),
        ("no header", b"\nbody\n", [], b"\nbody\n"),
    ],
)
def test_a_message_is_cut(why: str, message: bytes, fields: list[bytes], body: bytes) -> None:
    assert split(message) == (fields, body), why
    assert split(message, 1) == (fields, body), why


def test_a_huge_line_that_begins_no_field_is_body_at_once() -> None:
    splitter = Splitter()
    huge = b"x" * (1 << 16) + b"y"
    assert splitter.feed(huge) == ([], b"\n" + huge)
    assert splitter.is_body


@pytest.mark.parametrize(
    ("field", "name", "value"),
    [
        (b"Subject: a\n b\n", b"subject", b" a b"),
        (b"Subject :a\n", b"subject", b"a"),
        (b" lead\n", b"", b"lead"),
        (b"X:\n", b"x", b""),
        (b"X: a:b\0c\n", b"x", b" a:b\0c"),
    ],
)
def test_names_and_values(field: bytes, name: bytes, value: bytes) -> None:
    assert mess822_header.name(field) == name
    assert mess822_header.value(field) == value


@given(
    st.lists(st.sampled_from([b"a", b":", b" ", b"\n", b"\n\n", b"x: y\n", b"\0", b"\xff"]), max_size=30).map(b"".join), st.integers(1, 9)
)
def test_pieces_of_any_size_give_the_same_and_nothing_is_lost(message: bytes, size: int) -> None:
    fields, body = split(message)
    assert split(message, size) == (fields, body)
    whole = b"".join(fields) + body
    assert whole.replace(b"\n", b"") == message.replace(b"\n", b"")
    assert all(mess822_header.is_line(line + b"\n") for field in fields for line in field.split(b"\n")[:-1])
