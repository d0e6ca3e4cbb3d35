"""Command lines from pieces of any size."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mta.net.smtp.lines import STRAY_NEWLINE, TOO_LONG, Lines

PIECES = st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\r\n", b"NOOP\r\n", b"x" * 7]), max_size=40)
LIMIT = 12


def expected(text: bytes) -> tuple[list[object], bytes]:
    """-> what lines there are, up to the first stray newline; what is left behind them."""
    found: list[object] = []
    while b"\n" in text:
        line, _, text = text.partition(b"\n")
        if not line.endswith(b"\r"):
            return [*found, STRAY_NEWLINE], text
        found.append(TOO_LONG if len(line) > LIMIT else line[:-1])
    return found, text


@given(PIECES, st.integers(0, 5))
def test_what_lies_ahead_is_what_comes_next(pieces: list[bytes], limit: int) -> None:
    lines = Lines()
    lines.feed(b"".join(pieces))
    ahead = lines.ahead(limit)
    assert len(ahead) <= limit
    for line in ahead:
        found = lines.next(1000)
        if found is STRAY_NEWLINE:  # which ends the session, so that nothing behind it is asked for
            break
        assert found == line


@given(PIECES)
def test_the_cuts_make_no_difference(pieces: list[bytes]) -> None:
    lines = Lines()
    found: list[object] = []
    for piece in pieces:
        lines.feed(piece)
        while (line := lines.next(LIMIT)) is not None:
            found.append(line)
            if line is STRAY_NEWLINE:
                break
        if found and found[-1] is STRAY_NEWLINE:
            break
    wanted, rest = expected(b"".join(pieces))
    assert found == wanted
    if STRAY_NEWLINE not in found and len(rest) <= LIMIT:
        assert lines.take_all() == rest
        assert lines.is_empty


def test_what_is_fed_is_not_copied_for_each_line() -> None:
    lines = Lines()
    lines.feed(b"NOOP\r\n" * 3)
    buffer = lines._buffer
    assert [lines.next(), lines.next()] == [b"NOOP", b"NOOP"]
    assert lines._buffer is buffer
    lines.feed(b"QUIT\r\n")
    assert [lines.next(), lines.next(), lines.next()] == [b"NOOP", b"QUIT", None]
