"""One appliance for most end-to-end tests: starting it is the slowest part of them. The walks p01 to p09 have a machine each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import appliance, machine, unprivileged
from tests.support.appliance import Appliance
from tests.support.dns_server import DnsServer, Entry
from tests.support.machine import Machine
from tests.support.process import free_port
from tests.support.smtp_sink import SmtpSink


@dataclass
class World:
    """The appliance, the name server it asks, and a mail server somewhere else."""

    a: Appliance
    dns: DnsServer
    far: SmtpSink


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    reason = appliance.why_not()
    if reason:
        pytest.skip(reason)
    with SmtpSink(ip="127.0.0.2") as far:
        zone: dict[str, Entry] = {"far.example": {"MX": ["10 mx.far.example."]}, "mx.far.example": {"A": ["127.0.0.2"]}}
        with DnsServer(zone) as dns, Appliance(dnscacheip=dns.dnscacheip.decode()) as a:
            # by MX, and by a route that needs none; on the port of the sink, for 25 is not for tests
            (a.home / "control/smtproutes").write_text(f"far.example::{far.port}\nrouted.example:127.0.0.2:{far.port}\n")
            yield World(a, dns, far)


@dataclass
class Heaven:
    """heaven.example.org, where joe and fred have accounts, and what it knows of the world."""

    m: Machine
    joe: Path
    fred: Path
    dns: DnsServer


@pytest.fixture
def heaven() -> Iterator[Heaven]:
    reason = machine.why_not()
    if reason:
        pytest.skip(reason)
    with (
        unprivileged.folder() as folder,
        DnsServer({}) as dns,
        Machine(folder, "heaven.example.org", dnscacheip=dns.dnscacheip.decode(), smtp=free_port()) as m,
    ):
        yield Heaven(m, m.user("joe"), m.user("fred"), dns)
