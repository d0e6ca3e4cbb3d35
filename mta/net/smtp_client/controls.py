"""The control files of qmail-remote, of one generation: helohost (default: me), smtproutes, authsenders, outgoingip, timeoutconnect,
timeoutremote, and those of tls.

outgoingip  the address of ours that connections come from; 0.0.0.0 leaves the choice to the kernel
Source      qmail-remote(8), qmail-control(5); the outgoingip and authentication patches
"""

from __future__ import annotations

from dataclasses import dataclass, field

from mta.errors import Temporary
from mta.formats import smtproutes
from mta.net.resolver import literal
from mta.net.smtp_client import reports, tls
from mta.net.smtp_client.tls import TlsControls
from mta.unix.controls import ControlDir, Unreadable

_ANY = ("0.0.0.0", "::")  # noqa: S104 - addresses that stand for the kernel's choice
TIMEOUTCONNECT_S = 60
TIMEOUTREMOTE_S = 1200


@dataclass(frozen=True, slots=True)
class RemoteControls:
    helohost: bytes
    routes: dict[bytes, bytes] = field(default_factory=dict)  # formats/smtproutes
    timeoutconnect_s: float = TIMEOUTCONNECT_S
    timeoutremote_s: float = TIMEOUTREMOTE_S
    tls: TlsControls = field(default_factory=TlsControls)
    senders: dict[bytes, bytes] = field(default_factory=dict, repr=False)  # authsenders, as routes
    outgoingip: str | None = None


def load(folder: ControlDir) -> RemoteControls:
    """Raises Temporary when a file cannot be read, or there is neither helohost nor me."""
    try:
        helohost = folder.line("helohost")
        if helohost is None:
            helohost = folder.line("me")
        if helohost is None:
            raise Temporary(reports.NO_CONTROLS)
        return RemoteControls(
            helohost=helohost,
            routes=smtproutes.read(folder.raw("smtproutes") or b""),
            timeoutconnect_s=folder.integer("timeoutconnect", TIMEOUTCONNECT_S),
            timeoutremote_s=folder.integer("timeoutremote", TIMEOUTREMOTE_S),
            tls=tls.load(folder),
            senders=smtproutes.read(folder.raw("authsenders") or b""),
            outgoingip=_outgoingip(folder.line("outgoingip")),
        )
    except Unreadable as error:
        raise Temporary(reports.NO_CONTROLS) from error


def _outgoingip(text: bytes | None) -> str | None:
    """Raises Temporary."""
    if text is None:
        return None
    ip = literal(text)
    if ip is None:
        raise Temporary(reports.BAD_OUTGOINGIP)
    return None if ip in _ANY else ip
