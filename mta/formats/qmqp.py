"""QMQP, the Quick Mail Queueing Protocol: one message over one connection, to a server that queues it for us.

Message  one netstring, in which are netstrings: the message, the sender, each recipient
Answer   a netstring: K queued, Z not now, D never; then words for people
Example  b"53:18:Subject: x\\n\\nhello\\n,8:a@x.test,16:u@elsewhere.test,," -> b"23:Kok 1795218768 qp 21545,"
Limits   999 octets an address
Loaded by programs that run per message: builtins only.
Source   cr.yp.to/proto/qmqp.html, qmail-qmqpd.c, qmail-qmqpc.c
"""

from __future__ import annotations

from mta.formats import netstring

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

PORT = 628
ADDRESS_MAX = 999


def frame(size: int, sender: bytes, recipients: Iterable[bytes]) -> tuple[bytes, bytes]:
    """For a message of size octets -> what goes before it and what goes behind it."""
    before = b"%d:" % size
    behind = b"," + netstring.write(sender) + b"".join(map(netstring.write, recipients))
    return b"%d:%b" % (len(before) + size + len(behind), before), behind + b","
