"""supervise with real services: what it makes, what it starts, what it obeys. Case C13."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.call import Result, call
from tests.support.process import PATIENCE_S, eventually, ignored_by_us
from tests.support.service import Service, end, is_alive, start

SLEEPER = "exec sleep 1000"


class Supervised(Service):
    def __init__(self, path: Path, run: str | None, files: tuple[str, ...]) -> None:
        super().__init__(path, run)
        for name in files:
            (path / name).touch()
        self.log = path.parent / "log"
        self.process = start("supervise", path.name, log=self.log, cwd=path.parent)

    def said(self) -> str:
        return self.log.read_text()

    def wait(self) -> int:
        return self.process.wait(PATIENCE_S)


Supervise = Callable[..., Supervised]


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Supervise]:
    made: list[Supervised] = []

    def make(run: str | None, *files: str) -> Supervised:
        made.append(Supervised(tmp_path / "d", run, files))
        return made[-1]

    yield make
    for service in made:
        if service.process.poll() is None:
            eventually(service.is_supervised, service.said())
        service.end()
        end(service.process)


def test_it_makes_its_files_and_starts_run(supervise: Supervise) -> None:
    service = supervise(SLEEPER)
    status = service.until_up()
    folder = service.path / "supervise"
    modes = {path.name: f"{path.stat().st_mode:o}" for path in folder.iterdir() if path.name != "status.new"}
    assert modes == {"lock": "100600", "control": "10600", "ok": "10600", "status": "100644"}
    assert f"{folder.stat().st_mode:o}" == "40700"
    assert (status.want, status.is_paused) == (b"u", False)
    assert Path(f"/proc/{status.pid}/cwd").resolve() == service.path
    assert service.svstat().startswith(b"up (pid %d) " % status.pid)


def test_c13_the_status_to_the_byte(supervise: Supervise) -> None:
    before = time.time_ns()
    service = supervise(SLEEPER)
    pid = service.until_up().pid
    data = (service.path / "supervise" / "status").read_bytes()
    assert data[:4] == b"\x40\0\0\0"
    assert before <= service.status().when_ns <= time.time_ns()
    assert data[12:] == pid.to_bytes(4, "little") + b"\0u"


def test_c13_held_by_a_file_down(supervise: Supervise) -> None:
    service = supervise(SLEEPER, "down")
    service.until(lambda status: status.want == b"d", "not held")
    assert (service.path / "supervise" / "status").read_bytes()[12:] == b"\0\0\0\0\0d"
    assert service.svstat().startswith(b"down ") and service.svstat().endswith(b"seconds")
    service.svc("u")
    service.until_up()
    assert service.svstat().endswith(b"seconds, normally down")


def test_a_second_copy_leaves_the_first_alone(supervise: Supervise) -> None:
    service = supervise(SLEEPER)
    pid = service.until_up().pid
    second = start("supervise", "d", log=service.path.parent / "second", cwd=service.path.parent)
    assert second.wait(PATIENCE_S) == 111
    said = (service.path.parent / "second").read_text()
    assert said == "supervise: fatal: unable to acquire d/supervise/lock: temporary failure\n"
    assert service.status().pid == pid


def test_what_ends_is_started_again_a_second_later_at_the_earliest(supervise: Supervise) -> None:
    service = supervise("date +%s%N >> starts; exit 1")
    starts = service.path / "starts"
    eventually(lambda: starts.exists() and len(starts.read_text().split()) >= 3, "it was not started again")
    times = [int(word) for word in starts.read_text().split()]
    # date itself takes a moment, more in one start than in another
    assert all(later - earlier > 900_000_000 for earlier, later in zip(times, times[1:], strict=False))


def test_once_is_once(supervise: Supervise) -> None:
    service = supervise("echo >> starts", "down")
    service.until(lambda status: status.want == b"d", "not held")
    service.svc("o")
    service.until(lambda status: status.want == b"\0" and status.pid == 0 and (service.path / "starts").exists(), "it did not run once")
    service.svc("u")
    eventually(lambda: (service.path / "starts").read_text() == "\n\n", "up does not start it again")


def test_up_becomes_once_without_a_restart(supervise: Supervise) -> None:
    service = supervise(SLEEPER)
    pid = service.until_up().pid
    service.svc("o")
    service.until(lambda status: status.want == b"\0", "not once")
    service.svc("t")
    assert service.until(lambda status: status.pid != pid, "it does not end").pid == 0


def test_down_ends_it_for_good(supervise: Supervise) -> None:
    service = supervise(SLEEPER)
    pid = service.until_up().pid
    service.svc("p")
    service.until(lambda status: status.is_paused, "not paused")
    assert service.svstat().endswith(b", paused")
    service.svc("d")  # TERM alone would not wake it
    status = service.until(lambda status: status.pid == 0, "it does not end")
    assert (status.want, status.is_paused) == (b"d", False)
    assert not is_alive(pid)
    assert service.svstat().endswith(b", normally up")


def test_it_goes_on_after_a_pause(supervise: Supervise) -> None:
    service = supervise(SLEEPER)
    pid = service.until_up().pid
    service.svc("p")
    service.until(lambda status: status.is_paused, "not paused")
    eventually(lambda: b") T " in Path(f"/proc/{pid}/stat").read_bytes(), "not stopped")
    service.svc("c")
    service.until(lambda status: not status.is_paused, "paused for ever")
    eventually(lambda: b") T " not in Path(f"/proc/{pid}/stat").read_bytes(), "stopped for ever")


TRAPS = 'for s in HUP ALRM INT TERM; do trap "echo $s >> got" $s; done; echo ready > got; while :; do sleep 0.02; done'


def test_the_letters_are_signals(supervise: Supervise) -> None:
    service = supervise(TRAPS)
    got = service.path / "got"
    wanted = "ready\n"
    eventually(lambda: got.exists() and got.read_text() == wanted, "not ready")
    for letter, name in (("h", "HUP"), ("a", "ALRM"), ("i", "INT"), ("t", "TERM")):
        service.svc(letter)
        wanted += f"{name}\n"
        eventually(lambda: got.read_text() == wanted, f"no {name}")
    pid = service.status().pid
    service.svc("k")
    service.until(lambda status: status.pid not in (0, pid), "KILL does not end it, or nothing starts it again")


def test_exit_waits_for_the_service(supervise: Supervise) -> None:
    service = supervise(SLEEPER)
    pid = service.until_up().pid
    service.svc("x")
    service.svc("p")
    service.until(lambda status: status.is_paused, "commands are not read any more")
    assert is_alive(pid) and service.process.poll() is None
    service.svc("ct")
    assert service.wait() == 0
    assert not service.is_supervised()
    assert service.svstat() == b"supervise not running"
    assert service.status().pid == 0


def test_many_letters_at_once_are_done_in_order(supervise: Supervise) -> None:
    service = supervise(SLEEPER, "down")
    service.until(lambda status: status.want == b"d", "not held")
    service.svc("uptd")
    service.until(lambda status: status.want == b"d" and status.pid == 0, "the last letter counts")
    service.svc("x")
    assert service.wait() == 0


@pytest.mark.parametrize(
    ("why", "run", "words"),
    [("missing", None, "file does not exist"), ("no script", b"hello\n", "exec format error"), ("a folder", b"", "access denied")],
)
def test_a_run_that_cannot_be_run_is_told_and_tried_again(why: str, run: bytes | None, words: str, supervise: Supervise) -> None:
    service = supervise(None)
    if run:
        (service.path / "run").write_bytes(run)
        (service.path / "run").chmod(0o755)
    elif run is not None:
        (service.path / "run").mkdir()
    line = f"supervise: fatal: unable to start d/run: {words}\n"
    eventually(lambda: service.said().endswith(line) and service.said().count("\n") >= 2, why + service.said())
    if run is None:
        service.write_run(f"touch there; {SLEEPER}")
        eventually((service.path / "there").exists, "it is not tried again")


def test_run_gets_default_signals_and_only_its_descriptors(supervise: Supervise) -> None:
    service = supervise("grep -E 'Sig(Blk|Ign)' /proc/self/status > got.new; ls /proc/self/fd >> got.new; mv got.new got; exec sleep 1000")
    got = service.path / "got"
    eventually(got.exists, service.said())
    # 3: the directory that ls reads
    assert got.read_text().split() == ["SigBlk:", "0" * 16, "SigIgn:", ignored_by_us(), "0", "1", "2", "3"]


def test_term_ends_supervise_alone(supervise: Supervise) -> None:
    service = supervise(SLEEPER)
    pid = service.until_up().pid
    # until its exec the child is a copy of supervise, and holds open what supervise does
    eventually(lambda: Path(f"/proc/{pid}/comm").read_text() == "sleep\n", "no exec")
    service.process.terminate()
    try:
        assert service.wait() == -signal.SIGTERM
        assert is_alive(pid)
        assert not service.is_supervised()
    finally:
        os.kill(pid, signal.SIGKILL)


def test_it_does_nothing_while_there_is_nothing_to_do(supervise: Supervise) -> None:
    service = supervise(SLEEPER)
    service.until_up()

    def ticks() -> int:
        fields = Path(f"/proc/{service.process.pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    before = ticks()
    for _ in range(5):
        subprocess.run(["sh", "-c", "i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done"], check=True)
    assert ticks() - before <= 2


def test_children_that_end_in_crowds_are_all_noticed(supervise: Supervise) -> None:
    """Grandchildren given to supervise are not its business, and its own child's end is not lost among theirs."""
    service = supervise("for i in 1 2 3 4 5 6 7 8; do (exit 0) & done; wait; exec sleep 0.05")
    first = service.until_up().pid
    second = service.until(lambda status: status.pid not in (0, first), "not started again").pid
    service.until(lambda status: status.pid not in (0, first, second), "not started a third time")


@pytest.mark.parametrize("argv", [[], [b"a", b"b"]])
def test_it_wants_one_name(argv: list[bytes]) -> None:
    assert call("supervise", argv, {}) == Result(100, b"", b"supervise: usage: supervise dir\n")


@pytest.mark.parametrize(("name", "words"), [("none", "file does not exist"), ("file", "not a directory")])
def test_it_wants_a_directory(name: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert start("supervise", name, log=tmp_path / "log", cwd=tmp_path).wait(PATIENCE_S) == 111
    assert (tmp_path / "log").read_text() == f"supervise: fatal: unable to chdir to {name}: {words}\n"
