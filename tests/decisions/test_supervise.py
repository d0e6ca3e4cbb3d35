"""What supervise does next: commands, ends, and never more than one start a second."""

from __future__ import annotations

import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.decisions.supervise import FORK_PAUSE_NS, SPACING_NS, Service

PID = 812


def service(*, is_up: bool, want: bytes = b"u") -> Service:
    found = Service(True)
    if is_up:
        found.started(PID, 0)
    for letter in {b"u": b"", b"d": b"d", b"\0": b"o"}[want]:
        found.command(letter)
    return found


def test_it_starts_at_once_unless_told_otherwise() -> None:
    assert Service(True).wait_ns(5) == 0
    assert Service(False).wait_ns(5) is None


@pytest.mark.parametrize(
    ("letter", "signals"),
    [
        (b"u", []), (b"o", []), (b"x", []), (b"q", []), (b"\n", []),
        (b"d", [signal.SIGTERM, signal.SIGCONT]),
        (b"p", [signal.SIGSTOP]), (b"c", [signal.SIGCONT]), (b"h", [signal.SIGHUP]), (b"a", [signal.SIGALRM]), (b"i", [signal.SIGINT]),
        (b"t", [signal.SIGTERM]), (b"k", [signal.SIGKILL]),
    ],
)  # fmt: skip
def test_a_command_signals_the_child_if_there_is_one(letter: bytes, signals: list[int]) -> None:
    assert list(service(is_up=True).command(letter[0])) == signals
    assert list(service(is_up=False).command(letter[0])) == []


@pytest.mark.parametrize(
    ("why", "want", "is_started_again"),
    [("up", b"u", True), ("down", b"d", False), ("once", b"\0", False)],
)
def test_a_child_that_ends_is_started_again_if_it_is_wanted(why: str, want: bytes, is_started_again: bool) -> None:
    s = service(is_up=True, want=want)
    s.ended()
    assert (s.wait_ns(SPACING_NS) == 0) is is_started_again, why
    assert s.want == want


def test_a_second_passes_between_two_starts() -> None:
    s = service(is_up=True)
    s.ended()
    assert s.wait_ns(1) == SPACING_NS - 1
    assert s.wait_ns(SPACING_NS + 7) == 0


def test_a_start_that_waits_can_be_called_off() -> None:
    s = service(is_up=True)
    s.ended()
    s.command(ord("d"))
    assert s.wait_ns(SPACING_NS) is None


def test_down_ends_a_paused_child_too() -> None:
    s = service(is_up=True)
    s.command(ord("p"))
    assert s.is_paused
    s.command(ord("d"))
    assert not s.is_paused


def test_nothing_is_paused_while_nothing_runs() -> None:
    s = service(is_up=False)
    s.command(ord("p"))
    assert not s.is_paused
    s.started(PID, 0)
    s.command(ord("p"))
    s.ended()
    assert not s.is_paused


def test_leaving_waits_for_the_child_and_starts_no_other() -> None:
    s = service(is_up=True)
    s.command(ord("x"))
    assert not s.is_over
    s.ended()
    assert s.is_over and s.wait_ns(SPACING_NS) is None


def test_leaving_is_at_once_while_down() -> None:
    s = service(is_up=False, want=b"d")
    s.command(ord("x"))
    assert s.is_over


def test_a_system_without_room_is_asked_again_a_minute_later() -> None:
    s = Service(True)
    s.start_failed(7)
    assert s.wait_ns(7) == FORK_PAUSE_NS
    assert s.wait_ns(7 + FORK_PAUSE_NS) == 0


events = st.lists(st.one_of(st.sampled_from(list(b"udopchaitkx?")), st.just("ended"), st.integers(0, 3 * SPACING_NS)), max_size=60)


@given(st.booleans(), events)
def test_whatever_happens_the_rules_hold(is_normally_up: bool, found: list[int | str]) -> None:
    """Starts are a second apart; one child at a time; a child that is wanted up is up or due; what is over stays over."""
    s, now, starts = Service(is_normally_up), 0, []
    for event in found:
        if event == "ended" and s.pid:
            s.ended()
        elif isinstance(event, int) and event < 256:
            s.command(event)
        elif isinstance(event, int):
            now += event
        if s.is_over:
            assert not s.pid
            return
        if s.wait_ns(now) == 0:
            assert not s.pid
            starts.append(now)
            s.started(PID, now)
        if s.want == b"u":
            assert s.pid or s.wait_ns(now) is not None
        if s.want == b"d":
            assert s.wait_ns(now) is None
        assert not s.is_paused or s.pid
    assert all(later - earlier >= SPACING_NS for earlier, later in zip(starts, starts[1:], strict=False))
