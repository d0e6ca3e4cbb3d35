"""What completes the addresses of newaliases, newinclude and dot-forward: control/defaulthost, defaultdomain and plusdomain, each else me.

Loaded by programs that run per message: builtins only.
Source   newaliases.c, newinclude.c, dot-forward.c: readcontrols
"""

from __future__ import annotations

from mta.formats.sendmail_list import Defaults
from mta.unix.controls import ControlDir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_LAST_RESORT = b"me"


def load(home: bytes, env: Mapping[bytes, bytes] | None = None) -> Defaults:
    """env: where the user may have chosen otherwise (QMAILDEFAULTHOST, ...). Raises controls.Unreadable."""
    controls = ControlDir(home)
    found = {name: controls.line_or_me(name, _LAST_RESORT) for name in ("defaulthost", "defaultdomain", "plusdomain")}
    controls.close()
    chosen = {name: (env or {}).get(b"QMAIL" + name.upper().encode(), value) for name, value in found.items()}
    return Defaults(host=chosen["defaulthost"], domain=chosen["defaultdomain"], plus=chosen["plusdomain"])
