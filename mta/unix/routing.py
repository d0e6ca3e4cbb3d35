"""The control files that decide where an address goes (decisions/rewrite), read from one generation.

Source   qmail-send(8), qmail-send.c getcontrols
"""

from __future__ import annotations

from mta.decisions.rewrite import Controls
from mta.unix.controls import ControlDir, Unreadable


def load(folder: ControlDir) -> Controls:
    """Raises Unreadable: a file cannot be read, or neither locals nor me exists."""
    return Controls(
        envnoathost=folder.line_or_me("envnoathost", b"envnoathost"),
        locals=locals_(folder),
        percenthack=folder.set_("percenthack") or frozenset(),
        virtualdomains=folder.map_("virtualdomains"),
    )


def locals_(folder: ControlDir) -> frozenset[bytes]:
    found = folder.set_("locals")
    if found is not None:
        return found
    me = folder.line("me")
    if me is None:
        raise Unreadable("locals", OSError(2, "neither locals nor me exists"))
    return frozenset((me.lower(),))
