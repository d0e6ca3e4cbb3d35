"""R16: name servers that fail in every way: a message waits where the trouble may pass, fails where there is no such host, and goes to a
host of which any exchanger can be found. Mended, everything that waited is delivered. Nothing bounces for a name server's trouble.

Each message is for one domain of ZONE; the classes are qmail-remote's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.crash import faults_plane
from tests.crash.conftest import Table
from tests.crash.faults import World, enter
from tests.crash.faults_plane import DOMAIN, Plane
from tests.crash.ledger import BOUNCE, Letter
from tests.support.dns_server import GARBAGE, NXDOMAIN, REFUSED, SERVFAIL, SILENCE, DnsServer, Entry

SINK_IP = "127.0.0.77"  # no interface's own, so no loop
HOST = {"A": [SINK_IP]}
MX = {"MX": ["10 host.test."]}
MANY = 50
DONE, LATER, FAILED = "success", "deferral", "failure"
PATIENCE_S = 100.0  # a name server that says nothing is asked for 30 seconds

# (domain, what its name servers say, what becomes of a message)
DOMAINS: list[tuple[str, Entry, str]] = [
    ("plain.test", MX, DONE),
    ("no-mx.test", HOST, DONE),
    ("servfail.test", SERVFAIL, LATER),
    ("refused.test", REFUSED, LATER),
    ("mx-servfail.test", {"MX": SERVFAIL, **HOST}, LATER),
    ("a-servfail.test", {"A": SERVFAIL}, LATER),
    ("mx-of-servfail.test", {"MX": ["10 servfail.test."]}, LATER),
    ("nxdomain.test", NXDOMAIN, FAILED),
    ("nothing.test", {"TXT": ["x"]}, FAILED),
    ("no-mail.test", {"MX": ["0 ."]}, FAILED),
    ("ghosts.test", {"MX": ["10 nowhere.test.", "20 nxdomain.test."]}, FAILED),
    ("ghost-and-trouble.test", {"MX": ["10 nowhere.test.", "20 servfail.test."]}, LATER),
    ("ghost-and-host.test", {"MX": ["10 nowhere.test.", "20 host.test."]}, DONE),
    ("trouble-and-host.test", {"MX": ["10 servfail.test.", "20 host.test."]}, DONE),
    ("host-and-trouble.test", {"MX": ["10 host.test.", "20 servfail.test."]}, DONE),
    ("refusing-and-host.test", {"MX": ["10 refusing.test.", "20 host.test."]}, DONE),
    ("alias.test", {"CNAME": ["plain.test."]}, DONE),
    ("long-alias.test", {"CNAME": ["link1.test."]}, DONE),
    ("round.test", {"CNAME": ["about.test."]}, LATER),
    ("dangling.test", {"CNAME": ["nowhere.test."]}, FAILED),
    ("alias-of-servfail.test", {"CNAME": ["servfail.test."]}, LATER),
    ("many-mx.test", {"MX": [f"{i} mx{i}.many.test." for i in range(MANY)]}, DONE),
    ("many-mx-one-good.test", {"MX": [*(f"{i} mx{i}.trouble.test." for i in range(MANY - 1)), "60 host.test."]}, DONE),
    ("many-mx-in-trouble.test", {"MX": [f"{i} mx{i}.trouble.test." for i in range(MANY)]}, LATER),
    ("big.test", {"TXT": [" ".join(['"' + "x" * 250 + '"'] * 240)], **MX}, DONE),
]
SLOW: list[tuple[str, Entry, str]] = [
    ("silent.test", SILENCE, LATER),
    ("garbage.test", GARBAGE, LATER),
    ("only-refusing.test", {"MX": ["10 refusing.test."]}, LATER),  # which is remembered for a minute
    ("mx-silent.test", {"MX": SILENCE, **HOST}, LATER),
    ("silent-and-host.test", {"MX": ["10 silent.test.", "20 host.test."]}, DONE),
    ("ghost-and-silent.test", {"MX": ["10 nowhere.test.", "20 silent.test."]}, LATER),
]
OTHERS: dict[str, Entry] = {
    "host.test": HOST,
    "refusing.test": {"A": ["127.0.0.78"]},  # nobody listens there
    "about.test": {"CNAME": ["round.test."]},
    **{f"link{i}.test": {"CNAME": [f"link{i + 1}.test."]} for i in range(1, 8)},
    "link8.test": MX,
    **{f"mx{i}.many.test": HOST for i in range(MANY)},
    **{f"mx{i}.trouble.test": SERVFAIL for i in range(MANY)},
}
_EVENT = re.compile(r"(?:starting delivery (\d+): msg \d+ to remote u@(\S+)|delivery (\d+): (\w+):)")

pytestmark = [pytest.mark.slow, pytest.mark.skipif(faults_plane.why_not() is not None, reason=str(faults_plane.why_not()))]


class Names:
    """A world whose mail goes to the domains, each message to the next of them."""

    def __init__(self, domains: list[tuple[str, Entry, str]], folder: Path, broken: str = "") -> None:
        self._domains = domains
        self.dns = DnsServer({**OTHERS, **{name: entry for name, entry, _ in domains}})
        self.world = World(
            folder,
            routes=False,
            dnscacheip=self.dns.dnscacheip.decode(),
            letters=self._letter,
            sink_ip=SINK_IP,
            prepare=self._install,
            broken=broken,
        )

    def _letter(self, number: int) -> Letter:
        name, _, outcome = self._domains[number % len(self._domains)]
        address = f"u@{name}".encode()
        return Letter(number, f"ann@{DOMAIN}".encode(), (address,), ((BOUNCE + address if outcome == FAILED else address,),))

    def _install(self, plane: Plane) -> None:
        plane.control("smtproutes", f"::{self.world.sink.port}")  # as the zone says, at that port

    def outcomes(self) -> dict[str, str]:
        """{domain: what became of the latest attempt}"""
        running: dict[str, str] = {}
        found: dict[str, str] = {}
        for number, name, ended, how in _EVENT.findall(self.world.plane.log("qmail-send")):
            if name:
                running[number] = name
            elif ended in running:
                found[running.pop(ended)] = how
        return found

    def mend(self) -> None:
        """Who was in trouble. That there is nothing may be remembered for a minute: so both, an exchanger and an address."""
        waiting = {name for name, _, outcome in self._domains if outcome == LATER}
        for name, entry in self.dns.zone.items():
            if name in waiting or entry in (SERVFAIL, REFUSED, GARBAGE, SILENCE):
                self.dns.zone[name] = {**MX, **HOST}
        self.dns.zone["refusing.test"] = HOST

    def check(self) -> None:
        """Each message once; then the name servers are mended."""
        self.world.send(len(self._domains))
        self.world.until(lambda: len(self.outcomes()) == len(self._domains), "deliveries do not end", PATIENCE_S)
        wrong = {name: self.outcomes()[name] for name, _, outcome in self._domains if self.outcomes()[name] != outcome}
        assert not wrong, f"of the wrong class: {wrong}"
        self.mend()
        self.world.plane.drain(PATIENCE_S)
        found = self.world.audit()
        assert found.is_good and not found.duplicates, found


@contextmanager
def names(domains: list[tuple[str, Entry, str]], broken: str = "") -> Iterator[Names]:
    with faults_plane.folder() as path:
        found = Names(domains, path, broken)
        with found.dns, found.world:
            yield found


def test_r16_name_servers_in_trouble() -> None:
    with names(DOMAINS) as found:
        found.check()


@pytest.mark.crash
def test_r16_who_takes_trouble_for_absence_is_caught(table: Table) -> None:
    with (
        names(DOMAINS, "trouble with names is their absence") as found,
        pytest.raises(AssertionError, match="of the wrong class") as caught,
    ):
        found.check()
    table.self_test(
        "R16", "a resolver that takes trouble for absence", str(caught.value).count("failure") and "messages that fail for good"
    )


@pytest.mark.crash
def test_r16_full(table: Table) -> None:
    with names([*DOMAINS, *SLOW]) as found:
        found.check()
        sent = len(DOMAINS) + len(SLOW)
        enter(table, "R16", f"mail for {sent} domains whose name servers fail in {sent} ways, then mended", found.world.audit())


@pytest.mark.crash
def test_r16_full_under_load(table: Table) -> None:
    """All of them again and again, while local mail goes on."""
    with names(DOMAINS) as found:
        told = found.world.suffer(lambda: None, found.mend, lasts_s=10)
        enter(table, "R16", "10 s of mail for such domains, probes meanwhile", told)
        assert told.is_good, str(told)
