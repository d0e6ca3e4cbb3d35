"""A real browser on the real frame: nothing of a message runs, nothing is fetched, nothing leads away; with the policies and without."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.template.loader import render_to_string

from tests.conftest import corpus
from webadmin.webmail import wash
from webadmin.webmail.message_views import FRAME_POLICY

CHROMIUM = Path("/usr/bin/chromium")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: the browser tests are left out")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="no /usr/bin/chromium: the browser tests are left out (apt-get install chromium)"),
]

# What a payload would do to be noticed; the frames have no scripts of their own, so any call is the payload's.
TRAP = """
window.executed = [];
for (const name of ["alert", "confirm", "prompt", "print"]) window[name] = (...a) => { window.executed.push(name); };
"""
# Synthetic events on every element, as a reader might cause them.
PROVOKE = """() => {
  const kinds = ["click", "mouseover", "mousemove", "focus", "focusin", "load", "error", "toggle", "pointerover", "keydown", "input",
                 "change", "animationstart", "animationend", "transitionend", "scroll", "scrollend", "wheel", "beforetoggle", "submit"];
  for (const element of document.querySelectorAll("*"))
    for (const kind of kinds)
      if (!(kind === "click" && element.closest("a"))) element.dispatchEvent(new Event(kind, { bubbles: true }));
  const live = [...document.querySelectorAll("*")].filter((e) => [...e.attributes].some((a) => /^on/i.test(a.name)));
  const urls = [...document.querySelectorAll("[href],[src],[action],[formaction],[data],[srcdoc]")]
    .flatMap((e) => ["href", "src", "action", "formaction", "data", "srcdoc"].map((n) => e.getAttribute(n) ?? ""))
    .filter((u) => /^\\s*(javascript|vbscript|data:text|data:application)/i.test(u));
  return { executed: window.executed, live: live.length, urls, scripts: document.scripts.length };
}
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as p:
        opened = p.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"])
        yield opened
        opened.close()


def frame(payload: str) -> str:
    washed = wash.wash(payload, pictures={}, compose_url="/mail/compose")
    return render_to_string("webmail/frame.html", {"washed": washed, "said": []})


def visit(browser: Any, documents: list[tuple[str, str]]) -> tuple[list[tuple[str, Any]], list[str]]:
    """Each document in a page without any policy -> (what became of it, addresses that were asked for)."""
    asked: list[str] = []
    found = []
    context = browser.new_context()
    page = context.new_page()
    page.add_init_script(TRAP)
    bodies = {f"http://frame.test/{n}": html for n, (_, html) in enumerate(documents)}

    def answer(route: Any) -> None:
        url = route.request.url
        if url in bodies:
            route.fulfill(body=bodies[url], content_type="text/html; charset=utf-8")
        else:
            asked.append(url)
            route.abort()

    context.route("**/*", answer)
    page.on("dialog", lambda dialog: dialog.dismiss())
    for url, (name, _) in zip(bodies, documents, strict=True):
        page.goto(url, wait_until="load")
        found.append((name, page.evaluate(PROVOKE)))
        assert page.url == url, f"{name} led away"
    context.close()
    return found, asked


def test_the_trap_catches_what_is_not_washed(browser: Any) -> None:
    found, asked = visit(browser, [("control", "<img src=x onerror=alert(1)><img src=http://canary.invalid/r1>")])
    assert found[0][1]["executed"]
    assert any("canary" in url for url in asked)


def cases() -> list[tuple[str, str]]:
    names = (
        "hostile/webmail-html",
        "xss/dompurify",
        "xss/roundcube-wash",
        "xss/htmlpurifier",
        "xss/owasp-evasion",
        "xss/horde-xss",
        "xss/bleach",
    )
    return [(c["id"], c["payload"]) for name in names for c in corpus(name)]


def test_nothing_runs_and_nothing_is_fetched_even_without_a_policy(browser: Any) -> None:
    documents = [(name, frame(payload)) for name, payload in cases()]
    found, asked = visit(browser, documents)
    assert [f for f in found if f[1]["executed"] or f[1]["live"] or f[1]["urls"] or f[1]["scripts"]] == []
    assert [url for url in asked if "favicon" not in url] == []
    assert len(found) > 200


def test_many_more_at_once(browser: Any) -> None:
    payloads = [(c["id"], c["payload"]) for c in corpus("xss/payloadbox")]
    documents = [(payloads[at][0], "".join(frame(p) for _, p in payloads[at : at + 40])) for at in range(0, len(payloads), 40)]
    found, asked = visit(browser, documents)
    assert [f for f in found if f[1]["executed"] or f[1]["live"] or f[1]["urls"] or f[1]["scripts"]] == []
    assert [url for url in asked if "favicon" not in url] == []


def test_the_policy_alone_would_hold_it_too(browser: Any) -> None:
    """The frame's own headers around HTML nobody has washed."""
    context = browser.new_context()
    page = context.new_page()
    asked = []
    raw = "".join(f"<div>{payload}</div>" for _, payload in cases()[:60] if "<plaintext" not in payload and "<!--" not in payload)
    inner = f"<!doctype html><script>parent.postMessage('ran', '*')</script><img src=x onerror=\"parent.postMessage('ran','*')\">{raw}"

    def answer(route: Any) -> None:
        url = route.request.url
        if url == "http://frame.test/inner":
            route.fulfill(body=inner, headers={"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": FRAME_POLICY})
        elif url == "http://frame.test/outer":
            script = "window.ran = []; addEventListener('message', (e) => ran.push(e.data));"
            route.fulfill(body=f"<script>{script}</script><iframe src=/inner sandbox='allow-popups'></iframe>", content_type="text/html")
        else:
            asked.append(url)
            route.abort()

    context.route("**/*", answer)
    page.goto("http://frame.test/outer", wait_until="load")
    assert page.evaluate("window.ran") == []
    assert page.url == "http://frame.test/outer"
    assert [url for url in asked if re.search(r"canary|invalid", url)] == []
    context.close()
