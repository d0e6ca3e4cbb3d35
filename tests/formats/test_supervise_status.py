"""supervise/status to the byte, and svstat's line of it. Cases C13, C14."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import supervise_status, svstat
from mta.formats.supervise_status import Status

THEN_NS = 935_467_445_787_492_500
NOW_NS = THEN_NS + 5_000_000_000

statuses = st.builds(Status, st.integers(0, 2**40 * 10**9), st.integers(0, 2**32 - 1), st.booleans(), st.sampled_from([b"u", b"d", b"\0"]))


@given(statuses)
def test_it_reads_back(status: Status) -> None:
    data = supervise_status.write(status)
    assert len(data) == supervise_status.SIZE
    assert supervise_status.read(data) == status
    assert supervise_status.read(data + b"\2\0") == status  # daemontools-encore


@pytest.mark.parametrize(
    ("why", "status", "tail"),
    [
        ("C13 running", Status(THEN_NS, 0x6F92, False, b"u"), "926f00000075"),
        ("C13 held by down", Status(THEN_NS, 0, False, b"d"), "000000000064"),
        ("paused", Status(THEN_NS, 0x6F92, True, b"u"), "926f00000175"),
        ("once", Status(THEN_NS, 0x6F92, False, b"\0"), "926f00000000"),
    ],
)
def test_c13_to_the_byte(why: str, status: Status, tail: str) -> None:
    assert supervise_status.write(status).hex() == "4000000037c219bf2ef02e94" + tail, why


@pytest.mark.parametrize("size", range(18))
def test_it_refuses_a_file_cut_short(size: int) -> None:
    with pytest.raises(ValueError, match="bad format"):
        supervise_status.read(b"\x40" * size)


@pytest.mark.parametrize(
    ("why", "status", "is_normally_up", "line"),
    [
        ("up", Status(THEN_NS, 812, False, b"u"), True, b"up (pid 812) 5 seconds"),
        ("up all the same", Status(THEN_NS, 812, False, b"u"), False, b"up (pid 812) 5 seconds, normally down"),
        ("C14 down", Status(THEN_NS, 0, False, b"d"), True, b"down 5 seconds, normally up"),
        ("C14 as it should be", Status(THEN_NS, 0, False, b"d"), False, b"down 5 seconds"),
        ("waiting for its second", Status(THEN_NS, 0, False, b"u"), True, b"down 5 seconds, normally up, want up"),
        ("does not end", Status(THEN_NS, 812, False, b"d"), True, b"up (pid 812) 5 seconds, want down"),
        ("everything", Status(THEN_NS, 812, True, b"d"), False, b"up (pid 812) 5 seconds, normally down, paused, want down"),
        ("once", Status(THEN_NS, 812, False, b"\0"), True, b"up (pid 812) 5 seconds"),
        ("the clock went back", Status(NOW_NS * 2, 812, False, b"u"), True, b"up (pid 812) 0 seconds"),
    ],
)
def test_c14_the_line_of_svstat(why: str, status: Status, is_normally_up: bool, line: bytes) -> None:
    assert svstat.line(b"d", status, is_normally_up, NOW_NS) == b"d: " + line + b"\n", why
