"""The webmail as a person uses it, in a real browser: with script, and without."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer

from tests.support.queue_program import QueueProgram
from tests.webadmin.webmail.conftest import PLAIN, Box
from tests.webadmin.webmail.test_message import RICH

CHROMIUM = Path("/usr/bin/chromium")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: the browser tests are left out")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="no /usr/bin/chromium: the browser tests are left out (apt-get install chromium)"),
]

Enter = Callable[..., Any]


@pytest.fixture
def server(role: None, transactional_db: None) -> Iterator[str]:
    """A server with the settings of this test. (pytest-django's fixture would have those of the first test that asks for one.)"""
    running = LiveServer("localhost")
    yield running.url
    running.stop()


@pytest.fixture
def enter_browser(server: str, box: Box, passwords: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Enter]:
    """A page on which Cy has logged in; complaints of the browser fail the test."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # playwright keeps an event loop in this thread
    complaints: list[str] = []
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )

        def enter_(**options: Any) -> Any:
            page = browser.new_context(base_url=server, **options).new_page()
            page.set_default_timeout(20_000)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
            page.goto("/mail/")
            page.fill("[name=name]", "cy@example.org")
            page.fill("[name=password]", "secret")
            page.click("button[type=submit]")
            page.wait_for_selector(".mail-head")
            return page

        yield enter_
        browser.close()
    # an answer that says what is wrong with a form is no complaint
    assert [c for c in complaints if "422" not in c and "401" not in c] == []


def test_reading_and_answering(enter_browser: Enter, box: Box, queue: QueueProgram) -> None:
    box.put(RICH, flags="")
    box.put(PLAIN, is_new=True)
    page = enter_browser(viewport={"width": 1300, "height": 900})
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    frame = page.frame_locator("iframe.mail-frame")
    frame.get_by_text("rich words").wait_for()
    assert frame.locator("img").first.evaluate("e => e.src.startsWith('data:image/png')")
    page.keyboard.press("r")
    page.wait_for_selector(".mail-write")
    assert page.input_value("[name=to]") == "Ada <ada@example.org>"
    page.set_input_files("[name=attachments]", [{"name": "größe.txt", "mimeType": "text/plain", "buffer": b"hello"}])
    page.get_by_text("größe.txt").wait_for()
    assert page.input_value("[name=attachments]") == ""
    assert len(box.messages(".Drafts")) == 1
    page.fill("[name=body]", "My answer\n")
    page.keyboard.press("Control+Enter")
    page.get_by_text("Your message is on its way.").wait_for()
    ((message, envelope),) = queue.queued()
    assert envelope == b"Fcy@example.org\0Tada@example.org\0\0"
    assert b"My answer" in message
    assert b"filename*=utf-8''gr%C3%B6%C3%9Fe.txt" in message
    assert box.names(".Drafts") == []
    assert box.flags() == ["RS", ""]


def test_the_draft_saves_itself(enter_browser: Enter, box: Box) -> None:
    page = enter_browser(viewport={"width": 1300, "height": 900})
    page.keyboard.press("c")
    page.wait_for_selector(".mail-write")
    page.fill("[name=subject]", "Half a thought")
    page.get_by_text("Saved as a draft at").wait_for()
    assert b"Half a thought" in box.messages(".Drafts")[0]
    page.press("[name=subject]", "Enter")  # neither sends nor leaves the page
    assert page.url.endswith("/mail/compose")


def test_selecting_deleting_and_taking_back(enter_browser: Enter, box: Box) -> None:
    for n in range(3):
        box.put(PLAIN.replace(b"Hello", b"S%d" % n), flags="S")
    page = enter_browser(viewport={"width": 1300, "height": 900})
    page.check("[data-select-all]")
    assert page.locator("tr.is-chosen").count() == 3
    page.locator("[name=key]").nth(0).uncheck()
    page.click("[name=act][value=delete]")
    page.get_by_text("2 messages moved to").wait_for()
    assert (len(box.names()), len(box.names(".Trash"))) == (1, 2)
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("2 messages moved back.").wait_for()
    assert (len(box.names()), len(box.names(".Trash"))) == (3, 0)
    page.locator(".mail-star button").first.click()
    page.wait_for_selector("tr.is-flagged")
    assert box.flags()[-1] == "FS"


def test_what_was_written_survives_the_end_of_the_session(enter_browser: Enter, box: Box, queue: QueueProgram) -> None:
    page = enter_browser(viewport={"width": 1300, "height": 900})
    page.goto("/mail/compose?to=bo@example.net")
    page.fill("[name=body]", "A long letter")
    cookies = page.context.cookies()
    page.context.clear_cookies()
    page.context.add_cookies([c for c in cookies if "session" not in c["name"]])
    page.click("[value=send]:visible")
    page.get_by_text("Your session is over").first.wait_for()
    assert page.input_value("[name=body]") == "A long letter"
    page.context.add_cookies(cookies)  # as if one had logged in elsewhere
    page.get_by_role("button", name="Try again").click()
    page.get_by_text("Your message is on its way.").wait_for()
    assert len(queue.queued()) == 1


PAGES = (
    "/mail/f/INBOX/",
    "/mail/f/INBOX/?show=unread",
    "/mail/f/Trash/",
    "/mail/compose",
    "/mail/preferences",
    "/mail/folders",
    "/mail/keys",
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_a_phone(enter_browser: Enter, box: Box, scheme: str) -> None:
    long = b"x" * 300
    keys = [
        box.put(
            b'From: "%b" <%b@example.org>\nTo: %b@example.org\nSubject: %b\n\n%b\n' % (long, long[:60], long[:60], long, long), flags="S"
        ),
        box.put(RICH, flags="S"),
    ]
    box.make(".A folder whose name nobody will ever want to read to its very end")
    page = enter_browser(viewport={"width": 360, "height": 740}, color_scheme=scheme)
    for url in (*PAGES, *(f"/mail/f/INBOX/{key}/{query}" for key in keys for query in ("", "?headers=all", "source"))):
        page.goto(url)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, url


def test_it_works_without_script(enter_browser: Enter, box: Box, queue: QueueProgram) -> None:
    box.put(PLAIN, flags="")
    page = enter_browser(java_script_enabled=False, viewport={"width": 1300, "height": 900})
    page.check("[name=key]")
    page.click("[name=act][value=flag]")
    assert box.flags() == ["F"]
    page.click(".mail-subject a")
    page.get_by_text("Dear Cy").wait_for()
    page.get_by_role("link", name="Reply", exact=True).click()
    page.set_input_files("[name=attachments]", [{"name": "a.txt", "mimeType": "text/plain", "buffer": b"hello"}])
    page.get_by_role("button", name="Save draft").click()
    page.get_by_text("The draft is saved.").wait_for()
    page.click(".mail-subject a")
    page.get_by_role("button", name="Send").click()
    page.get_by_text("Your message is on its way.").wait_for()
    assert b"aGVsbG8=" in queue.queued()[0][0]
    assert box.flags() == ["FRS"]
    page.get_by_role("button", name="Log out").click()
    page.wait_for_selector("[name=password]")
