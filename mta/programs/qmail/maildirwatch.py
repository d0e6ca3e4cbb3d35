"""maildirwatch: show what is new in a Maildir, over and over.

Usage    maildirwatch, with MAILDIR in the environment; it goes on until its terminal is gone or it is interrupted
Reads    the messages of MAILDIR/new, every 30 seconds; those of this very second are left for the next time
Writes   fd 1, a screen: for each message its envelope, its From line in bold, 158 octets of subject and text, an empty line
Exits    0 nobody watches any more; 111 MAILDIR is not set, or cannot be read
Limits   control characters of a message never reach the terminal
Runs as  the mailbox's user
Source   maildirwatch(1) of qmail 1.03, maildirwatch.c
"""

from __future__ import annotations

import os
import select
from dataclasses import dataclass

from mta.formats import header822
from mta.formats.error_str import error_str
from mta.unix import clock, maildir_reader, signals
from mta.unix.fds import Fds
from mta.unix.maildir_reader import Entry, Maildir

PAUSE_S = 30

_CLEAR = b"\x1b[;H\x1b[;J"
_BOLD, _PLAIN = b"\x1b[1m", b"\x1b[0m"
_TEXT_MAX = 158
_LINE_MAX = 1000
_PIECE = 1 << 16
_ENDS = b" \t\r\n"
_SHOWN = bytes(c if 32 <= c <= 126 else ord("/") if c == 10 else ord("?") for c in range(256))


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    path = env.get(b"MAILDIR")
    if path is None:
        fds.say(b"maildirwatch: fatal: MAILDIR not set\n")
        return 111
    try:
        while True:
            shown = screen(Maildir(path), clock.now_s())
            try:
                fds.write(1, shown)
            except OSError:
                return 0
            if _is_gone(fds[1], PAUSE_S):
                return 0
    except OSError as error:
        fds.say(b"maildirwatch: fatal: unable to scan %b: %b\n" % (path, error_str(error.errno).encode()))
        return 111


def _is_gone(fd: int, seconds: float) -> bool:
    """Wait. True: whoever watched has closed his end."""
    poll = select.poll()
    poll.register(fd, 0)
    return bool(poll.poll(seconds * 1000))


def screen(maildir: Maildir, now_s: int) -> bytes:
    """Raises OSError."""
    maildir_reader.clean_tmp(maildir.path, now_s)
    entries = [e for e in maildir_reader.entries(maildir.path) if e.path.startswith(b"new/") and e.mtime_ns // 10**9 < now_s]
    return _CLEAR + b"".join(_message(maildir, entry) for entry in entries)


@dataclass(slots=True)
class _Summary:
    sender: bytes = b""
    recipient: bytes = b""
    author: bytes = b""
    text: bytes = b""

    def field(self, line: bytes) -> None:
        name = header822.name(line)
        value = line.partition(b":")[2].strip(_ENDS)
        if name == b"return-path":
            self.sender = value.removeprefix(b"<").removesuffix(b">")
        elif name == b"delivered-to":
            self.recipient = self.recipient or value
        elif name == b"from":
            self.author = line.rstrip(_ENDS)
        elif name == b"subject":
            self.text += value + b"\n"


def _message(maildir: Maildir, entry: Entry) -> bytes:
    try:
        fd = maildir.open(entry)
    except OSError:  # somebody has taken it
        return b""
    try:
        summary = _read(fd)
    except OSError:
        return b""
    finally:
        os.close(fd)
    envelope = b"FROM <%b> TO <%b>\n" % (_shown(summary.sender), _shown(summary.recipient))
    return b"%b%b%b%b\n%b\n\n" % (envelope, _BOLD, _shown(summary.author), _PLAIN, _shown(summary.text[:_TEXT_MAX]))


def _read(fd: int) -> _Summary:
    """As much of a message as is shown. Raises OSError."""
    summary, splitter = _Summary(), header822.Splitter()
    while not splitter.is_body or len(summary.text) < _TEXT_MAX:
        piece = os.read(fd, _PIECE)
        fields, body = splitter.feed(piece) if piece else splitter.close()
        for line in fields:
            summary.field(line)
        summary.text += body
        if not piece:
            break
    return summary


def _shown(text: bytes) -> bytes:
    return text[:_LINE_MAX].translate(_SHOWN)


def guard() -> None:
    """In a process of our own: an interrupt ends us without a word."""
    signals.die_of_interrupt()
