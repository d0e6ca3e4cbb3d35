"""Where a log file ends, and which old ones go."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.decisions.log_rotation import MARGIN, is_full, next_end, surplus

SIZE = 4096


@pytest.mark.parametrize(
    ("why", "data", "used", "end"),
    [
        ("far from the end: all of it", b"a\nb\n", 0, 4),
        ("the first line end from size - 2000 on", b"a\nb\nc\n", SIZE - MARGIN - 3, 4),
        ("exactly there", b"a\nb\nc\n", SIZE - MARGIN - 2, 2),
        ("past it", b"abc\nb\nc\n", SIZE - MARGIN + 5, 4),
        ("no line end: all of it", b"abc", SIZE - MARGIN + 5, 3),
        ("a line that is too long is cut", b"x" * 5000, 0, SIZE),
        ("the rest of it, too", b"x" * 5000, 4000, SIZE - 4000),
        ("a line end before the margin does not count", b"a\n" + b"x" * 5000, 0, SIZE),
    ],
)
def test_how_far_a_file_reaches(why: str, data: bytes, used: int, end: int) -> None:
    assert next_end(data, 0, used, SIZE) == end, why


@pytest.mark.parametrize(
    ("used", "last", "answer"),
    [
        (SIZE - MARGIN, b"\n", True),
        (SIZE - MARGIN - 1, b"\n", False),
        (SIZE - MARGIN, b"x", False),
        (SIZE - 1, b"x", False),
        (SIZE, b"x", True),
    ],
)
def test_when_a_file_is_full(used: int, last: bytes, answer: bool) -> None:
    assert is_full(used, SIZE, last) is answer


lines = st.lists(st.integers(0, 6000), max_size=12).map(lambda sizes: b"".join(b"x" * size + b"\n" for size in sizes))


@given(lines, st.integers(0, SIZE - 1))
def test_files_are_within_their_size_and_end_with_a_line_if_they_can(data: bytes, used: int) -> None:
    at, written = 0, used
    while at < len(data):
        if is_full(written, SIZE, b""):
            written = 0
        end = next_end(data, at, written, SIZE)
        assert at < end <= len(data)
        written += end - at
        assert written <= SIZE
        at = end
        if is_full(written, SIZE, data[at - 1 : at]):
            assert data[at - 1 : at] == b"\n" or written == SIZE
            written = 0


def names(*times: int) -> list[bytes]:
    return [b"@%024x.s" % time for time in times]


@pytest.mark.parametrize(
    ("why", "found", "number", "gone"),
    [
        ("number counts current", names(1, 2), 3, []),
        ("the oldest goes", names(3, 1, 2), 3, names(1)),
        ("as many as it takes", names(4, 3, 1, 2), 2, names(1, 2, 3)),
        ("other files are not ours", [b"current", b"lock", b"state", b"@short", *names(1)], 2, []),
        ("whatever the ending", [b"@%024x.u" % 1, b"@%024x" % 2], 2, [b"@%024x.u" % 1]),
    ],
)
def test_which_old_files_go(why: str, found: list[bytes], number: int, gone: list[bytes]) -> None:
    assert surplus(found, number) == gone, why
