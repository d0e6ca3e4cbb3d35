"""supervise: keep one service running: start ./run, start it again when it ends, do what svc says.

Usage    supervise DIR
Reads    DIR/run (what to run), DIR/down (if there is one: do not start before told to), DIR/supervise/control (a FIFO: one octet a command)
Writes   DIR/supervise/lock (held while we live), ok (a FIFO, open for reading while we live), status (formats/supervise_status);
         trouble to fd 2. All of them but the log of trouble are made here, in a directory of mode 0700.
Exits    0 told to leave, and the service is down; 100 usage; 111 DIR is no directory, another supervise has it, or no place to write.
         TERM ends supervise alone: the service goes on, unsupervised
Limits   at most one start a second (decisions/supervise)
Runs as  root, or whoever owns DIR. svscan starts us as a fork of itself: we import little and copy little. A program that svscan has loaded
         is started as a fork, too, where that does what DIR/run would do (unix/warm_start)
Source   supervise(8), supervise.c
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import fcntl
import os
import select
import time

from mta import runner
from mta.decisions import supervise as decisions
from mta.formats import supervise_status
from mta.formats.supervise_status import Status
from mta.unix import exec_, say, signals, warm_start
from mta.unix.fds import Fds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

NAME = b"supervise"
_NEW, _STATUS = b"supervise/status.new", b"supervise/status"
_COMMANDS = 64  # read at once


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    if len(argv) != 1:
        return say.usage(fds, NAME, b"supervise dir")
    folder = argv[0]
    # the children's ends must be heard of from the first one on
    wake = signals.Wakeup((_signal.SIGCHLD,))
    signals.die_of_interrupt()
    try:
        control = _prepare(folder)
    except _NotReady as trouble:
        return say.fatal(fds, NAME, trouble.text, trouble.error)
    return _Supervise(folder, env, fds, wake, control).run()


class _NotReady(Exception):
    def __init__(self, text: bytes, error: OSError) -> None:
        super().__init__(text)
        self.text = text
        self.error = error


def _prepare(folder: bytes) -> int:
    """Make DIR ours: lock and FIFOs. -> the descriptor commands come from; the others stay open as long as we live."""
    step = b"chdir to " + folder
    try:
        os.chdir(folder)
        step = b"acquire " + folder + b"/supervise/lock"
        _unless_there(os.mkdir, b"supervise", 0o700)
        lock = os.open(b"supervise/lock", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        step = b"read " + folder + b"/supervise/control"
        _unless_there(os.mkfifo, b"supervise/control", 0o600)
        control = os.open(b"supervise/control", os.O_RDONLY | os.O_NONBLOCK)
        step = b"write " + folder + b"/supervise/control"
        os.open(b"supervise/control", os.O_WRONLY | os.O_NONBLOCK)  # so that control never reads as ended
        return control
    except OSError as error:
        raise _NotReady(b"unable to " + step, error) from error


def _unless_there(make: Callable[[bytes, int], None], path: bytes, mode: int) -> None:
    try:
        make(path, mode)
    except OSError:  # it is there, or opening it says why it is not
        pass


class _Supervise:
    """The loop around decisions.Service: the child, the status file, what is waited for."""

    __slots__ = ("_control", "_env", "_fds", "_folder", "_poll", "_service", "_wake", "_when_ns")

    def __init__(self, folder: bytes, env: dict[bytes, bytes], fds: Fds, wake: signals.Wakeup, control: int) -> None:
        self._folder = folder
        self._env = env
        self._fds = fds
        self._wake = wake
        self._control = control
        self._poll = select.poll()
        self._poll.register(wake.fd, select.POLLIN)
        self._poll.register(control, select.POLLIN)

    def run(self) -> int:
        try:
            self._service = decisions.Service(not _is_there(b"down"))
        except OSError as error:
            return say.fatal(self._fds, NAME, b"unable to stat %b/down" % self._folder, error)
        self._changed()
        try:
            _unless_there(os.mkfifo, b"supervise/ok", 0o600)
            os.open(b"supervise/ok", os.O_RDONLY | os.O_NONBLOCK)
        except OSError as error:
            return say.fatal(self._fds, NAME, b"unable to read %b/supervise/ok" % self._folder, error)
        while not self._service.is_over:
            self._start_if_due()
            self._wait()
            self._reap()
            self._obey()
        return 0

    def _wait(self) -> None:
        """For a command, the end of a child, or the moment of the next start."""
        wait_ns = self._service.wait_ns(time.monotonic_ns())
        # rounded up: woken a moment too early we would go round for nothing until it is time
        self._poll.poll(None if wait_ns is None else -(-wait_ns // 1_000_000))
        self._wake.take()

    def _start_if_due(self) -> None:
        if self._service.wait_ns(time.monotonic_ns()) != 0:
            return
        try:
            pid = os.fork()
        except OSError as error:
            say.warning(self._fds, NAME, b"unable to fork for %b, sleeping 60 seconds" % self._folder, error)
            self._service.start_failed(time.monotonic_ns())
            return
        if not pid:
            self._child()
        self._service.started(pid, time.monotonic_ns())
        self._changed()

    def _child(self) -> NoReturn:
        try:
            self._go_on_as_it()
            exec_.become(b"./run", [b"./run"], self._env, self._fds)
        except (OSError, KeyError) as error:
            why = error if isinstance(error, OSError) else None
            say.fatal(self._fds, NAME, b"unable to start %b/run" % self._folder, why)
        finally:
            os._exit(111)

    def _go_on_as_it(self) -> None:
        """Returns when that is not possible. Raises OSError, KeyError for an unknown account."""
        script = warm_start.planned(self._folder)
        if script is None:
            return
        if warm_start.module(script):
            warm_start.become(script, self._env, self._fds)
            warm_start.run_module(script)
        if runner.is_loaded(program := warm_start.name(script)):
            runner.be(program, *warm_start.become(script, self._env, self._fds))

    def _reap(self) -> None:
        while True:
            try:
                pid, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            if pid == self._service.pid:
                self._service.ended()
                self._changed()

    def _obey(self) -> None:
        """Only we reap, and we have just done so: a child that has ended meanwhile still holds its process id, and no other process can get
        its signals."""
        try:
            letters = os.read(self._control, _COMMANDS)
        except BlockingIOError:
            return
        for letter in letters:
            for number in self._service.command(letter):
                os.kill(self._service.pid, number)
            if self._service.is_over:
                break
            self._start_if_due()
        self._announce()

    def _changed(self) -> None:
        """The child started or ended now."""
        self._when_ns = time.time_ns()
        self._announce()

    def _announce(self) -> None:
        service = self._service
        data = supervise_status.write(Status(self._when_ns, service.pid, service.is_paused, service.want))
        step = b"open %b/%b" % (self._folder, _NEW)
        try:
            fd = os.open(_NEW, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK, 0o644)
            step = b"write %b/%b" % (self._folder, _NEW)
            try:
                os.write(fd, data)
            finally:
                os.close(fd)
            step = b"rename %b/%b to status" % (self._folder, _NEW)
            os.rename(_NEW, _STATUS)
        except OSError as error:  # a full disk is no reason to leave a service alone
            say.warning(self._fds, NAME, b"unable to " + step, error)


def _is_there(path: bytes) -> bool:
    try:
        os.stat(path)
    except FileNotFoundError:
        return False
    return True
