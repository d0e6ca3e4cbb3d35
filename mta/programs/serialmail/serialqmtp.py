"""serialqmtp: send the messages of a Maildir over one QMTP connection, for maildirserial.

Usage    serialqmtp PREFIX, under tcpclient
Reads    fd 0 the names of the messages (formats/serial); the messages, in the working directory; fd 6 the server; TCPREMOTEIP
Writes   fd 7 the server (net/serial_qmtp); fd 1 an answer for each message; complaints to fd 2. A message whose recipient does not begin
         with PREFIX, or that is none of qmail-local's, gets no answer.
Exits    0 all were sent or refused; 100 usage; 111 the connection broke, or a file cannot be read: those without an answer are still there
Limits   3600 seconds for an answer, 73 for the server to take what we send. Of a message nothing is kept.
Runs as  the owner of the Maildir
Source   serialqmtp(1)
"""

from __future__ import annotations

from collections.abc import Iterable

from mta.formats import serial
from mta.formats.serial import Answer
from mta.net import serial_qmtp
from mta.net.serial_qmtp import Result
from mta.net.serial_wire import Lost, Wire
from mta.unix import compiled, say
from mta.unix.fds import Fds
from mta.unix.serial_file import SerialFile

NAME = b"serialqmtp"


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    if not argv:
        return say.usage(fds, NAME, b"serialqmtp prefix")
    client = serial_qmtp.Client(Wire(fds[6], fds[7], read_s=serial_qmtp.READ_S, write_s=serial_qmtp.WRITE_S))
    waiting = _Waiting(fds, env.get(b"TCPREMOTEIP"))
    step = b"read input"
    try:
        for name in compiled.read_all(fds[0]).split(b"\0")[:-1]:
            step = b"open " + name
            with SerialFile(name) as message:
                step = b"read " + name
                _send(client, message, name, argv[0], waiting)
        step = b"write output"
        waiting.answer(client.finish())
    except Lost as error:
        return say.fatal(fds, NAME, str(error).encode())
    except OSError as error:
        return say.fatal(fds, NAME, b"unable to " + step, error)
    return 0


class _Waiting:
    """The messages that have been sent and not been answered, in order."""

    __slots__ = ("_fds", "_ip", "_names")

    def __init__(self, fds: Fds, ip: bytes | None) -> None:
        self._fds = fds
        self._ip = ip
        self._names: list[bytes] = []

    def add(self, name: bytes) -> None:
        self._names.append(name)

    def answer(self, results: Iterable[Result]) -> None:
        """Raises what results does, OSError."""
        for letter, text in results:
            said = text if self._ip is None else b"%b said: %b" % (self._ip, text)
            self._fds.write(1, serial.write(Answer(self._names.pop(0), letter, said)))


def _send(client: serial_qmtp.Client, message: SerialFile, name: bytes, prefix: bytes, waiting: _Waiting) -> None:
    """Raises Lost, OSError."""
    try:
        envelope = message.envelope()
    except ValueError:
        return
    if envelope.recipient.startswith(prefix):
        waiting.add(name)
        waiting.answer(client.send(message.rest_bytes(), envelope.sender, envelope.recipient.removeprefix(prefix), message.rest()))
