"""tcpserver's part in a connection: look things up, apply the rules, become the program.

Steps    1 banner  2 names, info  3 rules: variables, allowed or denied, too many  4 the line for the log  5 descriptors  6 exec
Exits    100 denied; 111 rules that cannot be read, a program that cannot be run: "dropping connection"
"""

from __future__ import annotations

import _socket
import errno
import os

from mta.formats import scan, tcprules_record
from mta.net import tcp_environ
from mta.unix import cdb_read, pathexec, say
from mta.unix.fds import Fds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import NoReturn

    from mta.programs.ucspi_tcp.tcpserver.wishes import Wishes

NAME = b"tcpserver"
DENIED = 100
DROPPED = 111
_PART_MAX = 100
_IP_OPTIONS = 4  # <netinet/in.h>
_LEFT_OUT = b"%:"  # would be taken for what stands between the parts of a line


class Crowd:
    """The addresses of those who are there already."""

    __slots__ = ("_ips",)

    def __init__(self, ips: Iterable[str]) -> None:
        self._ips = list(ips)

    def is_too_big_for(self, ip: str, env: dict[bytes, bytes]) -> bool:
        """Do MAXCONNIP or MAXCONNC, where they are set, allow no more?"""
        net = ip.rpartition(".")[0]
        same_ip = sum(other == ip for other in self._ips)
        same_net = sum(other.rpartition(".")[0] == net for other in self._ips)
        return any(name in env and scan.ulong(env[name])[0] <= n for name, n in ((b"MAXCONNIP", same_ip), (b"MAXCONNC", same_net)))


class _Dropped(Exception):
    def __init__(self, words: bytes, error: OSError | None = None) -> None:
        super().__init__(words)
        self.words = words
        self.error = error


def be(
    fd: int,
    remote: tuple[str, int],
    crowd: Crowd,
    program: list[bytes],
    env: dict[bytes, bytes],
    fds: Fds,
    loud: Fds,
    wishes: Wishes,
) -> NoReturn:
    """In the child: fd is the connection. Whatever goes wrong, it never goes on as a second parent."""
    code = DROPPED
    try:
        changed = dict(env)
        if _let_in(fd, remote, crowd, changed, loud, wishes):
            ends = {0: fd, 1: fd, **({2: fds[2]} if 2 in fds else {})}
            pathexec.become(program, changed, ends, env.get(b"PATH"))
        code = DENIED
    except _Dropped as trouble:
        say.warning(loud, NAME, b"dropping connection, unable to " + trouble.words, trouble.error)
    except OSError as error:
        say.warning(loud, NAME, b"dropping connection, unable to run " + program[0], error)
    finally:
        os._exit(code)


def _let_in(fd: int, remote: tuple[str, int], crowd: Crowd, env: dict[bytes, bytes], loud: Fds, wishes: Wishes) -> bool:
    """Raises _Dropped."""
    if wishes.verbosity > 1:
        loud.say(b"tcpserver: pid %d from %b\n" % (os.getpid(), remote[0].encode()))
    sock = _socket.socket(fileno=os.dup(fd))
    try:
        local = _prepare(sock, wishes)
        local_name, remote_name = _look_up(env, local, remote, wishes)
        tcp_environ.describe(env, local, remote, local_name=local_name, remote_name=remote_name)
        info = tcp_environ.info_of(remote, local, wishes.info_timeout_s) if wishes.is_info_wanted else None
        tcp_environ.inform(env, info)
        is_denied = _apply_rules(env, wishes, remote[0].encode(), remote_name, info)
        if not is_denied and crowd.is_too_big_for(remote[0], env):
            is_denied = True
            _say_goodbye(sock, env)
    finally:
        sock.close()
    if wishes.verbosity > 1:
        loud.say(_line(is_denied, local, local_name, remote, remote_name, info))
    return not is_denied


def _prepare(sock: _socket.socket, wishes: Wishes) -> tuple[str, int]:
    """-> our end. Raises _Dropped."""
    if wishes.is_without_options and sock.family == _socket.AF_INET:
        _try_option(sock, _socket.IPPROTO_IP, _IP_OPTIONS, b"")
    if not wishes.is_delayed:
        _try_option(sock, _socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
    words = b"print banner"
    try:
        if wishes.banner:
            sock.sendall(wishes.banner)
        words = b"get local address"
        return tcp_environ.end(sock.getsockname())
    except OSError as error:
        raise _Dropped(words, error) from error


def _try_option(sock: _socket.socket, level: int, option: int, value: int | bytes) -> None:
    try:
        sock.setsockopt(level, option, value)
    except OSError:  # a socket that is no longer connected: reading it will tell
        pass


def _look_up(env: dict[bytes, bytes], local: tuple[str, int], remote: tuple[str, int], wishes: Wishes) -> tuple[bytes | None, bytes | None]:
    """The names of both ends."""
    local_name = tcp_environ.name_of(env, local[0]) if wishes.local_name is None else wishes.local_name
    if not wishes.is_host_wanted:
        return local_name, None
    find = tcp_environ.proven_name_of if wishes.is_paranoid else tcp_environ.name_of
    return local_name, find(env, remote[0])


def _apply_rules(env: dict[bytes, bytes], wishes: Wishes, ip: bytes, host: bytes | None, info: bytes | None) -> bool:
    """Put the variables in -> is the client denied? Raises _Dropped."""
    if wishes.rules is None:
        return False
    try:
        file = cdb_read.open_(wishes.rules)
        if file is None and not wishes.is_open_without_rules:
            raise FileNotFoundError(errno.ENOENT, "none")
        found = None if file is None else tcprules_record.find_record(file.get, ip, host, info)
    except OSError as error:
        raise _Dropped(b"read " + wishes.rules, error) from error
    except ValueError as error:
        raise _Dropped(b"read %b: protocol error" % wishes.rules) from error
    if file is not None:
        file.close()
    is_denied = False
    for item in tcprules_record.items(found[1] if found else b""):
        if item.startswith(b"D"):
            is_denied = True
        elif item.startswith(b"+") and b"=" in item:
            name, _, value = item[1:].partition(b"=")
            pathexec.put(env, name, value)
    return is_denied


def _say_goodbye(sock: _socket.socket, env: dict[bytes, bytes]) -> None:
    try:
        if env.get(b"DIEMSG"):
            sock.sendall(env[b"DIEMSG"] + b"\r\n")
    except OSError:  # it does not wait for that
        pass


def _line(
    is_denied: bool,
    local: tuple[str, int],
    local_name: bytes | None,
    remote: tuple[str, int],
    remote_name: bytes | None,
    info: bytes | None,
) -> bytes:
    ours = b":".join((_part(local_name), local[0].encode(), b"%d" % local[1]))
    theirs = b":".join((_part(remote_name), remote[0].encode(), _part(info), b"%d" % remote[1]))
    return b"tcpserver: %b %d %b %b\n" % (b"deny" if is_denied else b"ok", os.getpid(), ours, theirs)


def _part(text: bytes | None) -> bytes:
    """So that no name can look like something else in a line."""
    if text is None:
        return b""
    shown = bytes(c if 33 <= c <= 126 and c not in _LEFT_OUT else 63 for c in text[:_PART_MAX])
    return shown + b"..." if len(text) >= _PART_MAX else shown
