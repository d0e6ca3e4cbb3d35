"""A machine with joe and sue for pages about mail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.recipes.page import Page
from tests.support import machine, unprivileged
from tests.support.dns_server import SERVFAIL, DnsServer, Entry
from tests.support.machine import Machine
from tests.support.process import free_port


@dataclass
class World:
    """mail.example.org, whose folder holds whatever else a page needs; running ends what a page has started."""

    m: Machine
    dns: DnsServer
    running: ExitStack

    @property
    def folder(self) -> Path:
        return self.m.folder

    def page(self, name: str) -> Page:
        return Page(name, self.folder, self.m)


@pytest.fixture
def world() -> Iterator[World]:
    """Nothing runs yet: m.start(...)."""
    reason = machine.why_not()
    if reason:
        pytest.skip(reason)
    far: dict[str, Entry] = {"elsewhere.example": SERVFAIL, "far.example": SERVFAIL}  # tried later
    with (
        unprivileged.folder() as folder,
        DnsServer(far) as dns,
        Machine(folder, "mail.example.org", dnscacheip=dns.dnscacheip.decode(), smtp=free_port()) as m,
        ExitStack() as running,
    ):
        m.control(locals="example.org\nmail.example.org", rcpthosts="example.org\nmail.example.org", defaulthost="example.org")
        for name in ("joe", "sue"):
            m.user(name)
        yield World(m, dns, running)
