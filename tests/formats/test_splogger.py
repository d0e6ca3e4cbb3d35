from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats.splogger import ALERT, INFO, PIECE, WARNING, Cutter

STAMP = b"1000000000.000007"


def cut(data: bytes, step: int = 1 << 16) -> list[tuple[int, bytes]]:
    cutter = Cutter(lambda: 1_000_000_000_000_007_999)
    return [entry for at in range(0, len(data), step) for entry in cutter.feed(data[at : at + step])]


@pytest.mark.parametrize(
    ("why", "data", "entries"),
    [
        ("a line", b"new msg 7\n", [(INFO, b" new msg 7")]),
        ("its level", b"warning: a\nalert: b\nalert c\n", [(WARNING, b" warning: a"), (ALERT, b" alert: b"), (INFO, b" alert c")]),
        ("a level in the middle is none", b"x warning: a\n", [(INFO, b" x warning: a")]),
        ("empty lines make no entry", b"\n\na\n\n", [(INFO, b" a")]),
        ("bytes that are not visible", b"a\tb\xe9\0c\r\n", [(INFO, b" a?b??c?")]),
        ("an unterminated last line is dropped", b"a\nb", [(INFO, b" a")]),
        ("a line that just fits", b"x" * PIECE + b"\n", [(INFO, b" " + b"x" * PIECE)]),
        ("one octet more", b"x" * PIECE + b"y\n", [(INFO, b" " + b"x" * PIECE), (INFO, b"+y")]),
        (
            "all pieces have the level of the first",
            b"alert: " + b"x" * 2 * PIECE + b"\nb\n",
            [(ALERT, b" alert: " + b"x" * (PIECE - 7)), (ALERT, b"+" + b"x" * PIECE), (ALERT, b"+xxxxxxx"), (INFO, b" b")],
        ),
        ("a full piece of a line without end", b"x" * PIECE + b"y", [(INFO, b" " + b"x" * PIECE)]),
        ("a piece is full when something follows", b"x" * PIECE, []),
    ],
)
@pytest.mark.parametrize("step", [1, 7, 1 << 16])
def test_lines_become_entries(why: str, data: bytes, entries: list[tuple[int, bytes]], step: int) -> None:
    assert cut(data, step) == [(level, STAMP + text) for level, text in entries], why


def test_each_line_has_its_own_time() -> None:
    times = iter((1_000_000, 2_000_000))
    cutter = Cutter(lambda: next(times))
    assert list(cutter.feed(b"a\nb\n")) == [(INFO, b"0.001000 a"), (INFO, b"0.002000 b")]


@given(st.binary(max_size=4000), st.integers(1, 999))
def test_nothing_is_lost_however_it_is_cut(data: bytes, step: int) -> None:
    data = data.replace(b"\0", b"\n") + b"\n"
    found = b"".join(text[len(STAMP) + 1 :] for _, text in cut(data, step))
    assert found == bytes(c if 32 <= c <= 126 else 0x3F for c in data.replace(b"\n", b""))
