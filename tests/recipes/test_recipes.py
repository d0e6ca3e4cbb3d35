"""The pages of docs/recipes about TCP servers do what they say."""

from __future__ import annotations

import poplib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.recipes.page import Page, supervised
from tests.support import bin_dir, unprivileged
from tests.support.dns_server import DnsServer
from tests.support.mail_site import Site, hashed

PROGRAMS = (
    *("checkpassword", "envdir", "envuidgid", "mconnect", "mconnect-io", "multilog", "qmail-pop3d", "qmail-popup", "qmail-smtpd"),
    *("rblsmtpd", "relay-ctrl-age", "relay-ctrl-allow", "relay-ctrl-chdir", "relay-ctrl-check", "setlock", "setuidgid", "softlimit"),
    *("supervise", "svc", "svscan", "svstat", "tai64nlocal", "tcpclient", "tcprules", "tcprulescheck", "tcpserver"),
)
BLOCKED = {"2.0.0.127.bl.example.net": {"TXT": ['"see http://bl.example.net/"']}}


@pytest.fixture
def folder() -> Iterator[Path]:
    with unprivileged.folder() as found:
        yield found


@pytest.fixture
def site(folder: Path) -> Site:
    (folder / "qmail").mkdir()
    found = Site(folder / "qmail")
    found.control(rcpthosts="example.org")
    bin_dir.install(found.home, *PROGRAMS)
    return found


@pytest.fixture
def running(folder: Path) -> Iterator[ExitStack]:
    """What has to end before the folder goes."""
    with ExitStack() as stack:
        yield stack


def test_smtp_under_tcpserver(site: Site, folder: Path, running: ExitStack) -> None:
    page = Page("smtp-under-tcpserver.md", folder)
    page.env["DNSCACHEIP"] = running.enter_context(DnsServer(dict(BLOCKED))).dnscacheip.decode()
    running.enter_context(supervised(page))
    assert page.run() == 11


def test_tcprules(site: Site, folder: Path, running: ExitStack) -> None:
    """With the service of the page before."""
    page = Page("tcprules.md", folder)
    service = Page("smtp-under-tcpserver.md", folder)
    service.places = page.places
    service.text = service.text.partition("Five seconds later")[0]
    page.env["DNSCACHEIP"] = service.env["DNSCACHEIP"] = running.enter_context(DnsServer({})).dnscacheip.decode()
    running.enter_context(supervised(page))
    assert service.run() == 4
    assert page.run() == 13


def test_pop_before_smtp(site: Site, folder: Path, running: ExitStack) -> None:
    site.domain("example.org")
    site.mailbox("joe@example.org", hashed(b"secret"))
    running.enter_context(site.running("login-broker"))
    page = Page("pop-before-smtp.md", folder)

    def pop3(words: list[str]) -> None:
        client = poplib.POP3("127.0.0.1", int(page.ports["110"]), 20)
        client.user(words[0])
        client.pass_(words[1])
        client.quit()

    running.enter_context(supervised(page))
    assert page.run({"pop3": pop3}) == 18


def test_every_recipe_has_a_test_and_a_line() -> None:
    pages = {path.name for path in (ROOT / "docs/recipes").glob("*.md")} - {"README.md"}
    pages |= {f"../examples/{path.name}" for path in (ROOT / "docs/examples").glob("*.md")}
    tests = "".join(path.read_text() for path in (ROOT / "tests/recipes").glob("test_*.py"))
    index = (ROOT / "docs/recipes/README.md").read_text()
    assert [name for name in sorted(pages) if f'"{name}"' not in tests or f"({name})" not in index] == []
