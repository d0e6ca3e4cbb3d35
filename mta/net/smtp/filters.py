"""What a site may refuse beside relaying: the common patches of qmail-smtpd, each of them off unless its control file is there.

badhelo        names in HELO and EHLO, ".suffix" for all below it; refused at RCPT. Not for relay clients, nor where NOBADHELO is set
badrcptto      recipients, user@host or @host, and those of morebadrcptto.cdb; for relay clients, too
signatures     beginnings of attachments that are refused (signatures)
tarpitcount    so many recipients of a message are answered at once; each further one tarpitdelay seconds later. TARPITCOUNT and
               TARPITDELAY of a client's environment outrank the files
Source   the patches of that name (qmail.org); spec of badrcptto in qmail-newbrt(8)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mta.decisions import smtp_rcpt
from mta.formats import control
from mta.unix.cdbfile import CdbFile
from mta.unix.controls import ControlDir

DELAY_MAX_S = 600  # longer than any client waits


@dataclass(frozen=True, slots=True)
class Filters:
    badhelo: frozenset[bytes] = frozenset()
    badrcptto: frozenset[bytes] = frozenset()
    morebadrcptto: Callable[[bytes], bytes | None] | None = None  # look-up in the cdb
    signatures: tuple[bytes, ...] = ()
    tarpitcount: int = 0
    tarpitdelay_s: int = 0


@dataclass(frozen=True, slots=True)
class Exceptions:
    """What the environment of one client says in the files' place."""

    may_say_any_helo: bool = False
    tarpitcount: int | None = None
    tarpitdelay_s: int | None = None


NO_FILTERS = Filters()
NO_EXCEPTIONS = Exceptions()


def load(folder: ControlDir) -> Filters:
    """Raises Unreadable."""
    more = folder.open_file("morebadrcptto.cdb")
    return Filters(
        badhelo=folder.set_("badhelo") or frozenset(),
        badrcptto=folder.set_("badrcptto") or frozenset(),
        morebadrcptto=CdbFile(more).get if more is not None else None,
        signatures=tuple(folder.lines("signatures") or ()),
        tarpitcount=folder.integer("tarpitcount", 0),
        tarpitdelay_s=folder.integer("tarpitdelay", 0),
    )


def exceptions(variables: Mapping[bytes, bytes]) -> Exceptions:
    return Exceptions(b"NOBADHELO" in variables, _number(variables, b"TARPITCOUNT"), _number(variables, b"TARPITDELAY"))


def _number(variables: Mapping[bytes, bytes], name: bytes) -> int | None:
    return control.integer(variables[name]) or 0 if name in variables else None


def refusal(filters: Filters, exceptions_: Exceptions, *, helo: bytes | None, recipient: bytes, is_relay_client: bool) -> str | None:
    """Of a recipient. Raises ValueError, OSError: the cdb cannot be read."""
    is_free = is_relay_client or exceptions_.may_say_any_helo
    if filters.badhelo and helo and not is_free and smtp_rcpt.is_bad_helo(helo, filters.badhelo):
        return smtp_rcpt.BAD_HELO
    if smtp_rcpt.is_bad_recipient(recipient, filters.badrcptto, filters.morebadrcptto):
        return smtp_rcpt.BAD_RECIPIENT
    return None


def delay_s(filters: Filters, exceptions_: Exceptions, recipients: int) -> int:
    """How long the answer to an accepted recipient waits, it being number recipients of the message."""
    count = filters.tarpitcount if exceptions_.tarpitcount is None else exceptions_.tarpitcount
    seconds = filters.tarpitdelay_s if exceptions_.tarpitdelay_s is None else exceptions_.tarpitdelay_s
    return min(seconds, DELAY_MAX_S) if count and recipients > count else 0
