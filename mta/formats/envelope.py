"""The envelope on descriptor 1 of qmail-queue: F sender NUL, then T recipient NUL any number of times, then one more NUL.

Example  b"Fada@example.org\\0Tbo@example.net\\0\\0"
Limits   1002 octets an address. Bytes after the last NUL are never looked at.
Crash    an envelope that ends early is a caller that changed its mind: nothing is queued (exit 54).
Source   qmail-queue(8), qmail-queue.c
"""

from __future__ import annotations

from mta.formats import address

TOO_LONG, READ_ERROR, BAD_FORMAT, FORBIDDEN_BYTE = 11, 54, 91, 31

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class EnvelopeError(ValueError):
    """exit: what qmail-queue says of this envelope."""

    def __init__(self, exit_: int, text: str) -> None:
        super().__init__(text)
        self.exit = exit_


def write(sender: bytes, recipients: Iterable[bytes]) -> bytes:
    return b"F%b\0" % sender + b"".join(b"T%b\0" % r for r in recipients) + b"\0"


def read(data: bytes) -> tuple[bytes, tuple[bytes, ...]]:
    """-> (sender, recipients). Raises EnvelopeError."""
    at = 0
    found: list[bytes] = []
    letter = b"F"
    while True:
        if at >= len(data):
            raise EnvelopeError(READ_ERROR, "envelope ends early")
        here = data[at : at + 1]
        if here == b"\0" and letter == b"T":
            return found[0], tuple(found[1:])
        if here != letter:
            raise EnvelopeError(BAD_FORMAT, "envelope record is neither F nor T, or stands in the wrong place")
        end = data.find(b"\0", at)
        found.append(_address(data[at + 1 : end if end >= 0 else len(data)]))
        if end < 0:
            raise EnvelopeError(READ_ERROR, "envelope ends early")
        at, letter = end + 1, b"T"


def _address(raw: bytes) -> bytes:
    if len(raw) > address.ADDRESS_MAX:
        raise EnvelopeError(TOO_LONG, "address longer than 1002 octets")
    try:
        return address.check(raw)
    except ValueError as error:
        raise EnvelopeError(FORBIDDEN_BYTE, str(error)) from error
