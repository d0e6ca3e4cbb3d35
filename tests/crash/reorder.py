"""Record what a mail system does to its disk, and start it again on every disk that a power cut may have left.

    with Rehearsal() as rehearsal:
        trace = rehearsal.record()
        for state in Replay(trace).states(...):
            verdict = rehearsal.recover(state)        # laid out, started on, worked off, compared with what had been told
Recording   strace over the whole scenario (reorder_scenario), in memory: what syncs cost nothing there, and are seen all the same
Recovery    a helper without root's rights lays the disk out and runs queue writer and qmail-send on it, as forks of itself. A message's
            number is its inode, and the name of its copies is made of both number and time: so messages are renumbered on the way, as when
            a queue is copied to another disk, and keep their time
Server      one far server for all recoveries; what had been taken by the recorded one counts as well
"""

from __future__ import annotations

import os
import pickle
import re
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from tests.conftest import ROOT
from tests.crash import ledger, reorder_home
from tests.crash.faults_plane import DOMAIN, MAILBOXES, Plane
from tests.crash.ledger import Audit, Copy, maildir
from tests.crash.power import taken
from tests.crash.reorder_home import FRIEND, LATER, LETTERS, Programs
from tests.crash.reorder_states import State, Tree
from tests.crash.reorder_trace import CALLS, Enter, Reader, Trace
from tests.support import unprivileged
from tests.support.process import free_port
from tests.support.smtp_sink import SmtpSink

WATCHED = (b"queue", b"domains", b"alias")
PATIENCE_S = 10.0
_COPY = re.compile(rb"^(\d+)\.I([0-9a-f]+)M(\d+)R(.*)$", re.DOTALL)
_SIZE = struct.Struct("<Q")
_ALARMING = re.compile(rb"fatal: |alert: |Traceback")


def why_not() -> str | None:
    """Why nothing can be recorded here, or None."""
    if shutil.which("strace") is None:
        return "strace is not installed (apt-get install strace)"
    done = subprocess.run(["strace", "-f", "-o", "/dev/null", "true"], capture_output=True, check=False)
    return None if done.returncode == 0 else f"strace does not work here: {done.stderr.decode(errors='replace').strip()}"


@dataclass(frozen=True)
class Verdict:
    """trouble: "" when all is well."""

    audit: Audit
    trouble: str


class Rehearsal:
    def __enter__(self) -> Rehearsal:
        memory = Path("/dev/shm")
        self._folder = Path(tempfile.mkdtemp(prefix="tawny-reorder-", dir=memory if os.access(memory, os.W_OK) else None))
        self._folder.chmod(0o755)
        self.home = self._folder / "q"
        self._log = self._folder / "log"
        self._port = free_port()
        self._helper: subprocess.Popen[bytes] | None = None
        self._sink: SmtpSink | None = None
        try:
            Plane(self.home, routes={"far.example": self._port}, uid=unprivileged.UID).prepare()
            unprivileged.give(self._folder)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if self._helper is not None:
            assert self._helper.stdin is not None and self._helper.stdout is not None
            self._helper.stdin.close()
            self._helper.wait(30)
            self._helper.stdout.close()
        if self._sink is not None:
            self._sink.__exit__()
        shutil.rmtree(self._folder, ignore_errors=True)

    def record(self) -> Trace:
        """Afterwards the instance is as it was before, but for its queue and mailboxes."""
        home = os.fsencode(self.home)
        reader = Reader(home)
        reader.load(WATCHED)
        output = self._folder / "trace"
        words = ["strace", "-f", "-y", "-xx", "-s", "1000000", "-o", str(output), "-e", f"trace={CALLS}", sys.executable, "-m"]
        words += ["tests.crash.reorder_scenario", str(self.home), str(self._port), str(self._log)]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, check=False, **unprivileged.become())  # type: ignore[call-overload]
        assert done.returncode == 0, done.stderr.decode(errors="replace")[-3000:] + self.said()
        with output.open() as lines:
            trace = reader.read(lines)
        output.unlink()
        return trace

    def said(self) -> str:
        return self._log.read_text(errors="replace")[-3000:] if self._log.exists() else ""

    def start(self, trace: Trace) -> None:
        """What recover() needs."""
        self._sink = SmtpSink(replies={"RCPT": lambda line: b"550 no\r\n" if b"gone@" in line else b"250 ok\r\n"}, port=self._port)
        self._sink.__enter__()
        self._helper = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.reorder_helper", str(self.home), str(self._log)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            **unprivileged.become(),  # type: ignore[call-overload]
        )
        send(self._helper.stdin, times(trace))

    def recover(self, state: State) -> Verdict:
        assert self._helper is not None and self._sink is not None
        before = len(self._sink.messages)
        send(self._helper.stdin, state.tree)
        is_empty, log, copies = receive(self._helper.stdout)
        far = [*_told(state.marks), *taken(self._sink.messages[before:])]
        acknowledged = {int(word[6:]) for word in state.marks if word.startswith(b"acked/")}
        found = ledger.audit(acknowledged, [*copies, *far], lambda number: LETTERS[number])
        alarms = [line for line in log.splitlines() if _ALARMING.search(line)]
        twice = [place for place in found.duplicates if place.endswith(f"@{DOMAIN}".encode()) and not place.startswith(ledger.BOUNCE)]
        trouble = "" if is_empty else "the queue does not become empty; "
        trouble += f"said {alarms[:3]}; " if alarms else ""
        trouble += f"twice in {twice}; " if twice else ""
        trouble += "" if found.is_good else str(found)
        return Verdict(found, trouble and trouble + f"\n{log.decode(errors='replace')[-2000:]}")


