"""After how many days old mail goes."""

from __future__ import annotations

import pytest

from mta.formats import stale_policy
from tests.support.browser import Browser
from tests.support.instance import Instance
from webadmin.models import AuditRow, Domain

URL = "/domains/example.org/old-mail"
FILE = "domains/example.org/.stale-mail"


def test_the_policy_is_a_file_of_the_domain(web: Browser, org: Domain, instance: Instance) -> None:
    page = web.done(URL, {"unread": "365", "read": "", "trash": "7"}, to=URL)
    assert "What happens to old mail of example.org was saved." in page.text
    assert stale_policy.read(instance.read(FILE) or b"") == stale_policy.StalePolicy(365, None, 7)
    assert [page.value(name) for name in ("unread", "read", "trash")] == ["365", "", "7"]
    row = AuditRow.objects.get()
    assert (row.before, row.after) == ({"unread": None, "read": None, "trash": None}, {"unread": 365, "read": None, "trash": 7})


def test_only_a_domain_with_a_policy_can_be_looked_through(web: Browser, org: Domain, instance: Instance) -> None:
    def can_list() -> bool:
        return "/tasks/stale_cleanup/start" in [t.get("action") for t in web.page(URL).all("form")]

    assert not can_list()
    web.done(URL, {"trash": "7"})
    assert can_list()
    web.done(URL, {})
    assert not can_list()
    assert instance.read(FILE) is None


@pytest.mark.parametrize(("why", "days"), [("at once", "0"), ("in the past", "-1"), ("for ever", "999999"), ("no number", "a week")])
def test_what_is_no_number_of_days_is_said_beside_it(web: Browser, org: Domain, instance: Instance, why: str, days: str) -> None:
    page = web.send(URL, {"unread": "30", "read": days})
    assert page.error("read"), why
    assert (page.value("unread"), page.value("read")) == ("30", days)
    assert instance.read(FILE) is None


def test_a_stranger_has_no_mail_deleted(dee: Browser, org: Domain, instance: Instance) -> None:
    assert dee.post(URL, {"unread": "1"})["Location"] == "/login"
    assert instance.read(FILE) is None
