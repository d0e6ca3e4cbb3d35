"""May this client send mail to this recipient? The whole of the relaying policy of qmail-smtpd.

Order    RELAYCLIENT set: yes, with its value appended. No "@": yes (it is ours). Else the domain must stand in rcpthosts or
         morercpthosts.cdb. A missing rcpthosts is never a yes: the original would relay for the whole world.
Loaded by programs that run per message: builtins only.
Source   qmail-smtpd(8), rcpthosts.c
"""

from __future__ import annotations

from mta.errors import Permanent, Temporary
from mta.formats import rcpthosts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

NOT_OURS = "sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)"
UNKNOWN = "sorry, no mailbox here by that name (#5.1.1)"
BAD_SENDER = "sorry, your envelope sender is in my badmailfrom list (#5.7.1)"
BAD_RECIPIENT = "sorry, your envelope recipient has been denied (#5.7.1)"
BAD_HELO = "sorry, your HELO host name has been denied (#5.7.1)"


def smtp_rcpt(
    address: bytes, *, relayclient: bytes | None, listed: frozenset[bytes] | None, more: Callable[[bytes], bytes | None] | None
) -> bytes:
    """-> the address to queue. listed: the lines of rcpthosts, None when it is missing; more: look-up in morercpthosts.cdb.
    Raises Permanent: not for us, or Temporary: we cannot tell."""
    if relayclient is not None:
        return address + relayclient
    if listed is None:
        raise Temporary("unable to read controls (#4.3.0)", "control/rcpthosts is missing")
    which_rcpthosts(address, listed, more)
    return address


def which_rcpthosts(address: bytes, listed: frozenset[bytes], more: Callable[[bytes], bytes | None] | None) -> tuple[str, bytes]:
    """-> (the file that lets the address in, the line). Raises Permanent, or ValueError when the cdb is damaged."""
    _, at, domain = address.rpartition(b"@")
    if not at:
        return "", b""
    for key in rcpthosts.keys(domain):
        if key in listed:
            return "rcpthosts", key
    if more is not None:
        for key in rcpthosts.keys(domain):
            if more(key) is not None:
                return "morercpthosts.cdb", key
    raise Permanent(NOT_OURS)


def is_bad_sender(sender: bytes, badmailfrom: frozenset[bytes]) -> bool:
    """badmailfrom lines: user@host or @host, in lower case."""
    return not badmailfrom.isdisjoint(_keys(sender))


def is_bad_recipient(recipient: bytes, badrcptto: frozenset[bytes], more: Callable[[bytes], bytes | None] | None) -> bool:
    """badrcptto lines as those of badmailfrom; more: look-up in morebadrcptto.cdb. What that raises passes through."""
    if not badrcptto and more is None:
        return False
    keys = _keys(recipient)
    return not badrcptto.isdisjoint(keys) or (more is not None and any(more(key) is not None for key in keys))


def is_bad_helo(name: bytes, badhelo: frozenset[bytes]) -> bool:
    """badhelo lines: a name, or .suffix for all names below it, in lower case."""
    return not badhelo.isdisjoint(rcpthosts.keys(name))


def _keys(address: bytes) -> tuple[bytes, bytes]:
    lowered = address.lower()
    return lowered, b"@" + lowered.rpartition(b"@")[2]
