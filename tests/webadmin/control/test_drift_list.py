"""Files that somebody edited on the machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.browser import Browser
from tests.support.instance import Instance
from tests.webadmin.town import domain_row
from webadmin.control import drift_views
from webadmin.models import Domain

URL = "/control/drift"


def test_all_is_well(web: Browser, org: Domain) -> None:
    page = web.page(URL)
    assert "The files are as the database has them" in page.text
    assert "control/, users/ and 1 domain were compared." in page.text


def test_each_difference_is_shown_with_both_ways_out(web: Browser, org: Domain, instance: Instance) -> None:
    (instance.home / "control/databytes").write_bytes(b"1000\n")
    (instance.home / "domains/example.org/.qmail-new").write_bytes(b"&x@example.net\n")
    (instance.home / "domains/example.org/.qmail-default").unlink()
    page = web.page(URL)
    assert [" ".join(t.text.split()) for t in page.all("h3")] == [
        "control/databytes only on the disk",
        "domains/example.org/.qmail-default gone from the disk",
        "domains/example.org/.qmail-new only on the disk",
    ]
    assert {t.get("action") for t in page.all("form") if t.inside("main")} == {
        f"{URL}/{scope}/{act}" for scope in ("control", "example.org") for act in ("adopt", "overwrite")
    }


def test_no_password_is_shown(web: Browser, org: Domain, instance: Instance) -> None:
    path = instance.home / "domains/example.org/vpasswd"
    path.write_bytes(path.read_bytes().replace(b"$6$", b"$6$other"))
    page = web.page(URL)
    assert "joe:(password " in page.text and "$6$" not in page.source


def test_no_password_of_a_relay_is_shown_nor_is_it_hidden_that_it_changed(web: Browser, org: Domain, instance: Instance) -> None:
    path = instance.home / "control/smtproutes"
    path.write_bytes(b":relay.example|joe|first\n")
    page = web.page(URL)
    assert "+:relay.example|joe|(password)" in page.text and "first" not in page.source
    web.done(f"{URL}/control/adopt")
    path.write_bytes(b":relay.example|joe|second\n")
    page = web.page(URL)
    assert "only a password is another" in page.text and "second" not in page.source


def test_a_domain_whose_directory_is_gone_does_not_hide_the_others(web: Browser, org: Domain, instance: Instance) -> None:
    domain_row("aaa.example", directory=f"{instance.home}/domains/aaa.example")
    assert "domains/aaa.example cannot be read" in web.page(URL).text


def test_many_domains_are_compared_some_at_a_time(web: Browser, org: Domain, instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift_views, "DOMAINS_MAX", 1)
    domain_row("zzz.example", directory=f"{instance.home}/domains/zzz.example")
    first = web.page(URL)
    assert "1 of 2 domains were compared." in first.text
    (url,) = [t.get("hx-get") for t in first.tags if t.get("hx-trigger") == "revealed"]
    assert "zzz.example" in web.piece(url).text


def test_without_the_installer_it_says_what_to_do(web: Browser, home: Path) -> None:
    assert "The installer does not answer" in web.page(URL, 503).text
