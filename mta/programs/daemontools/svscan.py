"""svscan: supervise every service of a directory, and its logger, with a pipe between them that outlives both.

Usage    svscan [DIR]; without DIR the working directory
Reads    DIR, every 5 seconds: each directory in it, or link to one, whose name does not begin with "." is a service NAME;
         if NAME/log was there when the service was first seen, NAME/log is its logger
Does     keeps one supervise for NAME and one for NAME/log, forked from this process, which has the program loaded; a supervise that ended
         is started again at the next look. NAME/run writes its fd 1 to the fd 0 of NAME/log/run.
         The programs of the instance that run scripts name are loaded before the supervises are forked, so that all have that memory in
         common (unix/warm_start); what is started in other ways is started first.
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
from mta.unix import say, signals, title, warm_start
from mta.unix.fds import Fds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mta.formats.run_script import RunScript

NAME = b"svscan"
SERVICES_MAX = 1000
PAUSE_S = 5.0
_EXEC, _MODULE, _PROGRAM = range(3)  # how a service is started


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    if argv:
        try:
            os.chdir(argv[0])
        except OSError as error:
            return say.fatal(fds, NAME, b"unable to chdir to " + argv[0], error)
    signals.die_of_interrupt()
    runner.load("supervise")
    _share()
    scan = _Scan(env, fds)
    while True:
        scan.pass_()
        time.sleep(PAUSE_S)


def _share() -> None:
    """What is loaded by now will be shared with all processes that begin as our forks."""
    gc.collect()
    gc.freeze()  # a collection in one of them would write to, and so copy, all that it shares with us
    warm_start.note()


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
            names = sorted(name for name in os.listdir(b".") if not name.startswith(b"."))
        except OSError as error:
            say.warning(self._fds, NAME, b"unable to read directory", error)
            return
        for service in self._services.values():
            service.is_seen = False
        self._start_missing({name: found for name in names if (found := self._look(name)) is not None})
        for key, service in list(self._services.items()):
            if not (service.is_seen or service.pid or service.log_pid):
                for fd in service.pipe or ():
                    os.close(fd)
                del self._services[key]

    def _start_missing(self, services: dict[bytes, _Service]) -> None:
        """What is loaded for a fork is a burden to all later ones: so first the loggers, then what is started by exec, then all the others,
        modules first, which have the most to load by themselves."""
        logs = {name: s.pipe[0] for name, s in services.items() if s.pipe is not None and not s.log_pid}
        self._load([name + b"/log" for name in logs])
        for name, end in logs.items():
            services[name].log_pid = self._start(name + b"/log", services[name], {0: end})
        missing = {name: self._kind(name) for name, s in services.items() if not s.pid}
        for kinds in ((_EXEC,), (_MODULE, _PROGRAM)):
            names = sorted((name for name in missing if missing[name] in kinds), key=lambda name: missing[name])
            self._load(names)
            for name in names:
                service = services[name]
                service.pid = self._start(name, service, {} if service.pipe is None else {1: service.pipe[1]})

    def _plan(self, folder: bytes) -> RunScript | None:
        return warm_start.plan(folder, self._env.get(b"QMAIL_HOME", b""))

    def _kind(self, folder: bytes) -> int:
        script = self._plan(folder)
        return _EXEC if script is None else _MODULE if warm_start.module(script) else _PROGRAM

    def _load(self, folders: list[bytes]) -> None:
        """What their run scripts start."""
        scripts = [script for folder in folders if (script := self._plan(folder)) is not None]
        if any(warm_start.module(script) for script in scripts):
            warm_start.load_library()
        for program in sorted({warm_start.name(script) for script in scripts if not warm_start.module(script)}):
            runner.is_loaded(program)
        if scripts:
            _share()

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

    def _look(self, name: bytes) -> _Service | None:
        """The service of that name, known or new."""
        try:
            found = os.stat(name)
        except OSError as error:
            say.warning(self._fds, NAME, b"unable to stat " + name, error)
            return None
        if not stat.S_ISDIR(found.st_mode):
            return None
        key = found.st_dev, found.st_ino
        service = self._services.get(key) or self._new(name)
        if service is not None:
            self._services[key] = service
            service.is_seen = True
        return service

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
