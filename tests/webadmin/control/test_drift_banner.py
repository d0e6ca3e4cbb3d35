"""The piece of a page that tells of files edited on the machine."""

from __future__ import annotations

from pathlib import Path

from tests.support.browser import Browser
from tests.support.instance import Instance
from webadmin.models import Domain


def test_it_is_silent_until_something_is_different(web: Browser, org: Domain, instance: Instance) -> None:
    for scope in ("control", "example.org"):
        assert web.piece(f"/control/drift/{scope}").source.strip() == ""
    (instance.home / "control/databytes").write_bytes(b"1000\n")
    page = web.piece("/control/drift/control")
    assert "1 file of control/ and users/ is not as the database has it" in page.text
    assert page.links() == ["/control/drift"]
    assert web.piece("/control/drift/example.org").source.strip() == "", "each page hears of its own files"
    (instance.home / "domains/example.org/.qmail-new").write_bytes(b"&x@example.net\n")
    assert "1 file of this domain is not as the database has it" in web.piece("/control/drift/example.org").text


def test_the_pages_ask_for_it_when_they_are_shown(web: Browser, org: Domain) -> None:
    for url, scope in (("/control", "control"), ("/domains/example.org/aliases", "example.org")):
        assert f"/control/drift/{scope}" in [t.get("hx-get") for t in web.page(url).tags]


def test_when_nobody_can_tell_it_is_silent(web: Browser, home: Path) -> None:
    assert web.piece("/control/drift/control").source.strip() == ""


def test_a_domain_that_is_not_here_is_not_found(web: Browser, home: Path) -> None:
    web.piece("/control/drift/gone.example", 404)
