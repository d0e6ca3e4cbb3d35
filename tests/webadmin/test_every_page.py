"""The table of URLs, walked: who may come in, what a GET may do, and that every page is well made, whatever stands in the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver, resolve, reverse

from tests.conftest import ROOT
from tests.support.browser import Browser, Page
from tests.webadmin.town import MESSNUM, Town
from webadmin.models import AuditRow, LoginFailure, TaskRun

OPEN = {"login", "logout"}  # the two a stranger may use
QUERIES_MAX = 20
DOMAIN = {"domain": "example.org"}

pytestmark = pytest.mark.django_db


def names(patterns: list[URLPattern | URLResolver]) -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from names(pattern.url_patterns)
        else:
            assert pattern.name, f"{pattern} has no name"
            yield pattern.name


NAMES = sorted(names(get_resolver("appliance.urls_webadmin").url_patterns))


def url(name: str, town: Town) -> str:
    """The page of that name about what is there."""
    arguments: dict[str, dict[str, object]] = {
        **dict.fromkeys((n for n in NAMES if n.startswith("domain_") and n not in ("domain_list", "domain_add")), {"name": "example.org"}),
        **dict.fromkeys(("mailbox_list", "mailbox_add", "alias_list", "alias_add"), DOMAIN),
        **dict.fromkeys(("mailbox_edit", "mailbox_usage", "mailbox_delete"), {**DOMAIN, "name": "joe"}),
        **dict.fromkeys(("alias_edit", "alias_delete"), {**DOMAIN, "name": "sales:dept"}),
        **dict.fromkeys(("control_file", "control_remove"), {"folder": "control", "name": "smtproutes"}),
        **dict.fromkeys(("drift_banner", "drift_adopt", "drift_overwrite"), {"scope": "control"}),
        **dict.fromkeys(("queue_show", "queue_head", "queue_retry", "queue_bounce", "queue_delete"), {"messnum": MESSNUM}),
        **dict.fromkeys(("task_show", "task_start"), {"name": "stale_cleanup"}),
        "domain_show": {"name": "old.example"},
        "generation_show": {"number": 1},
        "log_message": {"key": town.message.pk},
        "log_tail": {"name": "smtpd"},
        "run_show": {"key": town.run.pk},
        "audit_show": {"key": town.audit.pk},
    }
    return reverse(name, kwargs=arguments.get(name, {}))


def methods(name: str, town: Town) -> tuple[str, ...]:
    """What its door takes. A view without a door is one of the two everybody may use."""
    found: tuple[str, ...] = getattr(resolve(url(name, town)).func, "methods", ())
    assert bool(found) != (name in OPEN), f"{name} has no door"
    return found


PAGES = [n for n in NAMES if n not in OPEN]


def state(town: Town) -> object:
    """All that a request could have changed."""
    files = {p: p.read_bytes() for p in town.instance.home.rglob("*") if p.is_file() and ".log" not in p.suffixes and "run" not in p.parts}
    orders = [words for words in town.queue.asked if words[0] in (b"retry", b"bounce", b"delete")]
    return files, orders, list(AuditRow.objects.values_list("pk", flat=True)), list(TaskRun.objects.values_list("pk", flat=True))


def each(wanted: Iterable[str], check: Callable[[str], object]) -> None:
    """All that is wrong, not only the first."""
    wrong = []
    for name in wanted:
        try:
            check(name)
        except AssertionError as error:
            wrong.append(f"{name}: {str(error)[:600]}")
    assert not wrong, "\n" + "\n".join(wrong)


def test_a_stranger_is_led_to_the_login(town: Town, dee: Browser) -> None:
    def check(name: str) -> None:
        for method in ("GET", "POST"):
            answer = dee.generic(method, url(name, town))
            assert (answer.status_code, answer["Location"].partition("?")[0], answer.content) == (302, "/login", b"")
        if "GET" in methods(name, town):
            assert unquote(dee.get(url(name, town))["Location"]) == f"/login?next={url(name, town)}"
        piece = dee.get(url(name, town), headers={"HX-Request": "true"})
        assert (piece.status_code, piece["HX-Redirect"], piece.content) == (204, "/login", b"")

    before = state(town)
    each(PAGES, check)
    assert state(town) == before


def test_somebody_without_rights_is_a_stranger(town: Town, dee: Browser) -> None:
    def check(name: str) -> None:
        for method in ("GET", "POST"):
            assert dee.generic(method, url(name, town)).status_code == 302

    dee.force_login(User.objects.create_user("dee"))
    before = state(town)
    each(PAGES, check)
    assert state(town) == before


def test_nothing_is_done_without_the_token_of_its_form(town: Town, static: None) -> None:
    def check(name: str) -> None:
        page = Page(browser.post(url(name, town), {"name": "example.org", "do": "install", "form": "details", "how": "delete"}))
        assert (page.status, page.heading) == (403, "Please try again")
        evil = browser.post(url(name, town), headers={"Origin": "https://evil.example", "X-CSRFToken": "x" * 32})
        assert evil.status_code == 403

    browser = Browser(enforce_csrf_checks=True)
    browser.force_login(User.objects.create_superuser("ada"))
    before = state(town)
    each(NAMES, check)
    assert state(town) == before


def test_a_view_takes_its_methods_and_no_other(town: Town, web: Browser) -> None:
    def check(name: str) -> None:
        for method in ("TRACE", "PUT", "DELETE", "PATCH", *({"GET", "POST"} - set(methods(name, town)))):
            assert web.generic(method, url(name, town)).status_code == 405, method

    before = state(town)
    each(PAGES, check)
    assert state(town) == before


ACTS = {"queue_head", "queue_retry", "queue_retry_all", "removed_restore", "drift_adopt", "drift_overwrite", "task_start"}  # POST alone
READABLE = [n for n in PAGES if n not in ACTS]


def test_looking_changes_nothing_and_asks_little(town: Town, web: Browser) -> None:
    def check(name: str) -> None:
        with CaptureQueriesContext(connection) as asked:
            answer = web.get(url(name, town))
        assert answer.status_code in (200, 302)
        assert len(asked) <= QUERIES_MAX, f"{len(asked)} queries"
        assert "no-store" in answer["Cache-Control"] and "private" in answer["Cache-Control"]

    before = state(town)
    each(READABLE, check)
    assert state(town) == before
    assert not LoginFailure.objects.exists()


PIECES = ("drift_banner", "mailbox_usage")  # answers that are never a whole page


def test_a_page_is_well_made(town: Town, web: Browser) -> None:
    def check(name: str) -> None:
        page = Page(web.get(url(name, town), follow=True))
        assert page.wrong == []
        assert page.heading
        assert [t.text.endswith(" · Tawny") for t in page.all("title") if t.inside("head")] == [True]
        assert page.one("main").get("id") == "main"
        for look in (_ids, _labels, _names, _policy, _links, _harmless):
            look(page)

    each([n for n in READABLE if n not in PIECES], check)
    web.logout()
    check("login")


def _ids(page: Page) -> None:
    ids = [tag.get("id") for tag in page.tags if tag.get("id")]
    assert len(ids) == len(set(ids)), sorted(i for i in ids if ids.count(i) > 1)
    for tag in page.tags:
        for word in ("aria-describedby", "aria-controls", "for"):
            for wanted in tag.get(word).split():
                assert wanted in ids, f"{word} of <{tag.name}> names {wanted}, which is not there"


def _labels(page: Page) -> None:
    """Every field has a name that is read out, every table a caption and heads, every group of choices its question."""
    named = {tag.get("for") for tag in page.all("label")}
    for tag in page.tags:
        if tag.name in ("input", "select", "textarea") and tag.get("type") != "hidden" and "hidden" not in tag.attributes:
            assert tag.get("id") in named or tag.get("aria-label"), f"field {tag.get('name')} has no label"
        if tag.name in ("button", "a", "summary"):
            assert tag.text.strip() or tag.get("aria-label"), f"<{tag.name} {tag.attributes}> says nothing"
    for table in page.all("table"):
        inner = [t for t in page.tags if t.inside("table") is table]
        assert any(t.name == "caption" and t.text.strip() for t in inner)
        assert all(t.get("scope") == "col" for t in inner if t.name == "th")
        assert all(t.text.strip() for t in inner if t.name == "th")
    levels = [int(tag.name[1]) for tag in page.tags if tag.name in ("h1", "h2", "h3", "h4")]
    assert levels[0] == 1 and all(b <= a + 1 for a, b in zip(levels, levels[1:], strict=False)), levels


def _names(page: Page) -> None:
    for tag in page.all("svg"):
        assert tag.get("aria-hidden") == "true" or tag.get("aria-label"), "a drawing that is neither named nor decoration"
    assert len([t for t in page.all("nav") if not t.get("aria-label")]) == 0
    current = [tag for tag in page.all("a") if tag.get("aria-current") == "page" and tag.inside("header")]
    assert len(current) <= 1


def _policy(page: Page) -> None:
    """Nothing our own Content-Security-Policy would stop."""
    for tag in page.tags:
        assert "style" not in tag.attributes, f"<{tag.name}> has a style"
        assert not [a for a in tag.attributes if a.startswith(("on", "hx-on"))]
        assert tag.name != "style" and (tag.name != "script" or tag.get("src").startswith("/static/"))
    assert "script-src 'self'" in page.response["Content-Security-Policy"]


def _links(page: Page) -> None:
    """Every link and every form leads to a page of ours; forms that change something carry their token."""
    here = page.response.request["PATH_INFO"]
    addresses = [*page.links(), *(t.get("action") for t in page.all("form")), *(t.get("hx-get") for t in page.tags)]
    for target in filter(None, addresses):
        parts = urlsplit(target)
        assert not parts.scheme and not parts.netloc, target
        if parts.path and not parts.path.startswith("/mail/"):
            resolve(parts.path)
    tokens = [t.inside("form") for t in page.all("input") if t.get("name") == "csrfmiddlewaretoken"]
    for form in page.all("form"):
        assert form.get("method") in ("post", "get"), here
        assert (form in tokens) == (form.get("method") == "post"), here


def _harmless(page: Page) -> None:
    """What strangers wrote stands there as text."""
    assert "<svg/onload" not in page.source


LISTS = (
    "domain_list", "mailbox_list", "alias_list", "control_list", "audit_list", "queue_list", "log_search", "log_refused", "log_logins",
    "overview", "task_list", "drift_list",
)  # fmt: skip


def test_a_piece_is_part_of_its_page(town: Town, web: Browser) -> None:
    def check(name: str) -> None:
        piece, whole = web.piece(url(name, town)), web.page(url(name, town))
        assert piece.wrong == []
        assert piece.all("html") == [] and piece.all("main") == []
        ids = {tag.get("id") for tag in piece.tags if tag.get("id")}
        assert ids <= {tag.get("id") for tag in whole.tags}

    each(LISTS, check)


def test_the_menu_has_a_page_for_every_entry(town: Town, web: Browser) -> None:
    menu = [tag.get("href") for tag in web.page("/").all("a") if tag.inside("nav") and tag.inside("header")]
    assert len(menu) == 9
    for target in menu:
        page = web.page(target)
        current = [tag.get("href") for tag in page.all("a") if tag.get("aria-current") == "page" and tag.inside("header")]
        assert current == [target]


def test_every_template_of_a_screen_has_its_view() -> None:
    """templates/ROOM/screen.html is shown by the view of that name."""
    rooms = ("login", "overview", "domains", "accounts", "aliases", "control", "queue", "logs", "explain", "task", "audit", "account")
    screens = {p.stem for room in rooms for p in Path(ROOT / "templates" / room).glob("*.html") if not p.stem.startswith("part_")}
    assert screens - set(NAMES) == {"control_preview"}


def test_every_screen_has_its_test() -> None:
    files = {p.stem for p in (ROOT / "tests/webadmin").glob("*/test_*.py")}
    assert {f"test_{name}" for name in NAMES} - files == set()


def test_an_address_nobody_has_is_a_page_that_says_so(web: Browser) -> None:
    page = web.page("/nothing/here", 404)
    assert page.heading == "Not found"
    assert "/" in page.links()


@pytest.mark.parametrize(
    "address",
    [
        "/static/../appliance/settings.py",
        "/static/..%2f..%2fappliance/settings.py",
        "/domains/../../etc/passwd",
        "/logs/services/..%2f..%2fetc",
    ],
)
def test_no_path_leads_out(web: Browser, address: str) -> None:
    answer = web.get(address)
    assert answer.status_code == 404
    assert b"SECRET_KEY" not in answer.content
