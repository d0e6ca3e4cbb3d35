"""The lines qmail-send logs. Whoever analyses mail logs reads exactly these words.

Example  b"info msg 2361621: bytes 295 from <joe@x.example> qp 2203 uid 1000\\n"
         b"delivery 7: success: did_1+0+0/\\n"
Grammar  one function per event writes its line; read() takes a line apart again: read(write(e)) == e.
         In addresses and reports newline is "/" and "%", spaces, control and 8-bit bytes are "_".
Written  by qmail-send on its descriptor 0, without time; multilog or splogger adds the time.   Read by analyse_logs, matchup.
Source   qmail-log(5), qmail-send.c
"""

from __future__ import annotations

import re
from dataclasses import dataclass

OUTCOMES = {b"K": b"success", b"Z": b"deferral", b"D": b"failure"}

_TABLE = bytes(0x2F if c == 10 else 0x5F if c < 33 or c > 126 or c == 0x25 else c for c in range(256))


def safe(text: bytes) -> bytes:
    return text.translate(_TABLE)


@dataclass(frozen=True, slots=True)
class NewMsg:
    messnum: int


@dataclass(frozen=True, slots=True)
class InfoMsg:
    messnum: int
    size_bytes: int
    sender: bytes
    qp: int
    uid: int


@dataclass(frozen=True, slots=True)
class Starting:
    delivery: int
    messnum: int
    channel: bytes  # b"local" or b"remote"
    recipient: bytes


@dataclass(frozen=True, slots=True)
class Delivery:
    delivery: int
    outcome: bytes  # b"success", b"deferral", b"failure"
    report: bytes


@dataclass(frozen=True, slots=True)
class Mangled:
    delivery: int


@dataclass(frozen=True, slots=True)
class BounceMsg:
    messnum: int
    qp: int


@dataclass(frozen=True, slots=True)
class TripleBounce:
    messnum: int


@dataclass(frozen=True, slots=True)
class EndMsg:
    messnum: int


@dataclass(frozen=True, slots=True)
class Status:
    local: int
    local_max: int
    remote: int
    remote_max: int
    is_exiting: bool


@dataclass(frozen=True, slots=True)
class Exiting:
    pass


@dataclass(frozen=True, slots=True)
class Note:
    """A warning: or alert: line. text without the word."""

    word: bytes
    text: bytes


Event = NewMsg | InfoMsg | Starting | Delivery | Mangled | BounceMsg | TripleBounce | EndMsg | Status | Exiting | Note


def new_msg(messnum: int) -> bytes:
    return b"new msg %d\n" % messnum


def info_msg(messnum: int, size_bytes: int, sender: bytes, qp: int, uid: int) -> bytes:
    return b"info msg %d: bytes %d from <%b> qp %d uid %d\n" % (messnum, size_bytes, safe(sender), qp, uid)


def starting(delivery: int, messnum: int, channel: bytes, recipient: bytes) -> bytes:
    return b"starting delivery %d: msg %d to %b %b\n" % (delivery, messnum, channel, safe(recipient))


def delivery(number: int, letter: bytes, report: bytes) -> bytes:
    """letter K, Z or D."""
    return b"delivery %d: %b: %b\n" % (number, OUTCOMES[letter], safe(report))


def mangled(number: int) -> bytes:
    return b"delivery %d: report mangled, will defer\n" % number


def bounce_msg(messnum: int, qp: int) -> bytes:
    return b"bounce msg %d qp %d\n" % (messnum, qp)


def triple_bounce(messnum: int) -> bytes:
    return b"triple bounce: discarding bounce/%d\n" % messnum


def end_msg(messnum: int) -> bytes:
    return b"end msg %d\n" % messnum


def status(local: int, local_max: int, remote: int, remote_max: int, is_exiting: bool) -> bytes:
    tail = b" exitasap" if is_exiting else b""
    return b"status: local %d/%d remote %d/%d%b\n" % (local, local_max, remote, remote_max, tail)


def exiting() -> bytes:
    return b"status: exiting\n"


def warning(text: bytes) -> bytes:
    return b"warning: %b\n" % text


def alert(text: bytes) -> bytes:
    return b"alert: %b\n" % text


def write(event: Event) -> bytes:
    """The line of an event, newline included."""
    match event:
        case NewMsg(n):
            return new_msg(n)
        case InfoMsg(n, size, sender, qp, uid):
            return info_msg(n, size, sender, qp, uid)
        case Starting(d, n, channel, recipient):
            return starting(d, n, channel, recipient)
        case Delivery(d, outcome, report):
            return b"delivery %d: %b: %b\n" % (d, outcome, safe(report))
        case Mangled(d):
            return mangled(d)
        case BounceMsg(n, qp):
            return bounce_msg(n, qp)
        case TripleBounce(n):
            return triple_bounce(n)
        case EndMsg(n):
            return end_msg(n)
        case Status(a, b, c, d, e):
            return status(a, b, c, d, e)
        case Note(word, text):
            return b"%b: %b\n" % (word, text)
        case _:
            return exiting()


_N = rb"(\d{1,18})"  # no number of qmail's is longer, and one of a damaged line may not be longer than 64 bits hold
_READERS: tuple[tuple[bytes, re.Pattern[bytes]], ...] = tuple(
    (kind, re.compile(pattern + rb"\Z", re.DOTALL))
    for kind, pattern in (
        (b"delivery", rb"delivery " + _N + rb": (success|deferral|failure): (.*)"),
        (b"starting", rb"starting delivery " + _N + rb": msg " + _N + rb" to (local|remote) (.*)"),
        (b"status", rb"status: local " + _N + rb"/" + _N + rb" remote " + _N + rb"/" + _N + rb"( exitasap)?"),
        (b"new", rb"new msg " + _N),
        (b"info", rb"info msg " + _N + rb": bytes " + _N + rb" from <(.*)> qp " + _N + rb" uid " + _N),
        (b"end", rb"end msg " + _N),
        (b"bounce", rb"bounce msg " + _N + rb" qp " + _N),
        (b"note", rb"(warning|alert): (.*)"),
        (b"triple", rb"triple bounce: discarding bounce/" + _N),
        (b"mangled", rb"delivery " + _N + rb": report mangled, will defer"),
        (b"exiting", rb"status: exiting"),
    )
)


def read(line: bytes) -> Event | None:
    """A line without its newline and time -> event, or None for a line qmail-send does not write."""
    for kind, pattern in _READERS:
        match = pattern.match(line)
        if match:
            return _event(kind, match.groups())
    return None


def _event(kind: bytes, g: tuple[bytes, ...]) -> Event:
    match kind:
        case b"delivery":
            return Delivery(int(g[0]), g[1], g[2])
        case b"starting":
            return Starting(int(g[0]), int(g[1]), g[2], g[3])
        case b"status":
            return Status(int(g[0]), int(g[1]), int(g[2]), int(g[3]), g[4] is not None)
        case b"new":
            return NewMsg(int(g[0]))
        case b"info":
            return InfoMsg(int(g[0]), int(g[1]), g[2], int(g[3]), int(g[4]))
        case b"end":
            return EndMsg(int(g[0]))
        case b"bounce":
            return BounceMsg(int(g[0]), int(g[1]))
        case b"note":
            return Note(g[0], g[1])
        case b"triple":
            return TripleBounce(int(g[0]))
        case b"mangled":
            return Mangled(int(g[0]))
        case _:
            return Exiting()
