"""The event loop's side of an SMTP session: a socket, the queue, the recipient check, the login broker, TLS, time limits.

Nothing is decided here. Bytes go to Lines and Decoder, lines to verbs, replies back; an effect that takes time makes the connection busy,
and what the client sends meanwhile waits in the socket.
Limits   a command must be complete, and a message must bring something, within control/timeoutsmtpd; a message may take an hour; a client
         that does not read its replies is not read either
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import cast

from mta.errors import MailError, Permanent, Temporary, queue_failure
from mta.formats import ask, envelope
from mta.net.listener import ip as _ip
from mta.net.queue_client import HIGH_WATER, Stream
from mta.net.smtp import auth, verbs
from mta.net.smtp.data import HOPS_MAX, Decoder, StrayNewline
from mta.net.smtp.lines import AUTH_MAX, COMMAND_MAX, STRAY_NEWLINE, TOO_LONG, Lines
from mta.net.smtp.service import Service
from mta.net.smtp.signatures import REFUSED, Scanner
from mta.net.smtp.state import AskRecipient, Close, Effect, Later, ReadData, Session, StartTls, Step, Verify
from mta.unix import clock

MESSAGE_TIME_S = 3600
HANDSHAKE_S = 60
FAREWELL_S = 60  # for the last words to be read
UNREAD_MAX = 1 << 14  # octets of replies: who leaves more unread is not heard. uvloop's TLS would let half a million wait
AT_ONCE = 100  # commands of one client; then the others have their turn
AHEAD = 100  # recipients of one client that are asked for together


class Connection(asyncio.Protocol):
    transport: asyncio.Transport
    session: Session

    def __init__(self, service: Service, all_: set[Connection], *, is_tls: bool, counted: bytes | None = None) -> None:
        """counted: the address under which it counts already, until it is made."""
        self._service = service
        self._all = all_
        self._is_tls = is_tls
        self._lines = Lines()
        self._decoder: Decoder | None = None
        self._scanner: Scanner | None = None  # where control/signatures names what is refused
        self._stream: Stream | None = None
        self._variables: dict[bytes, bytes] = {}
        self._is_admitted = False
        self._counted = counted
        self._is_busy = False  # an effect is under way
        self._is_handshaking = False  # what comes in is not for us
        self._is_full = False  # replies wait for the client to read them
        self._is_over = False  # nothing more will come in
        self._is_resting = False  # others have their turn, though there is more to do
        self._is_held_up = False  # the queue has more of us than it takes just now
        self._is_reading = True
        self._is_too_big = False
        self._is_last = False  # the server is stopping
        self._last_reply = b""
        self._message_ends = 0.0
        self._task: asyncio.Task[None] | None = None
        self.deadline = 0.0
        self.ip = b"unknown"

    # -- coming and going ----------------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        self.transport.set_write_buffer_limits(high=UNREAD_MAX)
        peer = transport.get_extra_info("peername") or ("unknown",)
        local = transport.get_extra_info("sockname") or ("unknown",)
        self.ip = _ip(peer[0])
        self.uncount()
        admitted = self._service.admit(self.ip, _ip(local[0]), is_loopback(self.ip))
        if isinstance(admitted, bytes):
            self._service.say(b"deny: %b: %b" % (self.ip, shown(admitted.rstrip()) or b"by rule"))
            self.transport.write(admitted)
            self.transport.close()
            return
        client, profile, self._variables = admitted
        self.session = Session(profile, client, self._service.loaded.controls, is_tls=self._is_tls)
        self._is_admitted = True
        self._all.add(self)
        self._service.clients.came(self.ip)
        self.transport.write(verbs.greet(self.session))
        self._wait_for_command()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._stream is not None:
            self._stream.abort()
            self._stream = None
        if not self._is_admitted:
            return
        self._all.discard(self)
        self._service.clients.left(self.ip)

    def uncount(self) -> None:
        """What was counted before the connection was made counts no more."""
        if self._counted is not None:
            self._service.clients.left(self._counted)
            self._counted = None

    def _wait_for_command(self) -> None:
        self.deadline = asyncio.get_running_loop().time() + self._service.loaded.timeout_s

    def expire(self) -> None:
        """The sweeper found the deadline passed."""
        if self._is_full or self.transport.is_closing():  # it does not read: what is there, or our last words
            self.transport.abort()
        else:
            self._close(b"" if self._is_busy else verbs.TIMEOUT)

    def shut_down(self) -> None:
        """The server is stopping: end between two commands, or when the message under way has its answer."""
        self._is_last = True
        if self._decoder is None and not self._is_busy:
            self._close(verbs.SHUTTING_DOWN)

    def _close(self, last_words: bytes = b"") -> None:
        if not self.transport.is_closing():
            self.transport.write(last_words)
            self.transport.close()
            self.deadline = asyncio.get_running_loop().time() + FAREWELL_S
        self._is_busy = True  # nothing that still comes in is looked at

    # -- bytes in ------------------------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if not self._is_admitted or self.transport.is_closing():
            return
        if self._decoder is not None and not self._is_busy and self._lines.is_empty:
            self._message(data)
        else:
            self._lines.feed(data)
        self._advance()

    def eof_received(self) -> bool:
        """The client has said all it had to say. In clear it may still listen: what it asked is answered first."""
        self._is_over = not self.session.is_tls if self._is_admitted else False
        return self._is_over and self._has_more_to_do()

    def _has_more_to_do(self) -> bool:
        return self._is_busy or self._is_resting or self._is_full

    def pause_writing(self) -> None:
        self._is_full = True
        self._set_reading()

    def resume_writing(self) -> None:
        self._is_full = False
        self._advance()
        self._set_reading()

    def _set_reading(self) -> None:
        """Read from the client only while there is something to do with what it says. Most wait for an answer before they say more: only
        who does not is made to wait while an effect is under way."""
        is_early = (self._is_busy or self._is_resting) and (self._is_handshaking or not self._lines.is_empty)
        wanted = not self._is_full and not is_early and not self._is_clogged()
        if self._stream is not None and self._is_clogged() and not self._is_held_up:
            self._is_held_up = True
            self._stream.when_taken(self._queue_has_room)
        if wanted != self._is_reading and not self.transport.is_closing():
            self._is_reading = wanted
            if wanted:
                self.transport.resume_reading()
            else:
                self.transport.pause_reading()

    def _queue_has_room(self) -> None:
        self._is_held_up = False
        self._set_reading()

    def _is_clogged(self) -> bool:
        return self._stream is not None and self._stream.waiting() > HIGH_WATER

    def _advance(self) -> None:
        """Work off what has come in, as far as that goes without waiting, and without making others wait."""
        done = 0
        while not self._is_busy and not self._is_full and not self._is_resting and not self.transport.is_closing():
            if self._decoder is not None:
                waiting = self._lines.take_all()
                if not waiting:
                    break
                self._message(waiting)
                continue
            line = self._lines.next(AUTH_MAX if self.session.auth is not None else COMMAND_MAX)
            if line is None:
                break
            self._command(line)
            done += 1
            if done == AT_ONCE:
                self._is_resting = True
                asyncio.get_running_loop().call_soon(self._rested)
        if self._is_over and not self._has_more_to_do():
            self._close()
        self._set_reading()

    def _rested(self) -> None:
        self._is_resting = False
        self._advance()

    def _command(self, line: bytes | object) -> None:
        if line is STRAY_NEWLINE:
            self._service.say(b"deny: %b: newline without carriage return in a command" % self.ip)
            self._close(verbs.STRAY_NEWLINE)
            return
        if line is TOO_LONG:
            self._apply(verbs.wrong(self.session, verbs.LINE_TOO_LONG))
            return
        assert isinstance(line, bytes)
        before = self.session.errors
        self._apply(verbs.command(self.session, line))
        if self.session.errors > before:
            self._log_refusal(line)

    def _apply(self, step: Step) -> None:
        """Take a verb's outcome: remember, reply, and begin its effect."""
        self.session, reply, effect = step
        self._last_reply = reply
        if reply:
            self.transport.write(reply)
        if effect is None:
            self._wait_for_command()
        else:
            self._begin(effect)

    def _log_refusal(self, line: bytes) -> None:
        """One line for what a client was refused, so that "why was this refused?" has an answer."""
        sender = self.session.transaction.sender if self.session.transaction is not None else b""
        said, reply = shown(line[:300]), shown(self._last_reply.rstrip())
        self._service.say(b"deny: %b: from <%b>: %b: %b" % (self.ip, shown(sender), said, reply))

    # -- effects -------------------------------------------------------------------------------------------------------------------

    def _begin(self, effect: Effect) -> None:
        match effect:
            case ReadData():
                self._begin_message()
            case AskRecipient(address) if self._service.is_known(address):
                self._apply(verbs.recipient_asked(self.session, address, None))
            case AskRecipient(address):
                self._is_busy = True
                if self._service.ask_recipient(address, lambda words: self._recipient_answered(address, words)):
                    self._ask_ahead()
            case Verify(user, password, _):  # the login broker knows no challenges, and none are offered with it
                self._is_busy = True
                self._task = asyncio.get_running_loop().create_task(self._verify(user, password))
            case StartTls():
                self._is_busy = self._is_handshaking = True
                self._lines.take_all()  # what came in clear before the handshake is not from whom the handshake is with
                self._task = asyncio.get_running_loop().create_task(self._start_tls())
            case Later(reply, seconds):
                self._is_busy = True
                self.deadline = asyncio.get_running_loop().time() + seconds + self._service.loaded.timeout_s
                asyncio.get_running_loop().call_later(seconds, lambda: self._go_on((self.session, reply, None)))
            case Close():
                self._close()

    def _go_on(self, step: Step) -> None:
        """After an effect that took time."""
        if self.transport.is_closing():
            return
        self._is_busy = False
        self._apply(step)
        if self._is_last:
            self.shut_down()
        self._advance()

    def _ask_ahead(self) -> None:
        """A client that sends many RCPT at a time need not wait for the answer to each before the next is asked for."""
        for line in self._lines.ahead(AHEAD):
            verb, _, argument = line.partition(b" ")
            if verb.upper() != b"RCPT":
                break
            match verbs.rcpt(self.session, argument):
                case _, _, AskRecipient(address) if not self._service.is_known(address):
                    self._service.ask_recipient(address)

    def _recipient_answered(self, address: bytes, words: list[bytes]) -> None:
        failure: MailError | None = None
        if words[0] != ask.YES:
            text = words[1].decode("latin-1") if len(words) > 1 else "no answer"
            if words[0] == ask.NO:
                failure = Permanent(text)
            else:
                failure = Temporary("sorry, unable to check that recipient now (#4.3.0)", text)
        if not self.transport.is_closing():
            self._go_on(verbs.recipient_asked(self.session, address, failure))
            if failure is not None:
                self._log_refusal(b"RCPT TO:<%b>" % address)

    async def _verify(self, user: bytes, password: bytes) -> None:
        failure: MailError | None = None
        name = user
        try:
            name = await self._service.logins.check(b"smtp", user, password, self.ip)
        except MailError as error:
            failure = error
        if failure is not None:
            self._service.say(b"deny: %b: login as %b: %b" % (self.ip, shown(user), shown(failure.text.encode("latin-1"))))
        self._go_on(auth.verified(self.session, name, failure))

    async def _start_tls(self) -> None:
        loop = asyncio.get_running_loop()
        assert self._service.certificate is not None
        try:
            transport = await loop.start_tls(
                self.transport, self, self._service.certificate.context(), server_side=True, ssl_handshake_timeout=HANDSHAKE_S
            )
        except (OSError, ConnectionError) as error:  # ssl.SSLError is an OSError
            self._service.say(b"deny: %b: TLS handshake: %b" % (self.ip, shown(str(error).encode())))
            self.transport.abort()
            return
        if transport is None:
            return
        self.transport = transport
        self.transport.set_write_buffer_limits(high=UNREAD_MAX)
        self._lines.take_all()
        self.session = verbs.tls_started(self.session)
        self._is_busy = self._is_handshaking = False
        self._is_reading = True
        self._wait_for_command()
        self._advance()

    # -- a message -----------------------------------------------------------------------------------------------------------------

    def _begin_message(self) -> None:
        now_s = clock.now_s()
        self._decoder = Decoder()
        signatures = self.session.controls.filters.signatures
        self._scanner = Scanner(signatures) if signatures else None
        self._is_too_big = False
        self._stream = self._service.open_stream(self._variables)
        self._stream.write(verbs.received_line(self.session, now_s))
        self._wait_for_command()
        self._message_ends = asyncio.get_running_loop().time() + MESSAGE_TIME_S

    def _message(self, data: bytes) -> None:
        decoder, stream = self._decoder, self._stream
        assert decoder is not None
        try:
            text = decoder.feed(data)
        except StrayNewline:
            self._service.say(b"deny: %b: newline without carriage return in a message" % self.ip)
            self._close(verbs.STRAY_NEWLINE)
            return
        if self._scanner is not None:
            self._scanner.feed(text)
        if stream is not None and not self._is_too_big:
            if self.session.databytes and decoder.size_bytes > self.session.databytes:
                self._is_too_big = True
                stream.abort()
                self._stream = None
            elif text:
                stream.write(text)
        if decoder.is_done:
            self._end_message(decoder)
        else:
            now = asyncio.get_running_loop().time()
            self.deadline = min(now + self._service.loaded.timeout_s, self._message_ends)

    def _end_message(self, decoder: Decoder) -> None:
        self._decoder = None
        stream, self._stream = self._stream, None
        self._lines.feed(decoder.rest)
        is_refused = self._scanner is not None and self._scanner.is_hit
        if stream is not None and decoder.hops < HOPS_MAX and not is_refused:
            self._is_busy = True
            transaction = self.session.transaction
            assert transaction is not None
            stream.commit(envelope.write(transaction.sender, transaction.recipients), lambda *r: self._queued(decoder, *r))
            return
        if stream is not None:
            stream.abort()
        reply = verbs.TOO_BIG if self._is_too_big else verbs.TOO_MANY_HOPS if decoder.hops >= HOPS_MAX else REFUSED
        self._apply(verbs.not_queued(self.session, reply))
        self._log_refusal(b"DATA")

    def _queued(self, decoder: Decoder, exit_: int, qp: int, custom: bytes) -> None:
        """The queue's answer. It is logged even when the client did not wait for it."""
        failure = queue_failure(exit_, custom)
        transaction = self.session.transaction
        assert transaction is not None
        if failure is None:
            self._service.say(
                b"ok: %b: qp %d from <%b> bytes %d recipients %d helo %b %b"
                % (
                    self.ip,
                    qp,
                    shown(transaction.sender),
                    decoder.size_bytes,
                    len(transaction.recipients),
                    shown(self.session.helo or b"-"),
                    self.session.protocol + (b" as " + shown(self.session.user) if self.session.user is not None else b""),
                )
            )
            self._go_on(verbs.queued(self.session, clock.now_s(), qp))
            return
        reply = verbs.queue_refusal(failure, exit_)
        self._service.say(b"deny: %b: from <%b>: queue exit %d: %b" % (self.ip, shown(transaction.sender), exit_, shown(reply.rstrip())))
        self._go_on(verbs.not_queued(self.session, reply))


_TABLE = bytes(c if 32 < c < 127 else 0x5F if c == 32 else 0x3F for c in range(256))


def is_loopback(ip: bytes) -> bool:
    return ip.startswith(b"127.") or ip == b"::1"


def shown(text: bytes) -> bytes:
    """Bytes a stranger chose, made harmless for a log line."""
    return text.translate(_TABLE)


async def sweep(connections: set[Connection], every_s: float = 5.0) -> None:
    """Close what has waited too long. Runs for the life of the server."""
    with suppress(asyncio.CancelledError):
        while True:
            await asyncio.sleep(every_s)
            now = asyncio.get_running_loop().time()
            for connection in [c for c in connections if c.deadline < now]:
                connection.expire()
