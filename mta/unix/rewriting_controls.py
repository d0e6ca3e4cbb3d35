"""How this host rewrites hosts: control/rewrite, else what defaulthost, defaultdomain and plusdomain come to; and the host of Message-IDs.

Order    QMAILREWRITEFILE (new-inject only) before control/rewrite; QMAILDEFAULTHOST, QMAILDEFAULTDOMAIN, QMAILPLUSDOMAIN, QMAILIDHOST
         before the files of those names, and these before me
Loaded by programs that run per message: builtins only.
Source   rewriting(5), new-inject(1), ofmipd(8)
"""

from __future__ import annotations

from mta.formats import control, rewriting
from mta.unix.controls import ControlDir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class Rewriting:
    """rules: of formats/rewriting; id_host: for Message-IDs, rewritten itself."""

    __slots__ = ("id_host", "rules")

    def __init__(self, rules: list[bytes], id_host: bytes) -> None:
        self.rules = rules
        self.id_host = rewriting.host(id_host, rules)


def load(home: bytes, env: Mapping[bytes, bytes], rules: bytes | None = None) -> Rewriting:
    """rules: the text of a file that stands for control/rewrite. Raises controls.Unreadable."""
    controls = ControlDir(home)
    try:
        if rules is None:
            rules = controls.raw("rewrite")
        lines = _defaults(controls, env) if rules is None else control.lines(rules)
        return Rewriting(lines, _setting(controls, env, "idhost"))
    finally:
        controls.close()


def _defaults(controls: ControlDir, env: Mapping[bytes, bytes]) -> list[bytes]:
    host, domain, plus = (_setting(controls, env, name) for name in ("defaulthost", "defaultdomain", "plusdomain"))
    return rewriting.defaults(host=host, domain=domain, plus=plus)


def _setting(controls: ControlDir, env: Mapping[bytes, bytes], name: str) -> bytes:
    found = env.get(b"QMAIL" + name.upper().encode())
    return controls.line_or_me(name, name.upper().encode()) if found is None else found
