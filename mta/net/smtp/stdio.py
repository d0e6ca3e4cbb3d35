"""The SMTP session on two descriptors, as under tcpserver: read, answer, read again, one client, one thing at a time.

Output is flushed before each read, so that replies to pipelined commands travel together.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable
from dataclasses import dataclass

from mta.errors import MailError, Temporary
from mta.net.smtp import auth, verbs
from mta.net.smtp.data import HOPS_MAX, Decoder, StrayNewline
from mta.net.smtp.lines import AUTH_MAX, COMMAND_MAX, STRAY_NEWLINE, TOO_LONG, Lines
from mta.net.smtp.signatures import REFUSED, Scanner
from mta.net.smtp.state import Close, Effect, Later, ReadData, Session, Step, Transaction, Verify
from mta.unix.queue_call import QueueCall

_PIECE = 1 << 16


class Gone(Exception):
    """The client went away, or said something after which nothing it says can be trusted. words: what it is told."""

    def __init__(self, words: bytes = b"") -> None:
        super().__init__()
        self.words = words


@dataclass(slots=True)
class Wire:
    """Two descriptors and a time limit in seconds."""

    fd_in: int
    fd_out: int
    timeout_s: int
    _out: bytes = b""

    def say(self, data: bytes) -> None:
        self._out += data

    def flush(self) -> None:
        while self._out:
            _, ready, _ = select.select([], [self.fd_out], [], self.timeout_s)
            if not ready:
                raise Gone
            self._out = self._out[os.write(self.fd_out, self._out) :]

    def read(self) -> bytes:
        """The next bytes. Raises Gone at the end or when nothing comes."""
        self.flush()
        ready, _, _ = select.select([self.fd_in], [], [], self.timeout_s)
        if not ready:
            raise Gone(verbs.TIMEOUT)
        data = os.read(self.fd_in, _PIECE)
        if not data:
            raise Gone
        return data


def serve(
    session: Session,
    wire: Wire,
    open_queue: Callable[[], QueueCall],
    now_s: Callable[[], int],
    verify: Callable[[Verify], MailError | None] | None = None,
) -> bool:
    """One session to its end -> True after QUIT, False when the client went away. verify: is the password right? Without it the profile
    must not offer AUTH. Other effects that need other processes never come up here: there is no STARTTLS, and nobody asks for virtual
    recipients."""
    lines = Lines()
    try:
        wire.say(verbs.greet(session))
        while True:
            line = lines.next(AUTH_MAX if session.auth is not None else COMMAND_MAX)
            if line is None:
                lines.feed(wire.read())
                continue
            if line is STRAY_NEWLINE:
                raise Gone(verbs.STRAY_NEWLINE)
            session, reply, effect = _step(session, line)
            if isinstance(effect, ReadData):
                session, reply, effect = _message(session, reply, wire, lines, open_queue, now_s)
            elif isinstance(effect, Verify):
                assert verify is not None
                session, reply, effect = auth.verified(session, effect.user, verify(effect))
            _say(wire, reply, effect)
            if isinstance(effect, Close):
                return True
    except Gone as gone:
        wire.say(gone.words)
    except OSError:
        return False
    _last_words(wire)
    return False


def _say(wire: Wire, reply: bytes, effect: Effect | None) -> None:
    wire.say(reply)
    if isinstance(effect, Later):
        wire.flush()
        time.sleep(effect.seconds)
        wire.say(effect.reply)
    if isinstance(effect, Close):
        wire.flush()


def _last_words(wire: Wire) -> None:
    try:
        wire.flush()
    except (Gone, OSError):  # nobody listens any more
        pass


def _step(session: Session, line: bytes | object) -> Step:
    if line is TOO_LONG:
        return verbs.wrong(session, verbs.LINE_TOO_LONG)
    assert isinstance(line, bytes)
    return verbs.command(session, line)


def _message(
    session: Session, go_ahead: bytes, wire: Wire, lines: Lines, open_queue: Callable[[], QueueCall], now_s: Callable[[], int]
) -> Step:
    """From the reply 354 to the reply after the last dot."""
    transaction = session.transaction
    assert transaction is not None
    try:
        queue = open_queue()
    except Temporary:
        return verbs.not_queued(session, verbs.NO_QUEUE)
    wire.say(go_ahead)
    queue.write(verbs.received_line(session, now_s()))
    decoder = Decoder()
    scanner = Scanner(session.controls.filters.signatures)
    try:
        data = lines.take_all()
        while True:
            text = decoder.feed(data)
            if session.controls.filters.signatures:
                scanner.feed(text)
            if not _is_too_big(session, decoder):
                queue.write(text)
            if decoder.is_done:
                break
            data = wire.read()
    except StrayNewline:
        queue.abandon()
        raise Gone(verbs.STRAY_NEWLINE) from None
    except Gone:
        queue.abandon()
        raise
    lines.feed(decoder.rest)
    if scanner.is_hit and decoder.hops < HOPS_MAX and not _is_too_big(session, decoder):
        queue.abandon()
        return verbs.not_queued(session, REFUSED)
    return _finish(session, transaction, decoder, queue, now_s())


def _is_too_big(session: Session, decoder: Decoder) -> bool:
    return bool(session.databytes) and decoder.size_bytes > session.databytes


def _finish(session: Session, transaction: Transaction, decoder: Decoder, queue: QueueCall, now_s: int) -> Step:
    if decoder.hops >= HOPS_MAX or _is_too_big(session, decoder):
        queue.abandon()
        return verbs.not_queued(session, verbs.TOO_MANY_HOPS if decoder.hops >= HOPS_MAX else verbs.TOO_BIG)
    failure = queue.commit(transaction.sender, transaction.recipients)
    if failure is None:
        return verbs.queued(session, now_s, queue.qp)
    return verbs.not_queued(session, verbs.refusal(failure, permanent=554))
