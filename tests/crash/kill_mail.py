"""Kills at every call of the programs that carry mail: queue-writer, and qmail-start with qmail-send, its spawners, workers, qmail-clean.

    with Carriers(plane, plan, sink) as carriers:          # the two programs, kept running as supervise would
        carriers.letters(point)                            # a handful of letters of all sorts, somebody being killed at that point
Letters   go to the queue writer over its socket, all of them at once. Then the queue must become empty, and all that was acknowledged be
          where it belongs: copies too many only where a delivery was cut off, none in Maildirs reached directly, one bounce for a failure.
Alone     only who came to the point dies, the others go on; or all of them are killed as soon as that has happened, and what lies in the
          queue then must be legal (docs/queue-states.md).
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

from mta.formats import envelope, info, queue_call, recipients, todo
from mta.unix.queuedir import SPLIT
from tests.crash import storm
from tests.crash.faults_plane import MAILBOXES, Plane
from tests.crash.kill import Plan, Point
from tests.crash.ledger import BOUNCE, Copy, Letter, audit, copies
from tests.crash.storm_sink import FlakySink

PATIENCE_S = 30.0
_RETRY_S = 0.3
_ARM = """
import os, sys
from tests.crash import kill_point
kill_point.arm({plan!r}, {name!r})
from mta.unix import title
def _named(words, set_=title.set_):
    kill_point.become(words[0].decode())
    set_(words)
