"""QMTP, the Quick Mail Transfer Protocol: any number of messages over one connection, each with an answer for each recipient.

Message  three netstrings: what is sent, the sender, and the recipients, which are netstrings within the third.
         What is sent begins with an octet that is not part of it: LF when its lines end in LF, CR when they end in CR LF.
Answer   a netstring for each recipient, in order: K accepted, Z not now, D never; then words for people
Example  b"7:\\nhello\\n,8:a@x.test,19:15:joe@oracle.test,," -> b"23:Kok 1795218768 qp 21545,"
Limits   999 octets an address; 2 MiB of recipients
Loaded by programs that run per message: builtins only.
Source   cr.yp.to/proto/qmtp.txt, qmail-qmtpd.c
"""

from __future__ import annotations

from mta.formats import netstring

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

PORT = 209
ADDRESS_MAX = 999
RECIPIENTS_MAX = 1 << 21  # all of them, as they are sent
LF, CR = b"\n", b"\r"


class Lines:
    """What is sent -> the message as it is stored. kind: the octet before it, LF or CR. A CR that no LF follows stays."""

    __slots__ = ("_held", "_is_cr")

    def __init__(self, kind: bytes) -> None:
        self._is_cr = kind == CR
        self._held = b""

    def feed(self, piece: bytes) -> bytes:
        if not self._is_cr:
            return piece
        data = self._held + piece
        self._held = CR if data.endswith(CR) else b""
        return data[: len(data) - len(self._held)].replace(b"\r\n", b"\n")

    def end(self) -> bytes:
        """What was held back."""
        held, self._held = self._held, b""
        return held


def write(message: bytes, sender: bytes, recipients: Iterable[bytes]) -> bytes:
    """A message with lines that end in LF."""
    inner = b"".join(map(netstring.write, recipients))
    return netstring.write(LF + message) + netstring.write(sender) + netstring.write(inner)
