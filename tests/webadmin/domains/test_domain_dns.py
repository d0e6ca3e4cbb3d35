"""What a domain's owner should publish."""

from __future__ import annotations

import dns.rdata
import dns.zone
import pytest

from tests.support.browser import Browser
from tests.webadmin.town import domain_row
from webadmin.models import ConfigFile

URL = "/domains/example.org/dns"
pytestmark = pytest.mark.django_db


def test_the_lines_can_stand_in_a_zone_as_they_are(web: Browser) -> None:
    domain_row()
    ConfigFile.objects.create(folder="control", name="me", value=b"mx.host.example\n", changed_by="ada")
    lines = [tag.text for tag in web.page(URL).all("pre")]
    zone = dns.zone.from_text("\n".join(lines), "example.org.", check_origin=False)
    assert zone.get_rdataset("@", "MX").to_text().endswith("MX 10 mx.host.example.")  # type: ignore[union-attr]
    assert zone.get_rdataset("@", "TXT").to_text().endswith('"v=spf1 mx ~all"')  # type: ignore[union-attr]
    assert zone.get_rdataset("_submissions._tcp", "SRV").to_text().endswith("0 1 465 mx.host.example.")  # type: ignore[union-attr]


def test_each_line_can_be_copied(web: Browser) -> None:
    domain_row()
    ConfigFile.objects.create(folder="control", name="me", value=b"mx.host.example\n", changed_by="ada")
    page = web.page(URL)
    wanted = [t.get("data-copy-from") for t in page.all("button") if t.get("data-copy-from")]
    assert wanted == [t.get("id") for t in page.all("pre")] and len(wanted) == 5


def test_without_a_name_of_the_server_it_says_where_to_write_it(web: Browser) -> None:
    domain_row()
    page = web.page(URL)
    assert "This server has no name yet" in page.text
    assert "/control/file/control/me" in page.links()
    assert page.all("pre") == []