title.set_ = _named
"""
PROGRAMS = {"queue-writer": (), "qmail-start": ("./Maildir/",)}
GONE = b"gone@far.example"


def letter_of(number: int) -> Letter:
    """Nine sorts, one after the other."""
    far, failed = (storm.FRIEND,), (BOUNCE + GONE,)
    joe, sue, ann = ((address,) for address in (storm.JOE, storm.SUE, storm.ANN))
    sorts: list[tuple[tuple[bytes, ...], tuple[tuple[bytes, ...], ...], int]] = [
        (joe, (joe,), 600),
        ((storm.JOE, storm.SUE, storm.FRIEND, GONE), (joe, sue, far, failed), 600),
        ((b"fwd@example.org",), (sue,), 600),
        ((GONE,), (failed,), 600),
        ((b"sure-loss@example.org",), ((BOUNCE + b"sure-loss@example.org",),), 600),
        (far, (far,), 600),
        (ann, (ann,), 1_200_000),
        ((storm.JOE, storm.ANN), (joe, ann), 600),
        ((storm.SUE, GONE), (sue, failed), 600),
    ]
    to, places, size = sorts[number % len(sorts)]
    return Letter(number, storm.SENDER, to, places, size)


SORTS = 9


class Carriers:
    """plane: prepared, not started. broken: statements for qmail-start to begin with; tracer: a command that runs each program, NAME in it
    being which."""

    def __init__(self, plane: Plane, plan: Plan, sink: FlakySink, broken: str = "", tracer: tuple[str, ...] = ()) -> None:
        self._tracer = tracer
        self._plane = plane
        self._plan = plan
        self._sink = sink
        self._log = plane.home.parent / "carriers.log"
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._next = SORTS
        for name in PROGRAMS:
            path = plane.home / "bin" / name
            arm = _ARM.format(plan=os.fsencode(plan.folder), name=name) + (broken if name == "qmail-start" else "")
            path.write_text(path.read_text().replace("from mta import runner\n", "from mta import runner\n" + arm))

    def __enter__(self) -> Carriers:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.kill()

    # -- the programs --------------------------------------------------------------------------------------------------------------

    def keep(self) -> None:
        """Start what does not run."""
        for name, argv in PROGRAMS.items():
            process = self._running.get(name)
            if process is None or process.poll() is not None:
                with self._log.open("ab") as log:
                    command = [*(word.replace("NAME", name) for word in self._tracer), str(self._plane.home / "bin" / name), *argv]
                    self._running[name] = subprocess.Popen(command, stdout=log, stderr=log, cwd="/", start_new_session=True)

    def until(self, is_so: Callable[[], bool], what: str) -> None:
        """Keeping them running, and qmail-send awake."""
        deadline, awake = time.monotonic() + PATIENCE_S, 0.0
        while not is_so():
            assert time.monotonic() < deadline, f"{what}: {self.said()[-3000:]}"
            self.keep()
            if time.monotonic() > awake:
                awake = time.monotonic() + _RETRY_S
                if self._answers("qmail-send") and not self._tracer:  # before that, ALRM would end it
                    os.kill(self._running["qmail-start"].pid, signal.SIGALRM)
            time.sleep(0.005)

    def _answers(self, service: str) -> bool:
        return self._plane.answers(service)

    def ready(self) -> None:
        self.until(lambda: all(self._answers(s) for s in ("queue-writer", "qmail-send")) or self._plan.has_killed, "they do not answer")

    def kill(self, number: int = signal.SIGKILL) -> None:
        """All of them, helpers and workers too."""
        for process in self._running.values():
            try:
                os.killpg(process.pid, number)
            except ProcessLookupError:
                continue
            finally:
                process.wait()
        self._running.clear()

    def said(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    # -- one round -----------------------------------------------------------------------------------------------------------------

    def letters(self, point: Point | None, is_alone: bool) -> bool:
        """A round -> did anybody come to the point?"""
        self._plan.begin(point)
        self._log.write_bytes(b"")
        self.ready()
        numbers = range(self._next, self._next + SORTS)
        self._next += SORTS
        acknowledged = _submit(self._plane.home, numbers)
        self.until(lambda: self._plan.has_killed or not self._plane.waiting(), "the queue does not become empty")
        has_killed = self._plan.has_killed
        if has_killed and not is_alone:
            self.kill()
            check_queue(self._plane.queue)
        self.until(lambda: not self._plane.waiting() and self._answers("qmail-send"), "the queue does not become empty")
        self._check(acknowledged)
        return has_killed

    def _check(self, acknowledged: set[int]) -> None:
        found = [*self._take(), *self._sink.copies]
        self._sink.copies.clear()
        result = audit(acknowledged, found, letter_of)
        assert result.is_good, result
        times: Counter[tuple[int, bytes]] = Counter((c.number, c.place) for c in set(found))
        for (number, place), count in times.items():
            is_exact = place.startswith(BOUNCE) or (place in letter_of(number).recipients and place.endswith(b"@example.org"))
            assert count <= (1 if is_exact else 2), f"{place!r} has {number} {count} times"
        assert "fatal:" not in self.said(), self.said()

    def _take(self) -> Iterator[Copy]:
        """What came into the mailboxes, which are empty afterwards."""
        for name in MAILBOXES:
            for part in ("new", "cur"):
                for file in (self._plane.maildir(name) / part).iterdir():
                    yield from copies(file.read_bytes(), f"{name}@example.org".encode(), os.fsencode(file.name))
                    file.unlink()


def _submit(home: Path, numbers: range) -> set[int]:
    """Hand all of them to the queue writer at once -> those of which it said that they are queued."""
    frames = []
    for number in numbers:
        letter = letter_of(number)
        text = letter.text()
        step = queue_call.FRAME_MAX
        frames += [queue_call.frame(number, queue_call.MESSAGE, text[at : at + step]) for at in range(0, len(text), step)]
        frames.append(queue_call.frame(number, queue_call.ENVELOPE, envelope.write(letter.sender, letter.recipients)))
    acknowledged: set[int] = set()
    buffer = b""
    try:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(PATIENCE_S)
            sock.connect(os.fsencode(home) + b"/" + queue_call.SOCKET)
            sock.sendall(b"".join(frames))
            while len(acknowledged) < len(numbers) and (data := sock.recv(1 << 16)):
                results, used = queue_call.read_frames(buffer + data)
                buffer = (buffer + data)[used:]
                acknowledged |= {stream for stream, _, payload in results if queue_call.read_result(payload)[0] == 0}
    except OSError:  # killed
        pass
    return acknowledged


def check_queue(queue: Path) -> None:
    """Is every message in a state that docs/queue-states.md knows?"""
    coming = {int(path.name) for path in (queue / "todo").iterdir()}
    for messnum in coming:
        assert todo.read((queue / "todo" / str(messnum)).read_bytes()).sender is not None
        _check_message(queue, messnum)
    for folder in range(SPLIT):
        for path in (queue / "info" / str(folder)).iterdir():
            if int(path.name) not in coming:
                info.read(path.read_bytes())
                _check_message(queue, int(path.name))
                for channel in ("local", "remote"):
                    file = queue / channel / str(folder) / path.name
                    assert not file.exists() or recipients.read(file.read_bytes())


def _check_message(queue: Path, messnum: int) -> None:
    path = queue / "mess" / str(messnum % SPLIT) / str(messnum)
    assert path.stat().st_ino == messnum
    assert all(copy.is_whole for copy in copies(path.read_bytes(), b"", b"")), f"mess/{messnum} is not whole"
