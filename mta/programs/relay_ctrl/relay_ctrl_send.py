"""relay-ctrl-send: tell other machines that the client has logged in here.

Usage    relay-ctrl-send PROGRAM [ARGUMENT ...], behind checkpassword, in place of relay-ctrl-allow or beside it
Reads    environment TCPREMOTEIP; RELAY_CTRL_REMOTES, addresses with commas between them, where relay-ctrl-udp runs; RELAY_CTRL_PORT (811);
         RELAY_CTRL_TRIES (5) rounds of RELAY_CTRL_TIMEOUT (1) seconds; RELAY_CTRL_SECRET, the same on all machines; AUTHUSER, AUTHARGV0,
         AUTHENTICATED (Courier)
Writes   a datagram (formats/relay_ctrl) to each, again to those that have not answered; fd 2 a warning for those that never do
Does     becomes PROGRAM, looked for in PATH, at once: a process of its own does the telling
Exits    as PROGRAM; 111 usage, TCPREMOTEIP is no address, or PROGRAM cannot be run
Limits   IPv4 between the machines. Without RELAY_CTRL_SECRET whoever can send to the port can open the relay: a private network it must be
Runs as  the user who has logged in
Source   relay-ctrl-send(8), relay-ctrl-send.c
"""

from __future__ import annotations

import _socket
import os
import select
import time

from mta.formats import relay_ctrl
from mta.net import dns_stub
from mta.unix import pathexec, say
from mta.unix.fds import Fds

NAME = b"relay-ctrl-send"
_TRIES, _TIMEOUT_S = 5, 1


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    if not argv:
        say.usage(fds, NAME, b"relay-ctrl-send program [args ...]")
        return 111
    ip = relay_ctrl.address(env.get(b"TCPREMOTEIP", b""))
    if ip is None:
        return say.fatal(fds, NAME, b"Must be run from tcp-env or tcpserver.")
    if b"RELAY_CTRL_REMOTES" not in env:
        say.warning(fds, NAME, b"$RELAY_CTRL_REMOTES is not set.")
    elif relay_ctrl.is_authenticated(env):
        _tell_beside(ip, env, fds)
    return pathexec.chain(NAME, argv, env, fds, env.get(b"PATH"))


def _tell_beside(ip: bytes, env: dict[bytes, bytes], fds: Fds) -> None:
    """In a grandchild: nobody needs to wait for it. It does not hold the client's connection."""
    try:
        pid = os.fork()
    except OSError as error:
        say.warning(fds, NAME, b"unable to fork", error)
        return
    if pid:
        os.waitpid(pid, 0)
        return
    try:
        if os.fork() == 0:
            null = os.open("/dev/null", os.O_RDWR)
            os.dup2(null, fds[0])
            os.dup2(null, fds[1])
            _tell(ip, env, fds)
    except OSError as error:
        say.warning(fds, NAME, b"unable to tell the others", error)
    finally:
        os._exit(0)


def _tell(ip: bytes, env: dict[bytes, bytes], fds: Fds) -> None:
    """Raises OSError."""
    port = relay_ctrl.positive(env.get(b"RELAY_CTRL_PORT", b""), relay_ctrl.PORT) & 0xFFFF
    timeout_s = relay_ctrl.positive(env.get(b"RELAY_CTRL_TIMEOUT", b""), _TIMEOUT_S)
    missing = _remotes(env[b"RELAY_CTRL_REMOTES"], fds)
    sock = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM)
    for _ in range(relay_ctrl.positive(env.get(b"RELAY_CTRL_TRIES", b""), _TRIES)):
        if not missing:
            return
        for remote in missing:
            try:
                sock.sendto(relay_ctrl.datagram(ip, env.get(b"RELAY_CTRL_SECRET", b""), int(time.time())), (remote, port))
            except OSError as error:
                say.warning(fds, NAME, b"unable to send to " + remote.encode(), error)
        _collect(sock, missing, time.monotonic() + timeout_s)
    for remote in missing:
        say.warning(fds, NAME, b"timed out waiting for response from " + remote.encode())


def _remotes(text: bytes, fds: Fds) -> list[str]:
    found = []
    for word in text.split(b","):
        if word.strip():
            if dns_stub.packed(word.strip()) is None:
                say.warning(fds, NAME, b"no IP address: " + word)
            else:
                found.append(word.strip().decode())
    return found


def _collect(sock: _socket.socket, missing: list[str], deadline_s: float) -> None:
    """Until all have answered, or the time is over."""
    while missing and (left_s := deadline_s - time.monotonic()) > 0:
        if select.select([sock.fileno()], [], [], left_s)[0]:
            try:
                answer, sender = sock.recvfrom(2)
            except OSError:  # a machine that does not listen
                continue
            if answer == relay_ctrl.ACKNOWLEDGED and sender[0] in missing:
                missing.remove(sender[0])