def _told(marks: Iterable[bytes]) -> list[Copy]:
    """What the far server had taken before."""
    numbers = [int(word[6:]) for word in marks if word.startswith(b"taken/")]
    return [Copy(number, LATER if LATER in LETTERS[number].recipients else FRIEND, b"before", True) for number in numbers]


def times(trace: Trace) -> dict[int, int]:
    """Number of a message -> its time in nanoseconds, as the names of its copies tell it."""
    found = {}
    for op in trace.ops:
        match = _COPY.match(op.name) if isinstance(op, Enter) else None
        if match:
            found[int(match[2], 16)] = int(match[1]) * 10**9 + int(match[3]) * 1000
    return found


# -- the helper --------------------------------------------------------------------------------------------------------------------


def lay_out(home: bytes, tree: Tree, known_times: dict[int, int]) -> None:
    """The disk of a state, its messages renumbered."""
    numbers: dict[int, int] = {}
    queue = tree[b"queue"]
    assert isinstance(queue, dict)
    for name in WATCHED:
        _clear(os.path.join(home, name), keeps=b"lock" if name == b"queue" else b"")
    for folder in _folders(queue.get(b"mess", {})):
        for name, data in folder.items():
            if name.isdigit() and isinstance(data, bytes):
                numbers[int(name)] = _message(home, data, known_times.get(int(name)))
    for name in WATCHED:
        there = tree.get(name, {})
        assert isinstance(there, dict)
        _write(os.path.join(home, name), there, numbers, is_queue=name == b"queue")


def _clear(path: bytes, keeps: bytes) -> None:
    for entry in list(os.scandir(path)):
        if entry.name == keeps:
            continue
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)


def _folders(tree: Any) -> list[Tree]:
    return [there for there in tree.values() if isinstance(there, dict)]


def _message(home: bytes, data: bytes, time_ns: int | None) -> int:
    """Write one file of mess/ -> its new number."""
    path = os.path.join(home, b"queue/message")
    with open(path, "wb") as file:
        file.write(data)
        number = os.fstat(file.fileno()).st_ino
    if time_ns is not None:
        os.utime(path, ns=(time_ns, time_ns))
    folder = os.path.join(home, b"queue/mess/%d" % (number % reorder_home.SPLIT))
    os.makedirs(folder, exist_ok=True)
    os.rename(path, os.path.join(folder, b"%d" % number))
    return number


def _write(path: bytes, tree: Tree, numbers: dict[int, int], *, is_queue: bool) -> None:
    os.makedirs(path, mode=0o700, exist_ok=True)
    for name, there in tree.items():
        if is_queue and name in (b"mess", b"info", b"local", b"remote"):
            for i in range(reorder_home.SPLIT):
                os.makedirs(os.path.join(path, name, b"%d" % i), exist_ok=True)
        if is_queue and name in (b"mess", b"lock"):
            continue
        if isinstance(there, dict):
            _write(os.path.join(path, name), there, numbers, is_queue=is_queue)
        else:
            with open(os.path.join(path, _renamed(path, name, numbers, is_queue)), "wb") as file:
                file.write(there)
                os.fchmod(file.fileno(), 0o600)


def _renamed(folder: bytes, name: bytes, numbers: dict[int, int], is_queue: bool) -> bytes:
    """A file's name, seen from its folder, after messages were renumbered. The folders info/H and so on go with the number."""
    if is_queue and name.isdigit():
        new = numbers.get(int(name), int(name))
        top = os.path.basename(os.path.dirname(folder))
        return b"../%d/%d" % (new % reorder_home.SPLIT, new) if top in (b"info", b"local", b"remote") else b"%d" % new
    match = _COPY.match(name)
    if match and int(match[2], 16) in numbers:
        return b"%b.I%xM%bR%b" % (match[1], numbers[int(match[2], 16)], match[3], match[4])
    return name


def serve(home: Path, log: Path) -> None:
    """The helper's life: a disk comes in on descriptor 0; did the queue become empty, the log, and what is in the mailboxes go out on 1."""
    reorder_home.load()
    known_times = receive(sys.stdin.buffer)
    while (tree := receive(sys.stdin.buffer)) is not None:
        log.unlink(missing_ok=True)
        lay_out(os.fsencode(home), tree, known_times)
        with Programs(os.fsencode(home), log) as programs:
            is_empty = programs.work_off(PATIENCE_S)
        mailboxes = [(home / "domains" / DOMAIN / name / "Maildir", f"{name}@{DOMAIN}".encode()) for name in MAILBOXES]
        send(sys.stdout.buffer, (is_empty, log.read_bytes(), [copy for path, place in mailboxes for copy in maildir(path, place)]))


def send(stream: IO[bytes] | None, value: Any) -> None:
    assert stream is not None
    data = pickle.dumps(value)
    stream.write(_SIZE.pack(len(data)) + data)
    stream.flush()


def receive(stream: IO[bytes] | None) -> Any:
    """None at the end."""
    assert stream is not None
    head = stream.read(_SIZE.size)
    return pickle.loads(stream.read(_SIZE.unpack(head)[0])) if head else None
