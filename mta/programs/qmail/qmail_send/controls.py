"""The control files qmail-send works by. All are read at start; locals and virtualdomains again on HUP.

Source   qmail-send(8), qmail-send.c getcontrols and regetcontrols
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from mta.decisions import rewrite
from mta.formats import spawn
from mta.unix import routing
from mta.unix.controls import ControlDir

QUEUELIFETIME_S = 604800


@dataclass(frozen=True, slots=True)
class Controls:
    rewrite: rewrite.Controls
    queuelifetime_s: int
    concurrencylocal: int
    concurrencyremote: int
    bouncefrom: bytes
    bouncehost: bytes
    doublebounce: bytes  # address
    trims_double_bounces: bool = False
    concurrencylimit: int = spawn.CAPACITY


def load(home: bytes) -> Controls:
    """Raises Unreadable: a file cannot be read, or neither locals nor me exists."""
    folder = ControlDir(home)
    doublebounceto = folder.line("doublebounceto", b"postmaster") or b""
    return Controls(
        rewrite=routing.load(folder),
        queuelifetime_s=folder.integer("queuelifetime", QUEUELIFETIME_S),
        concurrencylocal=folder.integer("concurrencylocal", 10),
        concurrencyremote=folder.integer("concurrencyremote", 20),
        concurrencylimit=spawn.bounded(folder.integer("concurrencylimit", 120)),
        bouncefrom=folder.line("bouncefrom", b"MAILER-DAEMON") or b"",
        bouncehost=folder.line_or_me("bouncehost", b"bouncehost"),
        doublebounce=doublebounceto + b"@" + folder.line_or_me("doublebouncehost", b"doublebouncehost"),
        trims_double_bounces=folder.integer("doublebouncetrim", 0) > 0,
    )


def reread(home: bytes, old: Controls) -> Controls:
    """The two files HUP is for. Raises Unreadable, its name telling which."""
    folder = ControlDir(home)
    fresh_locals = routing.locals_(folder)
    return replace(old, rewrite=replace(old.rewrite, locals=fresh_locals, virtualdomains=folder.map_("virtualdomains")))
