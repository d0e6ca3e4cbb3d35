"""svscan with real services: who is started, the pipe that outlives both ends, what ends and what goes on."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.call import Result, call
from tests.support.process import PATIENCE_S, eventually
from tests.support.service import Service, end, is_alive, start
from tests.test_import_budget import HEAVY, modules

SLEEPER = "exec sleep 1000"
# what stands in the FIFO "in" goes to the logger; <> keeps it from ending
CAT = "exec cat 0<>in"
LOGGER = "exec cat >> ../got"
QUICK = "from mta.programs.daemontools import svscan; svscan.PAUSE_S = 0.05; "


class Scan:
    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        self.log = path.parent / "svscan.log"
        self.services: list[Service] = []
        self.process: subprocess.Popen[bytes] | None = None

    def add(self, name: str, run: str, *, log: str | None = None, is_down: bool = False) -> Service:
        """Whole when it appears: svscan may be looking."""
        made = Service(self.path.parent / "made" / name, run)
        if is_down:
            (made.path / "down").touch()
        if log is not None:
            Service(made.path / "log", log)
        made.path.rename(self.path / name)
        made.path = self.path / name
        self.services.append(made)
        return made

    def logger(self, service: Service) -> Service:
        logger = object.__new__(Service)
        logger.path = service.path / "log"
        return logger

    def start(self) -> None:
        self.process = start("svscan", str(self.path), log=self.log, first=QUICK)

    def said(self) -> str:
        return self.log.read_text()

    def supervises(self) -> dict[bytes, int]:
        """What ps shows of our children."""
        assert self.process is not None
        pids = [int(pid) for pid in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()]
        return {Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0"): pid for pid in pids if is_alive(pid)}

    def descriptors(self) -> int:
        assert self.process is not None
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def end(self) -> None:
        if self.process is not None:
            end(self.process)
        for service in self.services:
            for part in (service, self.logger(service)):
                if part.path.exists():
                    part.end()


@pytest.fixture
def scan(tmp_path: Path) -> Iterator[Scan]:
    made = Scan(tmp_path / "service")
    yield made
    made.end()


def put(service: Service, text: bytes) -> None:
    with (service.path / "in").open("wb") as fifo:
        fifo.write(text)


def got(service: Service) -> bytes:
    """What its logger has written."""
    path = service.path / "got"
    return path.read_bytes() if path.exists() else b""


def piped(scan: Scan, name: str) -> tuple[Service, Service]:
    """A service that says what one puts in, and its logger. Both come up by themselves."""
    service = scan.add(name, f"[ -p in ] || mkfifo in; {CAT}", log=LOGGER)
    os.mkfifo(service.path / "in")
    return service, scan.logger(service)


def test_it_supervises_a_service_and_its_logger_with_a_pipe_between(scan: Scan) -> None:
    service, logger = piped(scan, "a")
    scan.start()
    service.until_up()
    logger.until_up()
    put(service, b"one\n")
    eventually(lambda: got(service) == b"one\n", scan.said())
    assert sorted(scan.supervises()) == [b"supervise\0a", b"supervise\0a/log"]


def test_the_pipe_outlives_both_ends_and_no_line_is_lost(scan: Scan) -> None:
    service, logger = piped(scan, "a")
    scan.start()
    first = service.until_up().pid
    logger.until_up()
    logger.svc("d")
    logger.until(lambda status: status.pid == 0, "the logger does not end")
    put(service, b"one\n")
    # cat holds nothing back: once the FIFO is empty again and cat waits, the line is in the pipe
    eventually(lambda: _waits(first), "cat is busy")
    service.svc("t")
    second = service.until(lambda status: status.pid not in (0, first), "not started again").pid
    put(service, b"two\n")
    eventually(lambda: _waits(second), "cat is busy")
    os.kill(scan.supervises()[b"supervise\0a/log"], signal.SIGKILL)
    logger.until_up()  # a new supervise, a new logger, the same pipe
    put(service, b"three\n")
    eventually(lambda: got(service) == b"one\ntwo\nthree\n", scan.said())


def _waits(pid: int) -> bool:
    """Asleep in a read of what the test wrote before: cat has passed it on."""
    try:
        return Path(f"/proc/{pid}/comm").read_text() == "cat\n" and b") S " in Path(f"/proc/{pid}/stat").read_bytes()
    except FileNotFoundError:
        return False


def test_loggers_of_other_services_are_no_business_of_a_supervise(scan: Scan) -> None:
    """Without svscan, a logger sees the end of its input when its own service has left, whatever others do."""
    for name in ("a", "b", "c"):
        service, logger = piped(scan, name)
    scan.start()
    for service in scan.services:
        service.until_up()
        scan.logger(service).until_up()
    assert scan.process is not None
    end(scan.process)
    service, logger = scan.services[0], scan.logger(scan.services[0])
    logger.svc("x")
    service.svc("dx")
    eventually(lambda: not logger.is_supervised(), "the logger still waits for input")
    assert scan.services[1].is_supervised()


def test_a_supervise_that_ended_is_started_again(scan: Scan) -> None:
    service = scan.add("a", SLEEPER, is_down=True)
    scan.start()
    eventually(service.is_supervised, scan.said())
    first = scan.supervises()[b"supervise\0a"]
    os.kill(first, signal.SIGKILL)
    eventually(lambda: scan.supervises().get(b"supervise\0a", first) != first, "not started again")


def test_a_new_service_is_found(scan: Scan) -> None:
    scan.start()
    scan.add("late", SLEEPER).until_up()


def test_only_directories_without_a_dot_are_services(scan: Scan, tmp_path: Path) -> None:
    scan.add(".hidden", SLEEPER)
    elsewhere = Service(tmp_path / "elsewhere", SLEEPER)
    scan.services.append(elsewhere)
    (scan.path / "linked").symlink_to(elsewhere.path)
    (scan.path / "file").touch()
    (scan.path / "dangling").symlink_to("nowhere")
    scan.start()
    elsewhere.until_up()
    eventually(lambda: "svscan: warning: unable to stat dangling: file does not exist\n" in scan.said(), scan.said())
    assert list(scan.supervises()) == [b"supervise\0linked"]
    assert set(scan.said().splitlines()) == {"svscan: warning: unable to stat dangling: file does not exist"}


def test_a_renamed_service_is_the_same_service(scan: Scan) -> None:
    service = scan.add("a", SLEEPER)
    scan.start()
    pid = service.until_up().pid
    service.path = service.path.rename(scan.path / "b")
    marker = scan.add("later", SLEEPER)
    marker.until_up()  # svscan has looked since
    assert sorted(scan.supervises()) == [b"supervise\0a", b"supervise\0later"]
    assert service.status().pid == pid


def test_a_removed_service_goes_on_until_it_is_told_to_leave_and_is_then_forgotten(scan: Scan, tmp_path: Path) -> None:
    scan.start()
    scan.add("first", SLEEPER).until_up()
    before = scan.descriptors()
    service, logger = piped(scan, "a")
    pid = service.until_up().pid
    logger.until_up()
    assert scan.descriptors() == before + 2
    service.path = service.path.rename(tmp_path / "removed")
    logger.path = service.path / "log"
    scan.add("later", SLEEPER).until_up()
    assert service.status().pid == pid and logger.is_supervised()
    service.svc("dx")
    logger.svc("dx")
    eventually(lambda: scan.descriptors() == before, "the pipe is not given up")


def test_term_ends_svscan_alone(scan: Scan) -> None:
    service, logger = piped(scan, "a")
    scan.start()
    pid = service.until_up().pid
    logger.until_up()
    assert scan.process is not None
    scan.process.terminate()
    assert scan.process.wait(PATIENCE_S) == -signal.SIGTERM
    assert service.is_supervised() and logger.is_supervised()
    assert service.status().pid == pid and is_alive(pid)
    put(service, b"still\n")
    eventually(lambda: got(service) == b"still\n", "the pipe is broken")


def test_a_logger_that_is_no_directory_does_not_keep_the_service_down(scan: Scan) -> None:
    service = scan.add("a", SLEEPER)
    (service.path / "log").touch()
    scan.start()
    service.until_up()
    eventually(lambda: "supervise: fatal: unable to chdir to a/log: not a directory\n" in scan.said(), scan.said())
    (service.path / "log").unlink()


def test_without_an_argument_it_looks_where_it_is(scan: Scan) -> None:
    service = scan.add("a", SLEEPER)
    scan.process = start("svscan", log=scan.log, first=QUICK, cwd=scan.path)
    service.until_up()


def test_it_wants_a_directory(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path / "none")
    assert call("svscan", [path], {}) == Result(111, b"", b"svscan: fatal: unable to chdir to %b: file does not exist\n" % path)


@pytest.mark.parametrize("program", ["multilog", "setuidgid", "supervise", "svscan"])
def test_what_runs_many_times_over_loads_next_to_nothing(program: str) -> None:
    assert sorted(HEAVY & modules(program)) == []
