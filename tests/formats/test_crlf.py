"""Line ends, in whatever pieces they come. Case C11."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import crlf

pieces = st.lists(st.text("a\r\n", max_size=6).map(str.encode))


def delcr(given: list[bytes]) -> bytes:
    lines = crlf.DelCr()
    return b"".join([*(lines.take(piece) for piece in given), lines.end()])


def fixcr(given: list[bytes]) -> bytes:
    lines = crlf.FixCr()
    return b"".join(lines.take(piece) for piece in given)


ROWS = [
    ("C11", b"a\r\nb\rc\r\r\nd\r", b"a\nb\rc\r\nd\r"),
    ("nothing", b"", b""),
    ("only one of many goes", b"\r\r\r\n", b"\r\r\n"),
    ("an empty line", b"\r\n\r\n", b"\n\n"),
    ("a LF is a LF", b"a\nb\n", b"a\nb\n"),
    ("octets of any kind", b"\0\xff\r\n", b"\0\xff\n"),
]


@pytest.mark.parametrize(("why", "given", "left"), ROWS, ids=[row[0] for row in ROWS])
def test_it_takes_one_cr_away_before_a_lf(why: str, given: bytes, left: bytes) -> None:
    assert delcr([given]) == left


@given(pieces)
def test_where_pieces_end_makes_no_difference(given: list[bytes]) -> None:
    whole = b"".join(given)
    assert delcr(given) == delcr([whole]) == whole.replace(b"\r\n", b"\n")
    assert fixcr(given) == fixcr([whole])


@given(pieces)
def test_every_lf_gets_a_cr_and_nothing_else_changes(given: list[bytes]) -> None:
    assert fixcr(given) == re.sub(rb"(?<!\r)\n", b"\r\n", b"".join(given))


@given(pieces)
def test_what_was_added_can_be_taken_away(given: list[bytes]) -> None:
    assert delcr([crlf.add_cr(piece) for piece in given]) == b"".join(given)
