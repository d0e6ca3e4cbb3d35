"""The POP3 session after login on two descriptors: read, answer, read again, one client, one thing at a time.

Output is gathered and goes out before each read, so that replies to pipelined commands travel together.
Limits   1200 s without a word from the client, or without it reading ours, end the session; nothing is deleted then
"""

from __future__ import annotations

import os
import select

from mta.net.pop3 import verbs
from mta.net.pop3.lines import Lines
from mta.net.pop3.listing import pieces
from mta.net.pop3.login import OK
from mta.net.pop3.mailbox import Mailbox
from mta.net.pop3.state import Close, Commit, Profile, Send, Session, Step
from mta.net.pop3.text import Encoder

TIMEOUT_S = 1200
_PIECE = 1 << 12
_GATHER = 1 << 16
_WRITE_MAX = 1 << 13  # a blocking descriptor that is ready takes that much without waiting


class Gone(Exception):
    """The client went away, or keeps silent."""


class Wire:
    """Two descriptors, blocking or not, and a time limit."""

    def __init__(self, fd_in: int, fd_out: int, timeout_s: int = TIMEOUT_S) -> None:
        self._fd_in = fd_in
        self._fd_out = fd_out
        self._timeout_ms = timeout_s * 1000
        self._out: list[bytes] = []
        self._waiting = 0
        self._is_blocking = os.get_blocking(fd_out)

    def say(self, data: bytes) -> None:
        """Raises Gone, OSError."""
        if data:
            self._out.append(data)
            self._waiting += len(data)
            if self._waiting >= _GATHER:
                self.flush()

    def flush(self) -> None:
        """Raises Gone, OSError."""
        view = memoryview(b"".join(self._out))
        self._out, self._waiting = [], 0
        while view:
            if self._is_blocking:
                self._wait(self._fd_out, select.POLLOUT)
            try:
                view = view[os.write(self._fd_out, view[:_WRITE_MAX] if self._is_blocking else view) :]
            except BlockingIOError:
                self._wait(self._fd_out, select.POLLOUT)

    def read(self) -> bytes:
        """The next bytes. Raises Gone, OSError."""
        self.flush()
        while True:
            self._wait(self._fd_in, select.POLLIN)
            try:
                data = os.read(self._fd_in, _PIECE)
            except BlockingIOError:
                continue
            if not data:
                raise Gone
            return data

    def _wait(self, fd: int, event: int) -> None:
        poll = select.poll()
        poll.register(fd, event)
        if not poll.poll(self._timeout_ms):
            raise Gone


def serve(profile: Profile, mailbox: Mailbox, wire: Wire, unread: bytes = b"") -> bool:
    """One session to its end -> True after QUIT. unread: what the client had said already when it logged in."""
    lines = Lines(profile.line_max)
    lines.feed(unread)
    session = verbs.begin(profile, mailbox.sizes, mailbox.uids)
    try:
        wire.say(OK)
        while True:
            line = lines.next()
            if line is None:
                lines.feed(wire.read())
                continue
            step = verbs.command(session, line)
            session = step[0]
            if _act(step, mailbox, wire):
                wire.flush()
                return isinstance(step[2], Commit)
    except (Gone, OSError):
        return False


def _act(step: Step, mailbox: Mailbox, wire: Wire) -> bool:
    """Reply, and do what the verb asks for. -> has the session ended?"""
    session, reply, effect = step
    wire.say(reply)
    match effect:
        case Send(index, body_lines):
            _send(session, mailbox, wire, index, body_lines)
        case Commit():
            wire.say(verbs.committed(session, mailbox.commit(session.deleted)))
            return True
        case Close():
            return True
    return False


def _send(session: Session, mailbox: Mailbox, wire: Wire, index: int, body_lines: int | None) -> None:
    """Raises OSError also when the message cannot be read to its end: a connection that breaks is told from a message that ends."""
    try:
        fd = mailbox.open(index)
    except OSError:
        wire.say(verbs.NOT_OPENED)
        return
    encoder = Encoder(body_lines, is_classic=session.profile.is_classic)
    try:
        wire.say(OK)
        for piece in pieces(fd):
            wire.say(encoder.feed(piece))
            if encoder.is_done:
                break
        wire.say(encoder.end())
    finally:
        os.close(fd)
