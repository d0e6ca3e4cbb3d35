"""tcpserver: accept TCP connections and run a program for each.

Usage    tcpserver [-1UXpPhHrRoOdDqQv] [-c LIMIT] [-x RULES.cdb] [-B BANNER] [-g GID] [-u UID] [-b BACKLOG] [-l LOCALNAME] [-t SECONDS]
         HOST PORT PROGRAM [ARGUMENT ...]. HOST 0 is every IPv4 address of this machine, :: every address; PORT 0 is a free one.
         -c programs that run at a time (40); more clients wait. -b clients that may wait for that (20). -x the rules each client is looked
         up in; they may be compiled anew at any time. -X no such file lets everybody in, instead of nobody. -B is sent before anything is
         looked up. -u, -g become this user and group, -U those of UID and GID, once the port is ours. -1 writes the port to fd 1.
         -h look up TCPREMOTEHOST (-H not), -p only a name that has that address (-P any); -l TCPLOCALHOST is this, and not looked up;
         -r ask the client's machine for TCPREMOTEINFO (-R not), for -t seconds (26). -o leave IP options (-O none), -D send at once (-d).
         -v say what happens, -Q only what goes wrong, -q nothing
Reads    the rules (formats/tcprules_record); environment DNSCACHEIP, UID and GID; and of what the rules set MAXCONNIP, MAXCONNC: this many
         programs at a time for the client's address, for all that share its first three numbers; DIEMSG is what a client too many is told
Writes   fd 2, with -v: "tcpserver: status: RUNNING/LIMIT", "pid PID from IP", "ok PID LOCALHOST:IP:PORT HOST:IP:INFO:PORT" or "deny ...",
         "end PID status WAITSTATUS"
Does     for each client: a fork, which looks things up, applies the rules and becomes PROGRAM, looked for in PATH: descriptor 0 reads from
         the client, 1 writes to it, variables as in net/tcp_environ
Exits    0 on TERM; programs that run go on. 100 usage; 111 the port cannot be had. A client that is turned away ends with status 25600
Limits   rules know addresses of IPv6 clients only as a whole, and tcprules cannot compile those; 100 octets of each part of a line
Runs as  root until the port is bound, then whoever -u or -U says
Source   tcpserver(1), tcpserver.c; MAXCONNIP, MAXCONNC, DIEMSG: tcpserver-limits patch
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # the C module: signal would load enum
import _socket
import gc
import os
import select

from mta.errors import Temporary
from mta.formats.sgetopt import BadOption
from mta.net import dns_stub, tcp_environ
from mta.programs.ucspi_tcp.tcpserver import child
from mta.programs.ucspi_tcp.tcpserver.wishes import Wishes, read
from mta.unix import say, signals
from mta.unix.fds import Fds

NAME = b"tcpserver"
_USAGE = (
    b"tcpserver [ -1UXpPhHrRoOdDqQv ] [ -c limit ] [ -x rules.cdb ] [ -B banner ] [ -g gid ] [ -u uid ] [ -b backlog ] [ -l localname ]"
    b" [ -t timeout ] host port program"
)
_BACKLOG_MAX = 1 << 30


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    try:
        wishes, operands = read(argv, env)
    except BadOption as error:
        fds.say(NAME + b": " + error.text + b"\n")
        return say.usage(fds, NAME, _USAGE)
    loud = fds if wishes.verbosity else Fds({2: -1})
    if len(operands) < 2:
        return say.usage(loud, NAME, _USAGE)
    host, service, *program = operands
    try:
        port = tcp_environ.port(service)
    except tcp_environ.BadPort:
        return say.fatal(loud, NAME, b"unable to figure out port number for " + service)
    if not program:
        return say.usage(loud, NAME, _USAGE)
    try:
        ip = _ip(env, host)
    except Temporary:
        return say.fatal(loud, NAME, b"temporarily unable to figure out IP address for %b: temporary failure" % host)
    if ip is None:
        return say.fatal(loud, NAME, b"no IP address for " + host)
    try:
        listener = _listen(ip, port, wishes)
    except _NotReady as trouble:
        return say.fatal(loud, NAME, b"unable to " + trouble.step, trouble.error)
    if wishes.is_port_told:
        fds.write(1, b"%d\n" % listener.getsockname()[1])
    return _Server(listener, program, env, fds, loud, wishes).run()


class _NotReady(Exception):
    def __init__(self, step: bytes, error: OSError) -> None:
        super().__init__(step)
        self.step = step
        self.error = error


def _ip(env: dict[bytes, bytes], host: bytes) -> str | None:
    """None: there is none. Raises Temporary."""
    if host in (b"", b"0"):
        return "0.0.0.0"  # noqa: S104 - that is what "0" means
    six = host.removeprefix(b"[").removesuffix(b"]")
    if b":" in six:
        return dns_stub.written_six(six)
    found = dns_stub.addresses_of_word(env, host)
    return found[0] if found else None


def _listen(ip: str, port: int, wishes: Wishes) -> _socket.socket:
    """Bound, and with the rights that are left. Raises _NotReady."""
    try:
        sock = _socket.socket(_socket.AF_INET6 if ":" in ip else _socket.AF_INET, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    except OSError as error:
        raise _NotReady(b"create socket", error) from error
    step = b"bind"
    try:
        sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
        if sock.family == _socket.AF_INET6:
            sock.setsockopt(_socket.IPPROTO_IPV6, _socket.IPV6_V6ONLY, 0)
        sock.bind((ip, port))
        step = b"listen"
        sock.listen(min(wishes.backlog, _BACKLOG_MAX))
        sock.setblocking(False)
        step = b"set gid"
        if wishes.gid:
            os.setgroups([wishes.gid])
            os.setgid(wishes.gid)
        step = b"set uid"
        if wishes.uid:
            os.setuid(wishes.uid)
    except OSError as error:
        sock.close()
        raise _NotReady(step, error) from error
    return sock


class _Server:
    """Who may come in, who is there, who has left: everything a client could hold up is done in its child. fds: those the programs get;
    loud: where we speak ourselves."""

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
            say.warning(self._loud, NAME, b"dropping connection, unable to fork", error)
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
