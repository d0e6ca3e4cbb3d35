"""tcpclient: connect to a TCP server and run a program.

Usage    tcpclient [-hHrRdDqQv] [-i LOCALIP] [-p LOCALPORT] [-T SECONDS[+SECONDS]] [-l LOCALNAME] [-t SECONDS] HOST PORT PROGRAM
         [ARGUMENT ...]. HOST 0 is this machine. -i, -p the local end of the connection. -T how long to wait for each address of HOST, and
         how much longer once more for those that did not answer (2+58). -h look up TCPREMOTEHOST (-H not), -l TCPLOCALHOST is this, and
         not looked up; -r ask the server's machine for TCPREMOTEINFO (-R not), for -t seconds (26). -D send at once (-d).
         -v say what happens, -Q only what goes wrong, -q nothing
Does     becomes PROGRAM, looked for in PATH: descriptor 6 reads from the server, 7 writes to it; variables as in net/tcp_environ
Exits    as PROGRAM; 100 usage; 111 no address answers, or PROGRAM cannot be run
Limits   IPv6 for an address that is written as one; names have IPv4 addresses
Source   tcpclient(1), tcpclient.c
"""

from __future__ import annotations

import _socket
import os

from mta.errors import Temporary
from mta.formats import scan
from mta.formats.error_str import error_str
from mta.formats.sgetopt import BadOption, Options
from mta.net import dns_stub, tcp_environ
from mta.unix import pathexec, say
from mta.unix.fds import Fds

NAME = b"tcpclient"
_USAGE = (
    b"tcpclient [ -hHrRdDqQv ] [ -i localip ] [ -p localport ] [ -T timeoutconn ] [ -l localname ] [ -t timeoutinfo ] host port program"
)
_VERBOSITY = {b"q": 0, b"Q": 1, b"v": 2}
_READS, _WRITES = 6, 7
_FOR_EVER_S = 1 << 20  # longer the kernel cannot be asked to wait


class _Wishes:
    __slots__ = (
        "info_timeout_s",
        "is_delayed",
        "is_host_wanted",
        "is_info_wanted",
        "local_ip",
        "local_name",
        "local_port",
        "times_s",
        "verbosity",
    )

    def __init__(self) -> None:
        self.local_ip = "0.0.0.0"  # noqa: S104 - whichever the kernel takes
        self.local_port = 0
        self.local_name: bytes | None = None  # None: look it up
        self.times_s = (2, 58)
        self.info_timeout_s = 26
        self.is_host_wanted = self.is_info_wanted = self.is_delayed = True
        self.verbosity = 1

    def take(self, letter: bytes, value: bytes) -> None:
        """Raises ValueError: no address."""
        if letter in _VERBOSITY:
            self.verbosity = _VERBOSITY[letter]
        elif letter in b"dD":
            self.is_delayed = letter == b"d"
        elif letter in b"hH":
            self.is_host_wanted = letter == b"h"
        elif letter in b"rR":
            self.is_info_wanted = letter == b"r"
        elif letter == b"l":
            self.local_name = value
        elif letter == b"t":
            self.info_timeout_s = scan.ulong(value)[0]
        elif letter == b"T":
            first, digits = scan.ulong(value)
            self.times_s = (first, scan.ulong(value[digits:].removeprefix(b"+"))[0])
        elif letter == b"p":
            self.local_port = scan.ulong(value)[0] & 0xFFFF
        else:
            self.local_ip = _written(value)


def _written(ip: bytes) -> str:
    """Raises ValueError."""
    packed = dns_stub.packed(ip)
    found = dns_stub.written_six(ip) if packed is None else _socket.inet_ntop(_socket.AF_INET, packed)
    if found is None:
        raise ValueError("no address")
    return found


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    wishes = _Wishes()
    options = Options(argv, "dDvqQhHrRi:p:t:T:l:")
    try:
        for letter, value in options:
            wishes.take(letter, value)
    except BadOption as error:
        fds.say(NAME + b": " + error.text + b"\n")
        return say.usage(fds, NAME, _USAGE)
    except ValueError:
        return say.usage(fds, NAME, _USAGE)
    loud = fds if wishes.verbosity else Fds({2: -1})
    if len(options.operands) < 2:
        return say.usage(loud, NAME, _USAGE)
    host, service, *program = options.operands
    try:
        port = tcp_environ.port(service)
    except tcp_environ.BadPort:
        return say.fatal(loud, NAME, b"unable to figure out port number for " + service)
    if not program:
        return say.usage(loud, NAME, _USAGE)
    return _go(host, port, program, env, fds, loud, wishes)


