from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import mbox

PARTS = st.lists(st.sampled_from([b">", b"F", b"From ", b"Fro", b"m ", b"\n", b"x", b"\r", b">" * 9, b"\0"]), max_size=14).map(b"".join)


def quote(pieces: list[bytes]) -> bytes:
    quoter = mbox.Quoter()
    return b"".join(map(quoter.feed, pieces)) + quoter.end()


@pytest.mark.parametrize(
    ("why", "message", "stored"),
    [
        ("header and body alike, a last line without newline", b"From a\n>From b\nx", b">From a\n>>From b\nx\n\n"),
        ("nothing", b"", b"\n"),
        ("only an empty line", b"\n", b"\n\n"),
        ("not at the beginning", b"a From b\n", b"a From b\n\n"),
        ("no space behind it", b"From\nFroma\n", b"From\nFroma\n\n"),
        ("the last line", b"From ", b">From \n\n"),
        ("a stranger's CR", b"\rFrom b\n", b"\rFrom b\n\n"),
    ],
)
def test_l21_lines_that_begin_with_from_are_quoted(why: str, message: bytes, stored: bytes) -> None:
    assert quote([message]) == stored, why


@given(PARTS, st.lists(st.integers(0, 60)))
def test_it_quotes_the_same_whatever_the_pieces(message: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(min(c, len(message)) for c in cuts), len(message)]
    pieces = [message[a:b] for a, b in zip(edges, edges[1:], strict=False)]
    ended = message + b"\n" if message and not message.endswith(b"\n") else message
    assert quote(pieces) == re.sub(rb"(?m)^(>*From )", rb">\1", ended) + b"\n"


@given(PARTS)
def test_unquoting_gives_back_every_line(message: bytes) -> None:
    ended = message + b"\n" if message and not message.endswith(b"\n") else message
    lines = quote([message]).split(b"\n")[:-2]
    assert [mbox.unquote(line) for line in lines] == ended.split(b"\n")[:-1]


def test_a_line_without_end_is_not_kept() -> None:
    quoter = mbox.Quoter()
    passed = sum(len(quoter.feed(b">" * 65_536)) for _ in range(20))
    assert passed > 19 * 65_536
