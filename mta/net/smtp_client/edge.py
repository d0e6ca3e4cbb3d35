"""Runs a client session over a wire: waits for replies, sends what the steps say, and the message when they ask for it.

Nothing is decided here but what only an edge can know: that the connection is gone, the handshake failed, the message cannot be read.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from enum import Enum

from mta.decisions.remote_tls import Tls
from mta.net.smtp_client import reports, steps
from mta.net.smtp_client.body import Encoder
from mta.net.smtp_client.message import Message
from mta.net.smtp_client.state import Act, Session, Step
from mta.net.smtp_client.wire import Lost, Wire


class End(Enum):
    KEPT = "the connection is fit for another message"
    CLOSED = "all is said"
    STALE = "nothing has happened yet: a new connection is needed"
    NO_TLS = "the handshake failed, and may be left out on a new connection"


@dataclass(frozen=True, slots=True)
class Outcome:
    reports: bytes
    end: End
    session: Session


class _NoTls(Exception):
    """Why the handshake failed."""


class _Unsendable(Exception):
    """The message ends here, and the server must not see an end. report: what to say."""

    def __init__(self, report: bytes) -> None:
        super().__init__()
        self.report = report


async def talk(wire: Wire, step: Step, message: Message, *, timeout_s: float, context: ssl.SSLContext | None) -> Outcome:
    """A session from its first step to its end. context: for STARTTLS, unless the session never asks for it."""
    conversation = _Conversation(wire, step, message, timeout_s, context)
    end = await conversation.run()
    if end is not End.KEPT:
        wire.abort()
    return Outcome(conversation.reports, end, conversation.session)


class _Conversation:
    def __init__(self, wire: Wire, step: Step, message: Message, timeout_s: float, context: ssl.SSLContext | None) -> None:
        self._wire = wire
        self._step = step
        self._message = message
        self._timeout_s = timeout_s
        self._context = context
        self.session = step.session
        self.reports = b""

    async def run(self) -> End:
        try:
            return await self._follow()
        except Lost:
            if steps.is_untouched(self.session):
                return End.STALE
            self.reports += steps.died(self.session)
        except _NoTls as why:
            if self.session.tls is not Tls.REQUIRED:
                return End.NO_TLS
            self.reports += steps.no_tls(self.session, str(why).encode("ascii", "replace"))
        except _Unsendable as unsendable:
            self.reports += unsendable.report
        return End.CLOSED

    async def _follow(self) -> End:
        """Step by step. Raises Lost, _NoTls, _Unsendable."""
        while True:
            step = self._step
            self.session = step.session
            self.reports += step.report
            if step.act is Act.KEEP:
                return End.KEPT
            if step.act is Act.REPLACE:
                return End.STALE
            if step.act is Act.CLOSE:
                await self._wire.close(step.send)
                return End.CLOSED
            if step.send:
                await self._wire.send(step.send, self._timeout_s)
            self._step = await self._next(step.act)

    async def _next(self, act: Act | None) -> Step:
        if act is Act.START_TLS:
            await self._start_tls()
            return steps.tls_started(self.session)
        if act is Act.SEND_MESSAGE:
            await self._send_message()
        return steps.take(self.session, await self._wire.reply(self._timeout_s))

    async def _start_tls(self) -> None:
        assert self._context is not None
        try:
            await self._wire.start_tls(self._context, self.session.name.decode("latin-1"), self._timeout_s)
        except ssl.SSLCertVerificationError as error:
            raise _NoTls(error.verify_message) from error
        except (OSError, ValueError) as error:  # ValueError: a name that no certificate can bear
            raise _NoTls(getattr(error, "reason", None) or "handshake failed") from error

    async def _send_message(self) -> None:
        encoder = Encoder()
        try:
            for piece in self._message.pieces():
                await self._wire.send(encoder.encode(piece), self._timeout_s)
                await self._check_silence()
        except OSError:
            raise _Unsendable(reports.UNREADABLE_MESSAGE) from None
        except Lost:
            await self._check_silence()
            raise
        if not encoder.is_complete and not self.session.profile.adds_newline:
            raise _Unsendable(reports.PARTIAL_LINE)
        self.session = steps.end_sent(self.session)
        await self._wire.send(encoder.end(), self._timeout_s)

    async def _check_silence(self) -> None:
        """A reply in the middle of the message: the server will not read the rest, and says why. Whatever it says must not be taken for
        the answer to the message."""
        reply = await self._wire.early_reply()
        if reply is not None:
            raise _Unsendable(steps.interrupted(self.session, reply))
