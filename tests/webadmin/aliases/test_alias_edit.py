"""One alias: its addresses, or its file line by line."""

from __future__ import annotations

import pytest

from tests.support.browser import Browser
from tests.support.instance import Instance
from webadmin.access import Actor
from webadmin.aliases.acts import alias_add
from webadmin.models import Domain

URL = "/domains/example.org/aliases/sales:dept"
FILE = "domains/example.org/.qmail-sales:dept"


@pytest.fixture(autouse=True)
def sales(org: Domain, ada: Actor) -> None:
    alias_add(ada, org, "sales.dept", ["joe@example.org", "ann@example.net"])


def lines(body: str, charset: str = "utf-8") -> dict[str, str]:
    return {"form": "lines", "lines-body": body, "lines-charset": charset}


def test_its_addresses_change(web: Browser, instance: Instance) -> None:
    assert web.page(URL).value("targets-targets") == "joe@example.org\nann@example.net"
    page = web.done(URL, {"form": "targets", "targets-targets": "bo@example.net"}, to=URL)
    assert "sales.dept@example.org was saved." in page.text
    assert page.value("targets-targets") == "bo@example.net"
    assert instance.read(FILE) == b"&bo@example.net\n"


def test_whoever_knows_how_writes_any_line(web: Browser, instance: Instance) -> None:
    page = web.done(URL, lines("# by hand\r\n|filter\r\n&joe@example.org\r\n"), to=URL)
    assert instance.read(FILE) == b"# by hand\n|filter\n&joe@example.org\n"
    assert page.value("targets-targets") == "joe@example.org"
    assert "Its file has other lines as well." in page.text and "open" in page.one("details").attributes
    web.done(URL, {"form": "targets", "targets-targets": "bo@example.net"})
    assert instance.read(FILE) == b"# by hand\n|filter\n&bo@example.net\n", "they stay"


def test_octets_that_are_no_utf_8_come_back_as_they_were(web: Browser, instance: Instance) -> None:
    (instance.home / FILE).write_bytes(b"# M\xfcller\n&joe@example.org\n")
    web.done("/control/drift/example.org/adopt")
    page = web.page(URL)
    assert (page.value("lines-body"), page.value("lines-charset")) == ("# Müller\n&joe@example.org\n", "latin-1")
    web.done(URL, lines(page.value("lines-body") + "# ß\n", "latin-1"))
    assert instance.read(FILE) == b"# M\xfcller\n&joe@example.org\n# \xdf\n"
    assert "“€” cannot be saved" in web.send(URL, lines("# €\n", "latin-1")).error("lines-body")


@pytest.mark.parametrize(
    ("why", "data", "field"),
    [
        ("no address", {"form": "targets", "targets-targets": "nobody"}, "targets-targets"),
        ("itself", {"form": "targets", "targets-targets": "sales.dept@example.org"}, "targets-targets"),
        ("its only addresses", {"form": "targets", "targets-targets": ""}, "targets-targets"),
        ("a file that stops mail", lines("\n&joe@example.org\n"), "lines-body"),
    ],
)
def test_what_cannot_be_is_said_beside_it(web: Browser, instance: Instance, why: str, data: dict[str, str], field: str) -> None:
    page = web.send(URL, data)
    assert page.error(field), why
    assert page.value(field) == data[field]
    assert instance.read(FILE) == b"&joe@example.org\n&ann@example.net\n"


def test_a_file_changed_by_hand_meanwhile_is_not_written_over(web: Browser, instance: Instance) -> None:
    (instance.home / FILE).write_bytes(b"&by-hand@example.net\n")
    page = web.send(URL, {"form": "targets", "targets-targets": "bo@example.net"})
    assert "was changed by somebody else" in page.text
    assert page.value("targets-targets") == "bo@example.net"
    assert instance.read(FILE) == b"&by-hand@example.net\n"


def test_an_alias_nobody_has_is_not_found(web: Browser) -> None:
    web.page("/domains/example.org/aliases/nobody", 404)


def test_a_stranger_changes_nothing(dee: Browser, instance: Instance) -> None:
    for data in ({"form": "targets", "targets-targets": "dee@example.net"}, lines("|evil\n")):
        assert dee.post(URL, data)["Location"] == "/login"
    assert instance.read(FILE) == b"&joe@example.org\n&ann@example.net\n"
