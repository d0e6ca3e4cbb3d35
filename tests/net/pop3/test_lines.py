"""Command lines of POP3."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.net.pop3.lines import TOO_LONG, Lines, split


def all_lines(data: bytes, limit: int = 255) -> list[bytes | object]:
    lines = Lines(limit)
    lines.feed(data)
    found = []
    while (line := lines.next()) is not None:
        found.append(line)
    return found


@pytest.mark.parametrize(
    ("why", "data", "found"),
    [
        ("CRLF", b"STAT\r\nQUIT\r\n", [b"STAT", b"QUIT"]),
        ("LF alone, as people type it into netcat", b"STAT\nQUIT\n", [b"STAT", b"QUIT"]),
        ("one CR belongs to the end, two do not", b"PASS x\r\r\n", [b"PASS x\r"]),
        ("not ended yet", b"STAT", []),
        ("empty", b"\r\n", [b""]),
        ("as long as may be", b"x" * 255 + b"\r\n", [b"x" * 255]),
        ("one octet more", b"x" * 256 + b"\r\nQUIT\r\n", [TOO_LONG, b"QUIT"]),
    ],
)
def test_it_hands_out(why: str, data: bytes, found: list[bytes | object]) -> None:
    assert all_lines(data) == found


def test_a_megabyte_without_an_end_is_not_kept() -> None:
    lines = Lines(255)
    for _ in range(1000):
        lines.feed(b"x" * 1000)
        assert lines.next() is None
        assert len(lines._buffer) <= 1256
    lines.feed(b"\r\nQUIT\r\n")
    assert [lines.next(), lines.next()] == [TOO_LONG, b"QUIT"]


@given(st.lists(st.binary(max_size=20).map(lambda b: b.replace(b"\n", b"")), max_size=5), st.integers(min_value=1, max_value=9))
def test_pieces_do_not_matter(said: list[bytes], step: int) -> None:
    data = b"".join(line + b"\n" for line in said)
    lines = Lines(255)
    found = []
    for at in range(0, len(data), step):
        lines.feed(data[at : at + step])
        while (line := lines.next()) is not None:
            found.append(line)
    assert found == [line.removesuffix(b"\r") for line in said]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (b"RETR 1", (b"retr", b"1")),
        (b"pass  s p ", (b"pass", b"s p ")),
        (b"QUIT", (b"quit", b"")),
        (b"", (b"", b"")),
        (b" NOOP", (b"", b"NOOP")),
    ],
)
def test_it_splits(line: bytes, found: tuple[bytes, bytes]) -> None:
    assert split(line) == found
