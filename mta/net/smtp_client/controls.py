"""The control files of qmail-remote, of one generation: helohost (default: me), smtproutes, timeoutconnect,
timeoutremote, and those of tls.

Source   qmail-remote(8), qmail-control(5)
"""

from __future__ import annotations

from dataclasses import dataclass, field

from mta.errors import Temporary
from mta.formats import smtproutes
from mta.net.smtp_client import reports, tls
from mta.net.smtp_client.tls import TlsControls
from mta.unix.controls import ControlDir, Unreadable

TIMEOUTCONNECT_S = 60
TIMEOUTREMOTE_S = 1200


@dataclass(frozen=True, slots=True)
class RemoteControls:
    helohost: bytes
    routes: dict[bytes, bytes] = field(default_factory=dict)  # formats/smtproutes
    timeoutconnect_s: float = TIMEOUTCONNECT_S
    timeoutremote_s: float = TIMEOUTREMOTE_S
    tls: TlsControls = field(default_factory=TlsControls)


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
        )
    except Unreadable as error:
        raise Temporary(reports.NO_CONTROLS) from error
