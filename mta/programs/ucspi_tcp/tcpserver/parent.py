"""tcpserver's own process: who may come in, who is there, who has left. Everything a client could hold up is done in the child."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # the C module: signal would load enum
import _socket
import gc
import os
import select

from mta.net import tcp_environ
from mta.programs.ucspi_tcp.tcpserver import child
from mta.unix import say, signals
from mta.unix.fds import Fds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mta.programs.ucspi_tcp.tcpserver.wishes import Wishes


class Server:
    """fds: those the programs get; loud: where we speak ourselves."""

    __slots__ = ("_clients", "_env", "_fds", "_listener", "_loud", "_program", "_wake", "_wishes")

    def __init__(
        self, listener: _socket.socket, program: list[bytes], env: dict[bytes, bytes], fds: Fds, loud: Fds, wishes: Wishes
    ) -> None:
        self._listener = listener
        self._program = program
        self._env = env
        self._fds = fds
        self._loud = loud
        self._wishes = wishes
        self._clients: dict[int, str] = {}  # process id: address

    def run(self) -> int:
        """Until TERM comes -> exit code."""
        signals.die_of_interrupt()
        self._wake = signals.Wakeup((_signal.SIGCHLD, _signal.SIGTERM))
        for number in (0, 1):
            try:
                os.close(self._fds[number])
            except OSError:  # it was closed before
                pass
        gc.collect()
        gc.freeze()  # a collection in a child would write to, and so copy, all that it shares with us
        self._status(0)
        while True:
            poll = select.poll()
            poll.register(self._wake.fd, select.POLLIN)
            if len(self._clients) < self._wishes.limit:
                poll.register(self._listener.fileno(), select.POLLIN)
            ready = [fd for fd, _ in poll.poll()]
            if _signal.SIGTERM in self._wake.take():
                return 0
            self._reap()
            if self._listener.fileno() in ready:
                self._accept()

    def _accept(self) -> None:
        try:
            fd, address = self._listener._accept()  # type: ignore[attr-defined]  # what socket.accept is made of
        except OSError:  # it went away while it waited
            return
        remote = tcp_environ.end(address)
        self._status(len(self._clients) + 1)
        try:
            pid = os.fork()
        except OSError as error:
            say.warning(self._loud, b"tcpserver", b"dropping connection, unable to fork", error)
            os.close(fd)
            self._status(len(self._clients))
            return
        if pid == 0:
            self._wake.close()
            self._listener.close()
            child.be(fd, remote, child.Crowd(self._clients.values()), self._program, self._env, self._fds, self._loud, self._wishes)
        os.close(fd)
        self._clients[pid] = remote[0]

    def _reap(self) -> None:
        while self._clients:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            if self._wishes.verbosity > 1:
                self._loud.say(b"tcpserver: end %d status %d\n" % (pid, status))
            self._clients.pop(pid, None)
            self._status(len(self._clients))

    def _status(self, running: int) -> None:
        if self._wishes.verbosity > 1:
            self._loud.say(b"tcpserver: status: %d/%d\n" % (running, self._wishes.limit))
