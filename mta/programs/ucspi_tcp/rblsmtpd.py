"""rblsmtpd: keep clients out that block lists know, and run a program for the others.

Usage    rblsmtpd [-bBcCW] [-t SECONDS] [-r BASE] [-a BASE] ... PROGRAM [ARGUMENT ...], behind tcpserver and before qmail-smtpd.
         -r a list: it knows a client for whose reversed address under BASE there is a TXT record, and that is what the client is told;
         -a an anti-list: it knows a client for which there is an A record, and that one is let in. Lists are asked in order, the first
         that knows the client decides. -b 553 instead of 451 (-B); -c when a list does not answer 451 (-C: let in); -t how long one that is
         kept out may talk (60; 0: it is told at once). -W wait GREETDELAY seconds (30 at most) before PROGRAM is run; a client that does
         not wait for the greeting is kept out with 554
Reads    environment TCPREMOTEIP; RBLSMTPD, when it is set: nothing lets the client in, a text keeps it out, "-" and a text with 553;
         DNSCACHEIP, GREETDELAY; fd 0 what a client says that is kept out
Writes   fd 1 the replies to it: RCPT is refused rather than the connection, so that its users get to see why;
         fd 2 "rblsmtpd: IP pid PID: REPLY"
Does     becomes PROGRAM, looked for in PATH
Exits    as PROGRAM; 0 kept out; 100 usage; 111 PROGRAM cannot be run
Limits   decisions/blocklist; without TCPREMOTEIP no list is asked
Source   rblsmtpd(1), rblsmtpd.c
"""

from __future__ import annotations

import _socket
import os
import select
import time

from mta.decisions import blocklist
from mta.errors import Temporary
from mta.formats import dns_message, scan
from mta.formats.sgetopt import BadOption, Options
from mta.net import dns_stub
from mta.unix import pathexec, say
from mta.unix.fds import Fds

NAME = b"rblsmtpd"
_USAGE = b"rblsmtpd [ -b ] [ -R ] [ -t timeout ] [ -r base ] [ -a base ] smtpd [ arg ... ]"
TIMEOUT_S = 60
_DELAY_MAX_S = 30
_FOR_EVER_S = 1 << 20  # longer the kernel cannot be asked to wait
_TOO_EAGER = b"554 SMTP protocol violation"
_PIECE = 1 << 12
_LINE_MAX = 1 << 10  # of a line that is longer the rest is forgotten: only its first word counts


class _Wishes:
    """The options, the lists with those in force where they were named."""

    __slots__ = ("is_closed", "is_for_good", "is_waiting", "lists", "timeout_s")

    def __init__(self) -> None:
        self.is_for_good = self.is_closed = self.is_waiting = False
        self.timeout_s = TIMEOUT_S
        self.lists: list[tuple[bytes, bytes, bool, bool]] = []

    def take(self, letter: bytes, value: bytes) -> None:
        if letter in (b"r", b"a"):
            self.lists.append((letter, value, self.is_for_good, self.is_closed))
        elif letter == b"t":
            self.timeout_s = min(scan.ulong(value)[0], _FOR_EVER_S)
        elif letter == b"W":
            self.is_waiting = True
        elif letter in b"bB":
            self.is_for_good = letter == b"b"
        else:
            self.is_closed = letter == b"c"


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    wishes = _Wishes()
    options = Options(argv, "bBcCWt:r:a:")
    try:
        for letter, value in options:
            wishes.take(letter, value)
    except BadOption as error:
        fds.say(NAME + b": " + error.text + b"\n")
        return say.usage(fds, NAME, _USAGE)
    if not options.operands:
        return say.usage(fds, NAME, _USAGE)
    ip = env.get(b"TCPREMOTEIP", b"")
    judge = blocklist.Judge(env.get(b"RBLSMTPD"))
    if ip:
        _ask(judge, wishes, env, ip)
    reply = judge.reply
    if reply is None and wishes.is_waiting and env.get(b"RBLSMTPD") != b"" and _talks_first(fds[0], _delay_s(env)):
        reply = _TOO_EAGER
    if reply is None:
        return pathexec.chain(NAME, options.operands, env, fds, env.get(b"PATH"))
    fds.say(b"rblsmtpd: %b pid %d: %b\n" % (ip, os.getpid(), reply))
    try:
        _talk(fds, reply, wishes.timeout_s)
    except OSError:  # it went away
        pass
    return 0


def _ask(judge: blocklist.Judge, wishes: _Wishes, env: dict[bytes, bytes], ip: bytes) -> None:
    before = _before(ip)
    for letter, base, is_for_good, is_closed in wishes.lists:
        if judge.is_decided:
            return
        try:
            if letter == b"r":
                judge.listed(dns_stub.texts(env, before + base), is_for_good=is_for_good, is_closed=is_closed)
            else:
                judge.exempted(bool(dns_stub.addresses(env, before + base)), is_closed=is_closed)
        except Temporary:
            if letter == b"r":
                judge.listed(None, is_for_good=is_for_good, is_closed=is_closed)
            else:
                judge.exempted(None, is_closed=is_closed)


def _before(ip: bytes) -> bytes:
    """What stands before the name of a list."""
    if b":" not in ip:
        return blocklist.reversed_ip(ip)
    try:
        return dns_message.reverse(_socket.inet_pton(_socket.AF_INET6, ip.decode("latin-1"))).removesuffix(b"ip6.arpa")
    except (OSError, ValueError):
        return b""


def _delay_s(env: dict[bytes, bytes]) -> int:
    return min(scan.ulong(env.get(b"GREETDELAY", b""))[0], _DELAY_MAX_S)


def _talks_first(fd: int, delay_s: int) -> bool:
    """Waits, and sees whether the client says something, or leaves, meanwhile."""
    return bool(delay_s and select.select([fd], [], [], delay_s)[0])


def _talk(fds: Fds, reply: bytes, timeout_s: int) -> None:
    """Until it says QUIT, leaves, or the time is over. Raises OSError."""
    if not timeout_s:
        fds.write(1, reply + b"\r\n")
        return
    deadline_s = time.monotonic() + timeout_s
    fds.write(1, blocklist.GREETING)
    rest = b""
    while (left_s := deadline_s - time.monotonic()) > 0:
        if not select.select([fds[0]], [], [], left_s)[0]:
            return
        piece = os.read(fds[0], _PIECE)
        if not piece:
            return
        *lines, rest = (rest[:_LINE_MAX] + piece).split(b"\n")
        for line in lines:
            said, is_all = blocklist.answer(line, reply)
            fds.write(1, said)
            if is_all:
                return
