"""qmail-qmqpd: queue a message for a client that trusts us with it, by QMQP on descriptors 0 and 1, as tcpserver starts it.

Reads    fd 0 the client (formats/qmqp); environment TCPREMOTEIP TCPREMOTEHOST TCPREMOTEINFO TCPLOCALIP TCPLOCALHOST QMAILQUEUE
Writes   fd 1 one answer; the message to qmail-queue
Exits    0 answered, or the client is gone; 100 what it said is no QMQP; 111 no queue, a length over 200 000 000, or an hour is over
Limits   999 octets an address; 64 MiB of envelope. Every client may send anywhere: let tcpserver's rules keep strangers out
Runs as  qmaild
Source   qmail-qmqpd(8), qmail-qmqpd.c
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # the C module: signal would load enum
import os

from mta.formats import netstring, qmqp, received
from mta.formats.address import FORBIDDEN
from mta.formats.netstring_input import Ended, Input, TooLong
from mta.formats.queue_call import ENVELOPE_MAX
from mta.unix import clock, queue_call
from mta.unix.fds import Fds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mta.unix.queue_call import QueueCall

OK, BAD_PROTOCOL, RESOURCES = 0, 100, 111
LIFE_S = 3600

_LENGTH_MAX = 100  # octets the length of the whole may take
_BAD_ADDRESS = b"Dsorry, I can't accept addresses like that (#5.1.3)"


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    try:
        answer = _receive(Input(lambda count: _read(fds[0], count)), env)
        fds.write(1, netstring.write(answer))
    except (Ended, OSError):  # nobody is there to be told
        return OK
    except TooLong:
        return RESOURCES
    except ValueError:
        return BAD_PROTOCOL
    return OK


def _read(fd: int, count: int) -> bytes:
    try:
        return os.read(fd, count)
    except OSError:
        return b""


def _receive(client: Input, env: dict[bytes, bytes]) -> bytes:
    """-> the answer. Raises ValueError (see main), Temporary."""
    client.left = _LENGTH_MAX
    client.left = client.length()
    length = client.length()
    call = queue_call.open_(env[b"QMAIL_HOME"], env)
    try:
        call.write(received.of_environment(env, b"QMQP", clock.now_s()))
        for piece in client.pieces(length):
            call.write(piece)
        client.comma()
        sender, *recipients = _addresses(client)
        client.left = 1
        client.comma()
    except BaseException:
        call.abandon()
        raise
    return _finish(call, sender, recipients)


def _addresses(client: Input) -> list[bytes | None]:
    """The sender and the recipients; None for one that no address can be. Raises ValueError."""
    found = [_address(client)]
    size = 0
    while client.left:
        address = _address(client)
        found.append(address)
        size += len(address or b"") + 2
        if size > ENVELOPE_MAX - 2 * qmqp.ADDRESS_MAX:
            raise TooLong("more recipients than an envelope holds")
    return found


def _address(client: Input) -> bytes | None:
    length = client.length()
    if length > qmqp.ADDRESS_MAX:
        client.skip(length)
        address = None
    else:
        address = client.take(length)
    client.comma()
    return None if address is None or any(byte in address for byte in FORBIDDEN) else address


def _finish(call: QueueCall, sender: bytes | None, recipients: list[bytes | None]) -> bytes:
    good = [address for address in recipients if address is not None]
    if sender is None or len(good) < len(recipients):
        call.abandon()
        return _BAD_ADDRESS
    failure = call.commit(sender, good)
    if failure is None:
        return b"Kok %d qp %d" % (clock.now_s(), call.qp)
    return failure.letter + failure.text.encode("latin-1", "replace")


def guard() -> None:
    """A process of our own ends after an hour, whatever it does."""
    _signal.signal(_signal.SIGALRM, lambda _number, _frame: os._exit(RESOURCES))
    _signal.alarm(LIFE_S)
