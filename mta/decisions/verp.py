"""Per-recipient senders: a sender that ends in "-@[]" is written out for each recipient, so that a bounce names who bounced.

Example  b"lst-@h-@[]" to b"joe@x.example" is sent as b"lst-joe=x.example@h"
Bugs     the recipient is the rewritten one: the prefix of a virtual domain shows in it, as with the original
Source   qmail-send(8), qmail-send.c senderadd; cr.yp.to/proto/verp.txt
"""

from __future__ import annotations

SUFFIX = b"-@[]"


def sender_for(sender: bytes, recipient: bytes) -> bytes:
    if not sender.endswith(SUFFIX):
        return sender
    box, at, host = sender.removesuffix(SUFFIX).rpartition(b"@")
    user, at2, domain = recipient.rpartition(b"@")
    return b"%b%b=%b@%b" % (box, user, domain, host) if at and at2 else sender


def plain(sender: bytes) -> bytes:
    """The address bounces of a whole message go to: without the suffix."""
    return sender.removesuffix(SUFFIX)
