"""R5: everything that a power cut may leave of one of everything that happens to mail, started on: nothing that was told is lost.

Needs strace, and no root. The full form tries every state within the bounds of reorder_states; see `make crash`.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash import reorder
from tests.crash.conftest import Table
from tests.crash.reorder import Rehearsal
from tests.crash.reorder_states import BROKEN, Replay, State
from tests.crash.reorder_trace import Enter, Mark, Reader, Remove, Sync, Trace, Write

WHAT = "disks that a power cut may leave of one of everything that happens to mail, recovered from"
QUICK, SELF_TEST, CHOSEN, PARTS = 25, 40, 2, 3
STATES = int(os.environ.get("CRASH_STATES", str(1 << 30)))  # of each part


@pytest.fixture(scope="module")
def recorded() -> Iterator[tuple[Rehearsal, Trace]]:
    reason = reorder.why_not()
    if reason:
        pytest.skip(reason)
    with Rehearsal() as rehearsal:
        trace = rehearsal.record()
        rehearsal.start(trace)
        yield rehearsal, trace


def is_caught(rehearsal: Rehearsal, states: Iterator[State]) -> int | None:
    """-> the number of the first state that is not recovered from."""
    return next((number for number, state in enumerate(states, 1) if rehearsal.recover(state).trouble), None)


@pytest.mark.slow
def test_r5_what_was_told_survives_any_order_of_writing(recorded: tuple[Rehearsal, Trace]) -> None:
    rehearsal, trace = recorded
    for state in Replay(trace).some(random.Random(5), QUICK):
        trouble = rehearsal.recover(state).trouble
        assert not trouble, f"{state}: {trouble}"


@pytest.mark.slow
@pytest.mark.parametrize("broken", BROKEN)
def test_r5_catches_a_mail_system_that_does_not_sync(recorded: tuple[Rehearsal, Trace], broken: str) -> None:
    rehearsal, trace = recorded
    states = Replay(trace, BROKEN[broken]).some(random.Random(broken), SELF_TEST)
    assert is_caught(rehearsal, states), f"{broken} was not caught in {SELF_TEST} states: the harness proves nothing"


@pytest.mark.crash
@pytest.mark.parametrize("part", range(PARTS))
def test_r5_full_every_state(recorded: tuple[Rehearsal, Trace], table: Table, part: int) -> None:
    rehearsal, trace = recorded
    states = list(Replay(trace).states(random.Random(5), CHOSEN))
    mine = states[part::PARTS][:STATES]
    bad = [(state, verdict.trouble) for state in mine if (verdict := rehearsal.recover(state)).trouble]
    table.add("R5", WHAT, {"number": len(mine), "bad": len(bad)}, lambda counts: f"{counts['bad']} bad")
    assert not bad, f"{bad[0][0]}: {bad[0][1]}"


@pytest.mark.crash
@pytest.mark.parametrize("broken", BROKEN)
def test_r5_full_every_broken_variant_is_caught(recorded: tuple[Rehearsal, Trace], table: Table, broken: str) -> None:
    rehearsal, trace = recorded
    number = is_caught(rehearsal, Replay(trace, BROKEN[broken]).some(random.Random(broken), SELF_TEST))
    table.self_test("R5", broken, f"in state {number}" if number else "")
    assert number, f"{broken} was not caught in {SELF_TEST} states: the harness proves nothing"


# -- the harness itself ------------------------------------------------------------------------------------------------------------


def hexed(text: bytes) -> str:
    return "".join(f"\\x{c:02x}" for c in text)


def test_strace_is_read_as_it_writes(tmp_path: Path) -> None:
    home = os.fsencode(tmp_path)
    (tmp_path / "todo").mkdir()
    (tmp_path / "todo/1").write_bytes(b"old")
    unnamed, todo, one = (hexed(home + name) for name in (b"/todo/#7", b"/todo", b"/todo/1"))
    itself, target = hexed(b"/proc/self/fd/3"), hexed(b"todo/2")
    lines = [
        f'5 openat(AT_FDCWD<{hexed(home)}>, "{hexed(b"todo")}", O_RDWR|O_TMPFILE, 0644) = 3<{unnamed}>(deleted)',
        f'5 writev(3<{unnamed}>(deleted), [{{iov_base="{hexed(b"ab")}", iov_len=2}}, {{iov_base="{hexed(b"c,")}", iov_len=2}}], 2) = 4',
        f"5 fsync(3<{unnamed}>(deleted) <unfinished ...>",
        f'6 unlink("{one}") = 0',
        "5 <... fsync resumed>) = 0",
        f'5 linkat(3<{unnamed}>(deleted), "{itself}", AT_FDCWD<{hexed(home)}>, "{target}", AT_SYMLINK_FOLLOW) = 0',
        f'5 openat(AT_FDCWD<{hexed(home)}>, "{hexed(b"todo")}", O_RDONLY) = 4<{todo}>',
        f"5 fsync(4<{todo}>) = 0",
        f'5 mkdir("{hexed(b"/mark/acked/2")}", 0777) = -1 ENOENT (No such file or directory)',
        f'5 unlink("{one}") = -1 ENOENT (No such file or directory)',
    ]
    reader = Reader(home)
    reader.load([b"todo"])
    trace = reader.read(lines)
    assert trace.ops == [
        Write(3, 0, b"abc,"),
        Remove(1, b"1"),
        Sync(3, 1),  # not what ended while it was under way
        Enter(1, b"2", 3),
        Sync(1, 4),
        Mark(b"acked/2"),
    ]


def names(state: State) -> dict[bytes, object]:
    there = state.tree[b"d"]
    assert isinstance(there, dict)
    return there


def test_the_states_are_those_the_rules_allow() -> None:
    """A file is written and synced, entered, and its directory synced; another name is removed, and nothing done about it."""
    ops = [Write(3, 0, b"whole"), Sync(3, 1), Enter(1, b"new", 3), Sync(1, 3), Remove(1, b"old")]
    trace = Trace({2: b"old"}, {0: {b"d": 1}, 1: {b"old": 2}}, list(ops))
    found = {(state.after, tuple(sorted(names(state)))) for state in Replay(trace).states(random.Random(1), chosen=3)}
    assert found == {(0, (b"old",)), (3, (b"new", b"old")), (5, (b"new",))}
    unsynced = {tuple(names(s).items()) for s in Replay(trace, BROKEN["no fsync"]).states(random.Random(1), chosen=3)}
    assert ((b"old", b"old"), (b"new", b"")) in unsynced and ((b"old", b"old"), (b"new", bytes(5))) in unsynced
