"""R11: thousands of connections that do nothing, and hundreds that do next to nothing, with and without TLS. A client who comes fresh is
served at once, memory and descriptors stay within their limits and come back, and whoever is too many is told so."""

from __future__ import annotations

import os
import resource
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.crash import faults_plane
from tests.pressure.census import Use, own_address
from tests.pressure.crowd import Crowd
from tests.pressure.plane import PressurePlane
from tests.pressure.probe import Probe
from tests.pressure.results import Results
from tests.support.process import eventually
from tests.support.smtp_client import Dialog

IDLE = int(os.environ.get("PRESSURE_IDLE", "2000"))
DRIP = int(os.environ.get("PRESSURE_DRIP", "200"))
POP_LIMIT = 1000  # concurrencypop3, as shipped
MEMORY_MIB = 300.0
BANNER_S = 1.0
TOO_MANY = "421 too many connections, please come back later (#4.3.2)"
TOO_MANY_OF_YOURS = "421 too many connections from your address, please come back later (#4.7.0)"
POP_TOO_MANY = "-ERR [SYS/TEMP] too many connections, please come back later"
KINDS = {"plain": "SMTP", "starttls": "SMTP", "tls": "SMTPS", "pop3": "POP3", "pop3s": "POP3S"}
SERVERS = {"SMTP": "smtpd", "SMTPS": "submission", "POP3": "pop3d", "POP3S": "pop3d"}

pytestmark = [pytest.mark.slow, pytest.mark.skipif(faults_plane.why_not() is not None, reason=str(faults_plane.why_not()))]


@pytest.fixture(scope="module")
def plane() -> Iterator[PressurePlane]:
    with faults_plane.folder() as folder, PressurePlane(folder / "q", sink_port=9) as found:
        post(found)  # connections between our own processes are made with the first message
        yield found


def gather(plane: PressurePlane, kind: str, idle: int, drip: int, drip_s: float, looks: int) -> tuple[dict[str, object], Use, Use, Probe]:
    """One crowd comes, stays for so many looks of a fresh client, and goes -> (row, all processes with it, the server with it, probe)."""
    port = plane.ports[KINDS[kind]]
    word = "CAPA" if kind.startswith("pop") else "EHLO"
    before = plane.uses()
    with (
        Probe(port, every_s=0.1, word=word, is_tls=kind in ("tls", "pop3s")) as probe,
        Crowd(port, kind, idle=idle, drip=drip, drip_s=drip_s) as crowd,
    ):
        assert (crowd.opened, crowd.refused) == (idle + drip, Counter())
        seen = len(probe.looks)
        eventually(lambda: len(probe.looks) >= seen + looks, "nobody is served any more")
        post(plane)
        uses = plane.uses()
        server = SERVERS[KINDS[kind]]
    plane.settled(before, f"after {kind}")
    row: dict[str, object] = {"server": server, "kind": kind, "idle": idle, "drip": drip, "came in s": crowd.seconds, **probe.row()}
    row |= {f"{server} MiB": uses[server].mib, "descriptors": uses[server].descriptors, "all MiB": uses["all"].mib}
    return row, uses["all"], uses[server], probe


def post(plane: PressurePlane) -> None:
    """A message for joe goes all the way, whoever else is there."""
    plane.empty()
    with Dialog(plane.smtp_port) as d:
        for line in ("MAIL FROM:<ada@far.example>", "RCPT TO:<joe@example.org>", "DATA"):
            d.say(line)
        assert d.say("Subject: hello\r\n\r\nhello\r\n.").startswith("250 ok")
    plane.drain()
    assert len(plane.stored()) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_r11_a_small_crowd(plane: PressurePlane, kind: str) -> None:
    alive = plane.living()
    _, _, _, probe = gather(plane, kind, idle=60, drip=20, drip_s=0.2, looks=2)
    assert probe.failed == 0
    assert plane.waiting() == set(), "a message that was never ended is none"
    assert plane.harm(alive) == []


