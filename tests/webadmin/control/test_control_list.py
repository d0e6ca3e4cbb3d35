"""The control files: what each is for, and what it says or what holds without it."""

from __future__ import annotations

import pytest

from tests.support.browser import Browser, Page
from webadmin.models import ConfigFile

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def files(db: None) -> None:
    for name, value in {
        "me": b"mail.example.org\n",
        "rcpthosts": b"# ours\nexample.org\nexample.net\n",
        "concurrencyremote": b"50\n",
        "my-own": b"x\n",
    }.items():
        ConfigFile.objects.create(folder="control", name=name, value=value, changed_by="bo")


def rows(page: Page) -> dict[str, str]:
    found = [" ".join(tag.text.split()).partition(" ") for tag in page.all("tr")[1:]]
    return {name: rest for name, _, rest in found}


def test_it_says_what_holds_whether_there_is_a_file_or_not(web: Browser) -> None:
    found = rows(web.page("/control"))
    assert found["rcpthosts"].startswith("example.org and 1 more ")
    assert found["concurrencyremote"].startswith("50 deliveries ") and "by bo" in found["concurrencyremote"]
    assert found["helohost"].startswith("mail.example.org default "), "control/me stands in"
    assert found["concurrencylocal"].startswith("10 deliveries default ")
    assert "A file of your own: none of our programs reads it." in found["my-own"]


@pytest.mark.parametrize(
    ("why", "query", "there", "missing"),
    [
        ("a name", "search=RCPT", "rcpthosts", "me"),
        ("any line of it", "search=Example.net", "rcpthosts", "me"),
        ("words of the meaning", "search=same+time+other", "concurrencyremote", "me"),
        ("those that are there", "only=set", "me", "helohost"),
        ("those at their default", "only=default", "helohost", "me"),
    ],
)
def test_a_file_is_found_by(web: Browser, why: str, query: str, there: str, missing: str) -> None:
    found = rows(web.piece(f"/control?{query}"))
    assert there in found and missing not in found, why


def test_nothing_like_it(web: Browser) -> None:
    assert "No control file is like this" in web.page("/control?search=xyzzy").text


def test_a_file_of_ones_own_is_opened_by_its_name(web: Browser) -> None:
    assert web.post("/control", {"name": "my-other.file"})["Location"] == "/control/file/control/my-other.file"
    page = web.send("/control", {"name": "../me"})
    assert "Use letters, digits, dots, hyphens and underscores" in page.error("name")
    assert page.value("name") == "../me"
