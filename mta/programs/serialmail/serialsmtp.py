"""serialsmtp: send the messages of a Maildir over one SMTP connection, for maildirserial.

Usage    serialsmtp PREFIX HELOHOST, under tcpclient
Reads    fd 0 the names of the messages (formats/serial); the messages, in the working directory; fd 6 the server; TCPREMOTEIP
Writes   fd 7 the server (net/serial_smtp); fd 1 an answer for each message; complaints to fd 2. A message whose recipient does not begin
         with PREFIX, or that is none of qmail-local's, gets no answer.
Exits    0 all were sent or refused; 100 usage; 111 the connection broke, or a file cannot be read: those without an answer are still there
Limits   81 seconds for an answer, 73 for the server to take what we send. Of a message nothing is kept.
Runs as  the owner of the Maildir
Source   serialsmtp(1)
"""

from __future__ import annotations

from mta.formats import serial
from mta.formats.address import quote
from mta.formats.serial import Answer
from mta.net import serial_smtp
from mta.net.serial_wire import Lost, Wire
from mta.unix import compiled, say
from mta.unix.fds import Fds
from mta.unix.serial_file import SerialFile

NAME = b"serialsmtp"


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    if len(argv) < 2:
        return say.usage(fds, NAME, b"serialsmtp prefix helohost")
    prefix, helohost = argv[:2]
    client = serial_smtp.Client(Wire(fds[6], fds[7], read_s=serial_smtp.READ_S, write_s=serial_smtp.WRITE_S))
    step = b"read input"
    try:
        client.begin(helohost)
        for name in compiled.read_all(fds[0]).split(b"\0")[:-1]:
            step = b"open " + name
            with SerialFile(name) as message:
                step = b"read " + name
                answer = _send(client, message, name, prefix, env)
            if answer is not None:
                step = b"write output"
                fds.write(1, serial.write(answer))
        client.quit()
    except Lost as error:
        return say.fatal(fds, NAME, str(error).encode())
    except OSError as error:
        return say.fatal(fds, NAME, b"unable to " + step, error)
    return 0


def _send(client: serial_smtp.Client, message: SerialFile, name: bytes, prefix: bytes, env: dict[bytes, bytes]) -> Answer | None:
    """Raises Lost, OSError."""
    try:
        envelope = message.envelope()
    except ValueError:
        return None
    if not envelope.recipient.startswith(prefix):
        return None
    recipient = envelope.recipient.removeprefix(prefix)
    letter, text = client.send(envelope.sender, recipient, message.rest())
    if b"TCPREMOTEIP" in env:
        text = b"%b to: %b said: %b" % (env[b"TCPREMOTEIP"], quote(recipient), text)
    return Answer(name, letter, text)