def _go(host: bytes, port: int, program: list[bytes], env: dict[bytes, bytes], fds: Fds, loud: Fds, wishes: _Wishes) -> int:
    try:
        addresses = _addresses(env, host)
    except Temporary:
        return say.fatal(loud, NAME, b"temporarily unable to figure out IP address for %b: temporary failure" % host)
    if not addresses:
        return say.fatal(loud, NAME, b"no IP address for " + host)
    try:
        sock = _connect(addresses, port, loud, wishes)
    except _NotReady as trouble:
        return say.fatal(loud, NAME, b"unable to " + trouble.step, trouble.error)
    if sock is None:
        return 111
    changed = dict(env)
    _describe(sock, changed, loud, wishes)
    try:
        ends = {_READS: sock.fileno(), _WRITES: sock.fileno(), **{number: fds[number] for number in (0, 1, 2) if number in fds}}
        pathexec.become(program, changed, ends, env.get(b"PATH"))
    except OSError as error:
        return say.fatal(loud, NAME, b"unable to run " + program[0], error)


def _addresses(env: dict[bytes, bytes], host: bytes) -> list[str]:
    """Raises Temporary."""
    if host in (b"", b"0"):
        return ["127.0.0.1"]
    six = host.removeprefix(b"[").removesuffix(b"]")
    if b":" in six:
        ip = dns_stub.written_six(six)
        return [] if ip is None else [ip]
    return dns_stub.addresses_of_word(env, host)


class _NotReady(Exception):
    def __init__(self, step: bytes, error: OSError) -> None:
        super().__init__(step)
        self.step = step
        self.error = error


def _connect(addresses: list[str], port: int, loud: Fds, wishes: _Wishes) -> _socket.socket | None:
    """The first that answers; None: none does, and it has been said of each why. Raises _NotReady."""
    first_s, more_s = wishes.times_s
    if len(addresses) == 1:
        first_s, more_s = first_s + more_s, 0
    for timeout_s, is_last in ((first_s, not more_s), (more_s, True)):
        late = []
        for ip in addresses:
            try:
                return _connected(ip, port, timeout_s, wishes)
            except TimeoutError as error:
                if is_last:
                    _complain(loud, ip, port, error)
                else:
                    late.append(ip)
            except OSError as error:
                _complain(loud, ip, port, error)
        addresses = late
    return None


def _complain(loud: Fds, ip: str, port: int, error: OSError) -> None:
    why = "timed out" if error.errno is None else error_str(error.errno)  # Python's own timeout has no number
    loud.say(b"tcpclient: unable to connect to %b port %d: %b\n" % (ip.encode(), port, why.encode()))


def _connected(ip: str, port: int, timeout_s: int, wishes: _Wishes) -> _socket.socket:
    """Raises _NotReady, OSError."""
    try:
        sock = _socket.socket(_socket.AF_INET6 if ":" in ip else _socket.AF_INET, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    except OSError as error:
        raise _NotReady(b"create socket", error) from error
    try:
        if sock.family == _socket.AF_INET or ":" in wishes.local_ip:
            sock.bind((wishes.local_ip, wishes.local_port))
    except OSError as error:
        sock.close()
        raise _NotReady(b"bind socket", error) from error
    try:
        sock.settimeout(min(timeout_s, _FOR_EVER_S) or 0.001)  # 0 would mean not to wait at all
        sock.connect((ip, port))
        sock.settimeout(None)
    except OSError:
        sock.close()
        raise
    return sock


def _describe(sock: _socket.socket, env: dict[bytes, bytes], loud: Fds, wishes: _Wishes) -> None:
    if not wishes.is_delayed:
        sock.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
    local, remote = tcp_environ.end(sock.getsockname()), tcp_environ.end(sock.getpeername())
    local_name = tcp_environ.name_of(env, local[0]) if wishes.local_name is None else wishes.local_name
    if wishes.verbosity > 1:
        loud.say(b"tcpclient: connected to %b port %d\n" % (os.fsencode(remote[0]), remote[1]))
    remote_name = tcp_environ.name_of(env, remote[0]) if wishes.is_host_wanted else None
    tcp_environ.describe(env, local, remote, local_name=local_name, remote_name=remote_name)
    tcp_environ.inform(env, tcp_environ.info_of(remote, local, wishes.info_timeout_s) if wishes.is_info_wanted else None)
