from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats.header822 import Splitter, name


def split(*pieces: bytes) -> tuple[list[bytes], bytes]:
    splitter = Splitter()
    fields: list[bytes] = []
    body = b""
    for piece in pieces:
        more, rest = splitter.feed(piece)
        fields += more
        body += rest
    more, rest = splitter.close()
    return fields + more, body + rest


@pytest.mark.parametrize(
    ("why", "line", "found"),
    [
        ("a field", b"To: joe\n", b"to"),
        ("blanks before the colon", b"SubJect \t: x\n", b"subject"),
        ("empty value", b"X:", b"x"),
        ("any printable name", b"a;b<c>@!: x", b"a;b<c>@!"),
        ("the first colon counts", b"a:b:c", b"a"),
        ("no colon", b"hello\n", None),
        ("no name", b": x\n", None),
        ("blank in the name", b"Bad Name: x", None),
        ("tab before the name", b"\tTo: x", None),
        ("8-bit byte in the name", b"T\xe9: x", None),
        ("control byte", b"T\x7f: x", None),
    ],
)
def test_it_knows_the_name_of_a_field(why: str, line: bytes, found: bytes | None) -> None:
    assert name(line) == found, why


@pytest.mark.parametrize(
    ("why", "message", "fields", "body"),
    [
        ("nothing", b"", [], b""),
        ("fields and body", b"To: a\nCc: b\n\nhello\n", [b"To: a\n", b"Cc: b\n"], b"\nhello\n"),
        ("no body, no empty line", b"To: a\n", [b"To: a\n"], b""),
        ("last field without its newline", b"To: a", [b"To: a\n"], b""),
        ("last line of the body without it", b"\nhello", [], b"\nhello\n"),
        ("a field that goes on", b"To: a,\n b,\n\tc\nCc: d\n", [b"To: a,\n b,\n\tc\n", b"Cc: d\n"], b""),
        ("an mbox line", b"From joe Thu\nTo: a\n", [b"MBOX-Line: From joe Thu\n", b"To: a\n"], b""),
        ("which may go on too", b"From joe\n more\n", [b"MBOX-Line: From joe\n more\n"], b""),
        ("a line that is no field", b"To: a\nhello\nX: y\n", [b"To: a\n"], b"\nhello\nX: y\n"),
        ("and is the last, without newline", b"To: a\nhello", [b"To: a\n"], b"\nhello\n"),
        ("nothing to go on with", b" To: a\n", [], b"\n To: a\n"),
        ("a blank line goes on", b"To: a\n \nCc: b\n", [b"To: a\n \n", b"Cc: b\n"], b""),
        ("CR is no end of line", b"To: a\r\n\r\nx\r\n", [b"To: a\r\n"], b"\n\r\nx\r\n"),
        ("NUL is a byte", b"To: a\0b\n\n\0", [b"To: a\0b\n"], b"\n\0\n"),
        ("an empty body", b"\n", [], b"\n"),
    ],
)
def test_it_parts_header_and_body(why: str, message: bytes, fields: list[bytes], body: bytes) -> None:
    assert split(message) == (fields, body), why


messages = st.lists(st.sampled_from([b"To: a", b" b", b"\t", b"From x", b"\n", b"\n", b"\r\n", b"hello", b":", b"\xe9"]), max_size=20).map(
    b"".join
)


@given(messages, st.lists(st.integers(0, 60)))
def test_it_does_not_matter_how_the_bytes_arrive(message: bytes, cuts: list[int]) -> None:
    places = sorted({0, len(message), *(c for c in cuts if c < len(message))})
    pieces = [message[a:b] for a, b in zip(places, places[1:], strict=False)]
    assert split(*pieces) == split(message) if message else True


@given(messages)
def test_no_byte_is_lost(message: bytes) -> None:
    fields, body = split(message)
    unchanged = b"".join(fields).replace(b"MBOX-Line: ", b"")
    whole = message if not message or message.endswith(b"\n") else message + b"\n"
    assert unchanged + body == whole or unchanged + body[1:] == whole


def test_a_first_line_without_end_is_taken_for_the_body_and_not_kept() -> None:
    splitter = Splitter()
    piece = b"\0" * (1 << 16)
    assert splitter.feed(piece) == ([], b"")
    assert splitter.feed(piece) == ([], b"\n" + piece + piece)
    assert splitter.is_body
    assert splitter.feed(piece) == ([], piece)
    assert splitter.close() == ([], b"\n")


@pytest.mark.parametrize("start", [b"To: ", b"From "])
def test_a_field_may_be_longer_than_any_piece(start: bytes) -> None:
    fields, body = split(start, *[b"a" * (1 << 16)] * 4, b"\n\nx\n")
    assert [len(f) for f in fields] == [len(start) + (1 << 18) + 1 + (len(b"MBOX-Line: ") if start == b"From " else 0)]
    assert body == b"\nx\n"
    fields, _ = split(b"To: a\n ", *[b"a" * (1 << 16)] * 4)
    assert len(fields) == 1


def test_many_lines_make_one_field() -> None:
    fields, _ = split(b"To: a\n" + b" b\n" * 100_000)
    assert [len(f) for f in fields] == [6 + 300_000]
