"""A first quarter of an hour in Debian's Chromium: a domain and a mailbox are made, a message comes in, is read, answered and explained."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.conftest import World
from tests.end_to_end.test_mail import swaks
from tests.support.process import eventually

CHROMIUM = Path("/usr/bin/chromium")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: the browser tests are left out")
pytestmark = pytest.mark.skipif(
    not CHROMIUM.exists(), reason="no /usr/bin/chromium: the browser tests are left out (apt-get install chromium)"
)

DOMAIN, PASSWORD = "browser.example", "made-in-a-browser-7"
FAR_SENDER = "Grace Hopper <grace@far.example>"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as p:
        opened = p.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"])
        yield opened
        opened.close()


@pytest.fixture
def new_page(browser: Any, world: World) -> Iterator[Any]:
    """-> a page of a browser that knows nothing yet; complaints in its console fail the test."""
    complaints: list[str] = []
    contexts = []

    def make() -> Any:
        contexts.append(browser.new_context(base_url=world.a.url))
        page = contexts[-1].new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        return page

    yield make
    for context in contexts:
        context.close()
    assert complaints == []


def log_in(page: Any, start: str, name: str, password: str) -> None:
    page.goto(start)
    page.fill("[name=name]", name)
    page.fill("[name=password]", password)
    page.get_by_role("button", name="Log in").click()


def test_a_domain_a_mailbox_a_message_and_its_answer(world: World, new_page: Any) -> None:
    admin = new_page()
    log_in(admin, "/", world.a.operator, world.a.password)
    add_domain_and_mailbox(admin)

    sent = swaks(world, "--from", "grace@far.example", "--to", f"ada@{DOMAIN}", "--h-From", FAR_SENDER, "--header", "Subject: Nanoseconds")
    assert sent.returncode == 0, sent.stdout

    reader = new_page()
    read_and_answer(reader)
    eventually(lambda: any(b"Subject: Re: Nanoseconds" in m.data for m in world.far.messages), "the answer never came: " + world.a.logs())
    answer = next(m for m in world.far.messages if b"Subject: Re: Nanoseconds" in m.data)
    assert answer.recipients == [b"<grace@far.example>"] and f"<ada@{DOMAIN}>".encode() in answer.sender
    assert b"A foot of wire, please." in answer.data and b"\r\nIn-Reply-To: <" in answer.data

    explained(admin)
    its_log(admin, world)


def add_domain_and_mailbox(page: Any) -> None:
    page.get_by_role("link", name="Domains").first.click()
    page.get_by_role("link", name="Add a domain").first.click()
    page.get_by_label("Name of the domain").fill(DOMAIN)
    page.get_by_role("button", name="Add the domain").click()
    page.get_by_role("heading", name=DOMAIN).wait_for()
    page.goto(f"/domains/{DOMAIN}/add-mailbox")
    page.get_by_label("Name", exact=True).fill("ada")
    page.locator("summary:has-text('Password')").click() if page.locator("[name=password]").is_hidden() else None
    page.fill("[name=password]", PASSWORD)
    page.get_by_role("button", name="Add the mailbox").click()
    page.get_by_text(f"ada@{DOMAIN}").first.wait_for()


def read_and_answer(page: Any) -> None:
    log_in(page, "/mail/", f"ada@{DOMAIN}", PASSWORD)
    for _ in range(50):
        link = page.get_by_role("link", name=re.compile("Nanoseconds"))
        if link.count():
            break
        page.wait_for_timeout(200)
        page.reload()
    link.first.click()
    page.get_by_role("heading", name="Nanoseconds").wait_for()
    page.get_by_role("link", name="Reply", exact=True).first.click()
    body = page.locator("textarea[name=body]")
    body.wait_for()
    assert "Grace Hopper" in page.input_value("[name=to]") and page.input_value("[name=subject]") == "Re: Nanoseconds"
    body.press("Control+Home")
    body.type("A foot of wire, please.\n")
    page.get_by_role("button", name="Send", exact=True).click()
    page.get_by_text(re.compile("sent", re.I)).first.wait_for()
    page.goto("/mail/f/Sent/")
    page.get_by_text("Re: Nanoseconds").first.wait_for()


def explained(page: Any) -> None:
    page.goto(f"/explain?address=ada@{DOMAIN}")
    said = page.locator("main").inner_text()
    assert "control/virtualdomains" in said and f"{DOMAIN}/ada/Maildir" in said


def its_log(page: Any, world: World) -> None:
    """The log search finds the message once it was analysed."""
    world.a.manage("analyse_logs")
    page.goto(f"/logs?recipient=ada@{DOMAIN}")
    said = page.locator("main").inner_text()
    assert "grace@far.example" in said, said
