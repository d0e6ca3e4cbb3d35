from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import traceline

LINE = b"Delivered-To: joe@h.ex\n"


def test_l22_a_sender_is_quoted_in_one_line_and_dashed_in_the_other() -> None:
    assert traceline.mbox_from(b'we ird"@x.y', 820631134) == b'From we-ird"@x.y Wed Jan 03 01:05:34 1996\n'
    assert traceline.return_path(b'we ird"@x.y') == b'Return-Path: <"we ird\\""@x.y>\n'


@pytest.mark.parametrize(
    ("why", "line", "wanted"),
    [
        ("nobody", traceline.return_path(b""), b"Return-Path: <>\n"),
        ("a double bounce", traceline.return_path(b"#@[]"), b"Return-Path: <#@[]>\n"),
        ("a newline is no new line", traceline.return_path(b"a\nb@c"), b'Return-Path: <"a\\_b"@c>\n'),
        ("nor here", traceline.delivered_to(b"a\nBcc: x@h"), b"Delivered-To: a_Bcc: x@h\n"),
        ("nobody in an mbox", traceline.mbox_from(b"", 0), b"From MAILER-DAEMON Thu Jan 01 00:00:00 1970\n"),
        ("white space", traceline.mbox_from(b"a \t\nb", 0), b"From a---b Thu Jan 01 00:00:00 1970\n"),
    ],
)
def test_lines_to_the_byte(why: str, line: bytes, wanted: bytes) -> None:
    assert line == wanted, why


@given(st.binary(max_size=60))
def test_whatever_the_address_it_is_one_line(address: bytes) -> None:
    for line in (traceline.delivered_to(address), traceline.return_path(address), traceline.mbox_from(address, 0)):
        assert line.index(b"\n") == len(line) - 1


CASES = [
    ("first line", LINE + b"\nb\n", True),
    ("somewhere", b"A: b\n" + LINE + b"C: d\n\nb\n", True),
    ("no body", b"A: b\n" + LINE, True),
    ("another case", b"Delivered-To: JOE@h.ex\n\n", False),
    ("more on the line", b"Delivered-To: joe@h.ex.org\n\n", False),
    ("CR before the newline", b"Delivered-To: joe@h.ex\r\n\n", False),
    ("inside a line", b"X-Delivered-To: joe@h.ex\n\n", False),
    ("l20 in the body", b"A: b\n\n" + LINE, False),
    ("l20 an empty line at once", b"\n" + LINE, False),
    ("l20 not ended", b"A: b\n" + LINE[:-1], False),
    ("nothing", b"", False),
]


@pytest.mark.parametrize(("why", "message", "is_there"), CASES)
@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_l19_it_finds_its_own_line_in_a_header(why: str, message: bytes, is_there: bool, size: int) -> None:
    pieces = (message[i : i + size] for i in range(0, len(message), size))
    assert traceline.in_header(pieces, LINE) is is_there, why


@given(
    st.lists(st.sampled_from([LINE, b"Delivered-To: ", b"x\n", b"\n", b"joe@h.ex\n", b"y"]), max_size=8).map(b"".join), st.integers(1, 40)
)
def test_it_finds_it_as_a_reader_of_lines_would(message: bytes, size: int) -> None:
    header = (b"\n" + message).split(b"\n\n")[0] + b"\n" if b"\n\n" in b"\n" + message else b"\n" + message
    wanted = LINE in header.splitlines(keepends=True)
    assert traceline.in_header((message[i : i + size] for i in range(0, len(message), size)), LINE) is wanted


def test_it_reads_no_more_than_the_header() -> None:
    def pieces() -> object:
        yield b"A: b\n\n"
        raise AssertionError("read on")

    assert not traceline.in_header(pieces(), LINE)  # type: ignore[arg-type]
