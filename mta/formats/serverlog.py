"""The lines our servers log, taken apart: PROGRAM: CLASS: what happened. Strangers' words have no spaces and no control bytes in them.

smtpd, submission  "ok: IP: qp N from <S> bytes B recipients R helo H PROTOCOL[ as USER]"   a message was queued
                   "deny: IP: from <S>: COMMAND: REPLY"                                     a command was refused
                   "deny: IP: TEXT"                                                         a connection was, or its TLS, or a login
login-broker       "ok SERVICE NAME IP", "deny SERVICE NAME IP", "warning: SERVICE NAME IP: TEXT"
all                "status: TEXT", "warning: TEXT", "fatal: TEXT", and of Python's logging "PLACE: ERROR: TEXT"
Example            b"smtpd: ok: 192.0.2.7: qp 4194305 from <joe@x.example> bytes 295 recipients 2 helo mx.x.example ESMTPS"
Written by         mta/net/smtp/edge, mta/programs/servers/login_broker/loop, and each server's start.   Read by webadmin/logs
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Queued:
    program: bytes
    ip: bytes
    qp: int
    sender: bytes
    size_bytes: int
    recipients: int
    helo: bytes
    protocol: bytes
    user: bytes  # b"": nobody logged in


@dataclass(frozen=True, slots=True)
class Refused:
    """command and reply are empty where a whole connection was refused; why says then what for."""

    program: bytes
    ip: bytes
    sender: bytes
    command: bytes
    reply: bytes
    why: bytes


@dataclass(frozen=True, slots=True)
class Login:
    """outcome: b"ok", b"deny", b"warning". why: only of a warning."""

    program: bytes
    outcome: bytes
    service: bytes
    name: bytes
    ip: bytes
    why: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """word: b"status", b"warning", b"alert", b"fatal"."""

    program: bytes
    word: bytes
    text: bytes


Event = Queued | Refused | Login | Note

_IP = rb"(\S+)"
_HEAD = re.compile(rb"([\w.-]+): (\w+): (.*)", re.DOTALL)
_QUEUED = re.compile(_IP + rb": qp (\d{1,18}) from <(\S*)> bytes (\d{1,18}) recipients (\d{1,9}) helo (\S+) (\S+)(?: as (\S+))?", re.DOTALL)
_COMMAND = re.compile(_IP + rb": from <(\S*)>: (queue exit \d+|\S*): (\S*)")
_LOGIN = re.compile(rb"(login-broker): (ok|deny|warning):? (\w+) (\S*) (\S+)(?:: (.*))?", re.DOTALL)
_WORDS = {
    b"status": b"status",
    b"warning": b"warning",
    b"alert": b"alert",
    b"fatal": b"fatal",
    b"WARNING": b"warning",
    b"ERROR": b"alert",
    b"CRITICAL": b"fatal",
}


def read(line: bytes) -> Event | None:
    """A line without its newline and time -> event, or None for a line that is none of these."""
    login = _LOGIN.fullmatch(line)
    if login is not None:
        return Login(login[1], login[2], login[3], login[4], login[5], login[6] or b"")
    head = _HEAD.fullmatch(line)
    if head is None:
        return None
    program, class_, text = head.groups()
    if class_ == b"ok":
        return _queued(program, text)
    if class_ == b"deny":
        return _refused(program, text)
    return Note(program, _WORDS[class_], text) if class_ in _WORDS else None


def _queued(program: bytes, text: bytes) -> Queued | None:
    found = _QUEUED.fullmatch(text)
    if found is None:
        return None
    ip, qp, sender, size, recipients, helo, protocol, user = found.groups()
    return Queued(program, ip, int(qp), sender, int(size), int(recipients), helo, protocol, user or b"")


def _refused(program: bytes, text: bytes) -> Refused | None:
    found = _COMMAND.fullmatch(text)
    if found is not None:
        return Refused(program, found[1], found[2], found[3], found[4], b"")
    ip, colon, why = text.partition(b": ")
    return Refused(program, ip, b"", b"", b"", why) if colon and b" " not in ip else None


def recipient(refused: Refused) -> bytes:
    """The address a refused RCPT named, b"" for other commands. (A space in it was logged as "_".)"""
    found = _RCPT.match(refused.command)
    return b"" if found is None else found[1]


_RCPT = re.compile(rb"RCPT_TO:_*<?([^<>]*)", re.IGNORECASE)
