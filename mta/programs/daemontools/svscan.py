"""svscan: supervise every service of a directory, and its logger, with a pipe between them that outlives both.

Usage    svscan [DIR]; without DIR the working directory
Reads    DIR, every 5 seconds: each directory in it, or link to one, whose name does not begin with "." is a service NAME;
         if NAME/log was there when the service was first seen, NAME/log is its logger
Does     keeps one supervise for NAME and one for NAME/log, forked from this process, which has the program loaded; a supervise that ended
         is started again at the next look. NAME/run writes its fd 1 to the fd 0 of NAME/log/run.
         A service is known by its inode: a link that is renamed stays the same service. One whose entry is gone is forgotten when both
         supervises have left (svc -dx); until then they go on.
Exits    111 DIR cannot be entered. TERM ends svscan alone: the supervises and their services go on
Limits   1000 services
Runs as  root, or the one user of an instance
Source   svscan(8), svscan.c
"""

from __future__ import annotations

import gc
import os
import stat
import time

from mta import runner
from mta.unix import say, signals, title
from mta.unix.fds import Fds

NAME = b"svscan"
SERVICES_MAX = 1000
PAUSE_S = 5.0


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    if argv:
        try:
            os.chdir(argv[0])
        except OSError as error:
            return say.fatal(fds, NAME, b"unable to chdir to " + argv[0], error)
    signals.die_of_interrupt()
    runner.load("supervise")
    gc.collect()
    gc.freeze()  # a collection in a supervise would write to, and so copy, all that it shares with us
    scan = _Scan(env, fds)
    while True:
        scan.pass_()
        time.sleep(PAUSE_S)


class _Service:
    """pid, log_pid: of the supervises, 0 while there is none. pipe: (reading end, writing end) if there is a logger."""

    __slots__ = ("is_seen", "log_pid", "pid", "pipe")

    def __init__(self, pipe: tuple[int, int] | None) -> None:
        self.is_seen = True
        self.pid = 0
        self.log_pid = 0
        self.pipe = pipe


class _Scan:
    __slots__ = ("_env", "_fds", "_services")

    def __init__(self, env: dict[bytes, bytes], fds: Fds) -> None:
        self._env = env
        self._fds = fds
        self._services: dict[tuple[int, int], _Service] = {}  # by device and inode

    def pass_(self) -> None:
        """1 take note of supervises that ended  2 look at every entry and start what is not there  3 forget what is gone for good"""
        self._reap()
        try:
            names = sorted(os.listdir(b"."))
        except OSError as error:
            say.warning(self._fds, NAME, b"unable to read directory", error)
            return
        for service in self._services.values():
            service.is_seen = False
        for name in names:
            if not name.startswith(b"."):
                self._look(name)
        for key, service in list(self._services.items()):
            if not (service.is_seen or service.pid or service.log_pid):
                for fd in service.pipe or ():
                    os.close(fd)
                del self._services[key]

    def _reap(self) -> None:
        while True:
            try:
                pid, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            for service in self._services.values():
                if service.pid == pid:
                    service.pid = 0
                elif service.log_pid == pid:
                    service.log_pid = 0

    def _look(self, name: bytes) -> None:
        try:
            found = os.stat(name)
        except OSError as error:
            say.warning(self._fds, NAME, b"unable to stat " + name, error)
            return
        if not stat.S_ISDIR(found.st_mode):
            return
        key = found.st_dev, found.st_ino
        service = self._services.get(key) or self._new(name)
        if service is None:
            return
        self._services[key] = service
        service.is_seen = True
        if not service.pid:
            service.pid = self._start(name, service, {} if service.pipe is None else {1: service.pipe[1]})
        if service.pipe is not None and not service.log_pid:
            service.log_pid = self._start(name + b"/log", service, {0: service.pipe[0]})

    def _new(self, name: bytes) -> _Service | None:
        """None, with a word, when it has to wait for the next pass."""
        if len(self._services) >= SERVICES_MAX:
            say.warning(self._fds, NAME, b"unable to start %b: running too many services" % name)
            return None
        step = b"stat %b/log" % name
        try:
            try:
                os.stat(name + b"/log")
            except FileNotFoundError:
                return _Service(None)
            step = b"create pipe for " + name
            return _Service(os.pipe())
        except OSError as error:
            say.warning(self._fds, NAME, b"unable to " + step, error)
            return None

    def _start(self, folder: bytes, service: _Service, ends: dict[int, int]) -> int:
        """ends: which of its descriptors is an end of the pipe. -> process id of the supervise, 0 when there is no room for one."""
        try:
            pid = os.fork()
        except OSError as error:
            say.warning(self._fds, NAME, b"unable to fork for " + folder, error)
            return 0
        if pid:
            return pid
        code = 111
        try:
            self._close_others(ends)
            title.set_([b"supervise", folder])
            code = runner.call("supervise", [folder], self._env, Fds({**self._fds, **ends}))
        finally:
            os._exit(code)

    def _close_others(self, ends: dict[int, int]) -> None:
        """In the child. A supervise that kept ends of other services' pipes would keep their loggers from ever seeing an end."""
        for service in self._services.values():
            for fd in service.pipe or ():
                if fd not in ends.values():
                    os.close(fd)
