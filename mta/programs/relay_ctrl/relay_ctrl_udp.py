"""relay-ctrl-udp: note what relay-ctrl-send on other machines tells of logins there.

Usage    relay-ctrl-udp, as a service
Reads    datagrams (formats/relay_ctrl) on port RELAY_CTRL_PORT (811) of RELAY_CTRL_BIND (every address of this machine);
         RELAY_CTRL_SECRET: with it only those that were made with it are believed
Writes   the file of the address, empty and of this moment, in RELAY_CTRL_DIR, or RELAY_CTRL_DIR_FD; one octet, 1, in answer;
         fd 2 a warning for each datagram that tells of no address
Exits    111 no directory, or the port cannot be had. TERM ends it
Limits   without RELAY_CTRL_SECRET whoever can send to the port can open the relay: a private network it must be
Runs as  a user who may write the directory; root for a port below 1024
Source   relay-ctrl-udp(8), relay-ctrl-udp.c
"""

from __future__ import annotations

import _socket
import time

from mta.errors import Temporary
from mta.formats import relay_ctrl
from mta.net import dns_stub
from mta.unix import say, signals
from mta.unix.fds import Fds
from mta.unix.relay_ctrl import Directory

NAME = b"relay-ctrl-udp"


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    signals.die_of_interrupt()
    bind = env.get(b"RELAY_CTRL_BIND", b"0.0.0.0")
    secret = env.get(b"RELAY_CTRL_SECRET", b"")
    if dns_stub.packed(bind) is None:
        return say.fatal(fds, NAME, b"no IP address: " + bind)
    try:
        directory = Directory(env)
        sock = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
        try:
            sock.bind((bind.decode(), relay_ctrl.positive(env.get(b"RELAY_CTRL_PORT", b""), relay_ctrl.PORT) & 0xFFFF))
            if not secret:
                say.warning(fds, NAME, b"$RELAY_CTRL_SECRET is not set: whoever can send to this port is believed")
            fds.say(b"%b: status: listening on %b\n" % (NAME, b"%b:%d" % (bind, sock.getsockname()[1])))
            while True:
                _receive(sock, directory, secret, fds)
        finally:
            sock.close()
            directory.close()
    except Temporary as failure:
        return say.fatal(fds, NAME, failure.text.encode())
    except OSError as error:
        return say.fatal(fds, NAME, b"unable to bind", error)


def _receive(sock: _socket.socket, directory: Directory, secret: bytes, fds: Fds) -> None:
    try:
        data, sender = sock.recvfrom(relay_ctrl.DATAGRAM_MAX)
    except OSError:  # an answer of ours that nobody waited for
        return
    ip = relay_ctrl.read_datagram(data, secret, int(time.time()))
    if ip is None:
        say.warning(fds, NAME, b"invalid IP from " + sender[0].encode())
        return
    try:
        directory.touch(ip)
    except OSError as error:
        say.warning(fds, NAME, b"unable to note " + ip, error)
        return
    try:
        sock.sendto(relay_ctrl.ACKNOWLEDGED, sender)
    except OSError:  # it will ask again
        pass
