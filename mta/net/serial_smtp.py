"""SMTP as serialsmtp speaks it: one connection, one message and one recipient a transaction.

Begins   EHLO, else HELO. Where EHLO names PIPELINING, MAIL, RCPT and DATA go out together, and the RSET before them.
Result   (letter, text): K for 2xx and 3xx, Z for 4xx, D for 5xx; text is the last line of the reply
Trouble  Lost: the connection, or an answer that is none of SMTP's; nobody knows then what became of the message under way
Source   serialsmtp(1), RFC 5321, RFC 2920
"""

from __future__ import annotations

from collections.abc import Iterable

from mta.formats.address import FORBIDDEN, quote
from mta.formats.serial import LATER, NEVER, SENT
from mta.net.serial_wire import Lost, Wire
from mta.net.smtp_client.body import Encoder
from mta.net.smtp_client.reply import GARBLED, Replies, Reply

READ_S, WRITE_S = 81, 73
_READY, _OK, _LATER, _NEVER = 220, 250, 400, 500
_PIPELINING = b"pipelining"

Result = tuple[bytes, bytes]


class Client:
    """begin(), send() any number of times, quit(). All raise Lost."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._replies = Replies()
        self._is_pipelining = False
        self._is_used = False
        self._is_out_of_step = False

    def begin(self, helohost: bytes) -> None:
        if self._reply().code != _READY:
            self.quit()
            raise Lost("connected but greeting failed")
        reply = self._ask(b"EHLO %b\r\n" % helohost)
        self._is_pipelining = reply.code == _OK and any(line[4:].lower() == _PIPELINING for line in reply.lines[1:])
        if reply.code != _OK and self._ask(b"HELO %b\r\n" % helohost).code != _OK:
            self.quit()
            raise Lost("connected but my name was rejected")

    def quit(self) -> None:
        self._check_step()
        self._wire.say(b"QUIT\r\n")
        self._wire.flush()

    def send(self, sender: bytes, recipient: bytes, message: Iterable[bytes]) -> Result:
        if any(byte in address for address in (sender, recipient) for byte in FORBIDDEN):
            return NEVER, b"the envelope holds a byte that no SMTP command can carry (#5.1.3)"
        self._check_step()
        commands = [b"MAIL FROM:<%b>\r\n" % quote(sender), b"RCPT TO:<%b>\r\n" % quote(recipient), b"DATA\r\n"]
        reset = [b"RSET\r\n"] if self._is_used else []
        self._is_used = True
        refusal = (self._together if self._is_pipelining else self._one_by_one)(reset, commands)
        if refusal is not None:
            return _result(refusal)
        encoder = Encoder()
        for piece in message:
            self._wire.say(encoder.encode(piece))
            self._wire.flush()
        return _result(self._ask(encoder.end()))

    def _one_by_one(self, reset: list[bytes], commands: list[bytes]) -> Reply | None:
        """The reply that ends it, if one does."""
        for command in reset:
            self._accepted(self._ask(command))
        for command in commands:
            reply = self._ask(command)
            if reply.code >= _LATER:
                return reply
        return None

    def _together(self, reset: list[bytes], commands: list[bytes]) -> Reply | None:
        self._wire.say(b"".join(reset + commands))
        for _ in reset:
            self._accepted(self._reply())
        replies = [self._reply() for _ in commands]
        refusals = [i for i, reply in enumerate(replies) if reply.code >= _LATER]
        if not refusals:
            return None
        if len(refusals) != len(replies) - refusals[0]:  # what hangs on a refused command was accepted: the server may wait for a message
            self._is_out_of_step = True
        return replies[refusals[0]]

    def _check_step(self) -> None:
        if self._is_out_of_step:
            raise Lost("protocol violation")

    def _accepted(self, reply: Reply) -> None:
        if reply.code >= _LATER:
            raise Lost("protocol violation")

    def _ask(self, command: bytes) -> Reply:
        self._wire.say(command)
        return self._reply()

    def _reply(self) -> Reply:
        while (reply := self._replies.next()) is None:
            self._replies.feed(self._wire.read())
        if reply.code == GARBLED:
            raise Lost("protocol violation")
        return reply


def _result(reply: Reply) -> Result:
    letter = NEVER if reply.code >= _NEVER else LATER if reply.code >= _LATER else SENT
    return letter, reply.lines[-1]