@pytest.mark.pressure
@pytest.mark.parametrize("kind", KINDS)
def test_r11_a_crowd(plane: PressurePlane, results: Results, kind: str) -> None:
    alive = plane.living()
    share = POP_LIMIT / (IDLE + DRIP) if kind.startswith("pop") else 1.0  # ... with room for those who look in
    idle, drip = int(IDLE * min(share, 1) * 0.95), int(DRIP * min(share, 1) * 0.95)
    if not kind.startswith("pop"):
        idle, drip = IDLE, DRIP
    gather(plane, kind, idle, drip, drip_s=10, looks=2)  # what memory it takes the first time stays for the next
    row, everything, server, probe = gather(plane, kind, idle, drip, drip_s=10, looks=100)
    after = plane.uses()
    gather(plane, kind, idle, drip, drip_s=10, looks=2)
    again = plane.uses()
    name = SERVERS[KINDS[kind]]
    row |= {f"{name} afterwards MiB": after[name].mib, "once more MiB": again[name].mib}
    row = {key.replace(f"{name} ", "server ") if key.endswith("MiB") else key: value for key, value in row.items()}
    results.row("crowd", row)
    assert probe.failed == 0 and probe.slowest_banner_s < BANNER_S
    assert everything.mib < MEMORY_MIB and server.mib < MEMORY_MIB
    assert again[name].pss_kb <= after[name].pss_kb * 1.05, "each crowd leaves something behind"
    assert plane.waiting() == set() and plane.harm(alive) == []


# -- limits ------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def limited(plane: PressurePlane) -> Iterator[PressurePlane]:
    yield plane
    for name in ("concurrencyincoming", "concurrencypop3", "maxconnip"):
        (plane.home / "control" / name).unlink(missing_ok=True)


LIMITS = [
    ("all processes of smtpd together", "plain", "concurrencyincoming", TOO_MANY, ""),
    ("inside TLS", "starttls", "concurrencyincoming", TOO_MANY, ""),
    ("TLS from the first byte", "tls", "concurrencyincoming", TOO_MANY, ""),
    ("POP3", "pop3", "concurrencypop3", POP_TOO_MANY, ""),
    ("POP3 inside TLS: closed without a word", "pop3s", "concurrencypop3", "", ""),
    ("one address", "plain", "maxconnip", TOO_MANY_OF_YOURS, "own"),
    ("one address, TLS from the first byte", "tls", "maxconnip", TOO_MANY_OF_YOURS, "own"),
    ("one address, POP3", "pop3", "maxconnip", POP_TOO_MANY, "own"),
    ("this machine itself is exempt", "plain", "maxconnip", None, ""),
]


@pytest.mark.parametrize(("why", "kind", "control", "words", "source"), LIMITS, ids=[row[0] for row in LIMITS])
def test_whoever_is_too_many_is_told_so(
    limited: PressurePlane, results: Results, why: str, kind: str, control: str, words: str | None, source: str
) -> None:
    source = own_address() if source else ""
    if control == "maxconnip" and words is not None and not source:
        pytest.skip("the machine has no address but loopback's, which is exempt")
    alive = limited.living()
    before = limited.uses()
    limited.control(control, "20")
    port = limited.ports[KINDS[kind]]
    with Crowd(port, kind, idle=30, source=source) as crowd:
        assert crowd.refused == (Counter({words: 10}) if words is not None else Counter())
        if source:  # others are not concerned
            with Crowd(port, kind, idle=5) as others:
                assert others.opened == 5
    limited.settled(before, "after the limit")
    with Crowd(port, kind, idle=20, source=source) as crowd:
        assert (crowd.opened, crowd.refused) == (20, Counter()), "there is room again"
    limited.settled(before, "after the limit")
    assert limited.harm(alive) == []
    results.row(
        "limits",
        {"limit": f"{control} 20", "of": why, "came": 30, "admitted": 20 if words is not None else 30, "the others heard": words or "-"},
    )


def test_descriptors_that_run_out_are_a_limit_like_the_others(results: Results) -> None:
    """A hard limit below concurrencyincoming: the servers take as many as they can serve."""
    with faults_plane.folder() as folder:
        plane = PressurePlane(folder / "q", sink_port=9)
        plane.limits = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
        with plane:
            post(plane)
            alive, before = plane.living(), plane.uses()
            for kind, words in (("plain", TOO_MANY), ("tls", ""), ("pop3", POP_TOO_MANY)):  # a handshake would take a descriptor, too
                with Crowd(plane.ports[KINDS[kind]], kind, idle=400) as crowd:
                    assert crowd.opened > 30
                    assert set(crowd.refused) == {words}
                plane.settled(before, f"after {kind}")
                results.row(
                    "limits",
                    {
                        "limit": "128 descriptors",
                        "of": kind,
                        "came": 400,
                        "admitted": crowd.opened,
                        "the others heard": words or "-",
                    },
                )
            post(plane)
            assert plane.harm(alive) == []
