"""Which messages have which files: looked at one by one, and listed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mta.programs.qmail.qmail_send import files
from mta.programs.qmail.qmail_send.channels import Channel
from mta.programs.qmail.qmail_send.core import Core
from mta.programs.qmail.qmail_send.passes import Passes
from mta.programs.qmail.qmail_send.say import Say
from mta.unix.disk import REAL
from mta.unix.queuedir import SPLIT, Paths
from tests.crash.kill_sim import CONTROLS
from tests.programs.qmail.test_qmail_send_todo import SlowClean

KINDS = ("mess", "info", "local", "remote")
NOW_S = 1_790_000_000


@pytest.fixture
def core(tmp_path: Path) -> Core:
    for kind in KINDS:
        for i in range(SPLIT):
            (tmp_path / kind / str(i)).mkdir(parents=True)
    (tmp_path / "todo").mkdir()
    (tmp_path / "bounce").mkdir()
    null = os.open("/dev/null", os.O_RDWR)
    local, remote = Channel(b"local", null, null, 10), Channel(b"remote", null, null, 10)
    paths = Paths(os.fsencode(tmp_path))
    return Core(home=b"", paths=paths, disk=REAL, say=Say(-1), clean=SlowClean(), controls=CONTROLS, local=local, remote=remote)


def put(core: Core, kind: str, messnum: int, when_s: int = NOW_S - 60) -> None:
    path = core.paths.todo(messnum) if kind == "todo" else b"%b/%b/%b" % (core.paths.root, kind.encode(), core.paths.split(messnum))
    with open(path, "wb") as file:
        file.write(b"Fa@b\0" if kind == "info" else b"Tu@h\0")
    os.utime(path, (when_s, when_s))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.sets(st.tuples(st.sampled_from((*KINDS, "todo")), st.integers(1, 50))))
def test_a_list_says_what_a_look_says(core: Core, there: set[tuple[str, int]]) -> None:
    for kind, messnum in there:
        put(core, kind, messnum)
    everything = files.of_all(core)
    assert everything is not None
    for messnum in range(1, 51):
        one = files.of(core, messnum)
        assert (messnum in everything.mess, messnum in everything.todo) == (messnum in one.mess, messnum in one.todo)
        for name in (b"local", b"remote"):
            assert (messnum in everything.channels[name]) == (messnum in one.channels[name])


def test_what_cannot_be_listed_is_looked_at(core: Core) -> None:
    os.rmdir(core.paths.folder(b"mess/7"))
    assert files.of_all(core) is None


@pytest.mark.parametrize("is_listed", [False, True])
def test_a_queue_found_at_start_is_due_when_its_files_say(is_listed: bool, core: Core) -> None:
    for messnum, kinds in {
        1: ("mess", "info", "local"),
        2: ("mess", "info", "remote"),
        3: ("mess", "info"),
        4: ("mess", "info", "local", "todo"),
        5: ("info", "local"),
        6: ("mess",),
    }.items():
        for kind in kinds:
            put(core, kind, messnum, NOW_S + 200 if kind == "remote" else NOW_S - 60)
    passes = Passes(core)
    known = files.of_all(core) if is_listed else None
    for messnum in (1, 2, 3, 4, 5):
        passes.adopt(messnum, NOW_S, known)
    assert core.local.schedule.due == {1: NOW_S - 60}
    assert core.remote.schedule.due == {2: NOW_S + 200}
    assert core.done.due == {3: NOW_S}, "4 is new, and of 5 there is nothing left to deliver"
    assert not os.path.exists(core.paths.info(5))
    assert os.path.exists(core.paths.info(4))


def test_what_is_gone_by_the_time_it_is_looked_at_is_no_trouble(core: Core) -> None:
    put(core, "mess", 1)
    put(core, "info", 1)
    known = files.of_all(core)
    os.unlink(core.paths.info(1))
    Passes(core).adopt(1, NOW_S, known)
    assert core.done.due == core.failed_stats.due == {}
