"""What a change of control files means for mail: the domains whose route is another afterwards. Pure.

The same questions in the same order as the programs ask them: smtpd (is mail for it taken from strangers?), qmail-send (local, virtual, or
somewhere else?), qmail-remote (which relay?).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mta.formats import control, rcpthosts, smtproutes, virtualdomains


@dataclass(frozen=True, slots=True)
class Route:
    """domain: a name, ".suffix" for all names below it, or "" for all others."""

    domain: str
    before: str
    after: str


def changes(before: Mapping[str, bytes | None], after: Mapping[str, bytes | None]) -> list[Route]:
    """before, after: contents by path ("control/locals"); a file that stays may be left out of after."""
    whole = {**before, **after}
    old, new = _Tables(before), _Tables(whole)
    found = []
    for domain in sorted(old.domains() | new.domains()):
        was, is_ = old.route(domain), new.route(domain)
        if was != is_:
            found.append(Route(domain.decode("utf-8", "replace"), was, is_))
    return found


class _Tables:
    def __init__(self, files: Mapping[str, bytes | None]) -> None:
        def lines(name: str) -> list[bytes]:
            return control.lines(files.get(f"control/{name}") or b"")

        me = files.get("control/me")
        is_default = files.get("control/locals") is None and me is not None
        self._local = control.set_([control.line(me or b"")] if is_default else lines("locals"))
        self._taken = control.set_([*lines("rcpthosts"), *lines("morercpthosts")])
        self._is_open = files.get("control/rcpthosts") is None
        self._virtual = control.map_(lines("virtualdomains"))
        self._relays = control.map_(lines("smtproutes"))

    def domains(self) -> set[bytes]:
        names = {key.rpartition(b"@")[2] for key in self._virtual}
        return names | set(self._local) | set(self._taken) | set(self._relays)

    def route(self, domain: bytes) -> str:
        return "; ".join(self._words(domain))

    def _words(self, domain: bytes) -> Iterator[str]:
        is_taken = self._is_open or any(key in self._taken for key in rcpthosts.keys(domain))
        yield "taken from everybody" if is_taken else "refused from outside"
        if domain in self._local:
            yield "delivered to users of this machine"
            return
        virtual = virtualdomains.find_domain(self._virtual, domain)
        if virtual is not None and virtual[1]:
            yield f"handed to {virtual[1].decode('utf-8', 'replace')}"
            return
        relay = smtproutes.find(self._relays, domain)
        yield (
            f"sent to {relay.relay.decode('utf-8', 'replace')} port {relay.port}" if relay is not None and relay.relay else "sent by its MX"
        )
