from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse

from mta.errors import Permanent, Temporary
from mta.formats.login_call import Login
from mta.unix import login as unix_login
from tests.webadmin.webmail.conftest import Box
from webadmin.webmail import door
from webadmin.webmail.urls import urlpatterns

KEY = "0" * 24
WRONG = "This address and password do not match."


def test_cy_logs_in(cy: Client, box: Box) -> None:
    box.put()
    answer = cy.get("/mail/", follow=True)
    assert answer.status_code == 200
    assert "Dear Cy" in answer.text


@pytest.mark.parametrize(
    ("why", "name", "password"),
    [
        ("a wrong password", "cy@example.org", "wrong"),
        ("nobody of that name", "nobody@example.org", "secret"),
        ("another's password", "cy@example.org", "other"),
        ("capitals in the password", "cy@example.org", "SECRET"),
        ("SQL", "' OR 1=1--", "opensesame"),
    ],
)
@pytest.mark.usefixtures("passwords")
def test_the_words_are_the_same_for_whatever_is_wrong(db: None, client: Client, why: str, name: str, password: str) -> None:
    answer = client.post("/mail/login", {"name": name, "password": password})
    assert answer.status_code == 403, why
    assert WRONG in answer.text, why
    assert "webmail" not in client.session, why
    assert password not in answer.text, why


@pytest.mark.parametrize(
    ("why", "name", "password"),
    [
        ("no name", "", "x"),
        ("no password", "cy@example.org", ""),
        ("a NUL", "cy@example.org", "a\0b"),
        ("300 octets", "cy@example.org", "p" * 300),
    ],
)
@pytest.mark.usefixtures("passwords")
def test_what_cannot_be_a_password_is_refused_at_the_field(db: None, client: Client, why: str, name: str, password: str) -> None:
    assert client.post("/mail/login", {"name": name, "password": password}).status_code == 422, why


def test_the_broker_is_asked(db: None, monkeypatch: pytest.MonkeyPatch, box: Box, client: Client) -> None:
    asked = []

    def check(*question: bytes) -> Login:
        asked.append(question)
        return Login(b"cy@example.org", bytes(box.path), b"", 0, 0, 0)

    monkeypatch.setattr(unix_login, "check", check)
    answer = client.post("/mail/login", {"name": "Cy@Example.org", "password": "é😀"}, REMOTE_ADDR="192.0.2.7")
    assert answer.status_code == 302
    assert [q[1:] for q in asked] == [(b"webmail", b"Cy@Example.org", "é😀".encode(), b"192.0.2.7")]
    assert client.session["address"] == "cy@example.org"


@pytest.mark.parametrize(
    ("why", "error", "status", "says"),
    [
        ("no, for good", Permanent("authorization failed", "no such user"), 403, WRONG),
        ("not now", Temporary("login broker does not answer", "ENOENT"), 503, "cannot be checked at the moment"),
    ],
)
def test_it_says_what_the_broker_says_and_no_more(
    db: None, monkeypatch: pytest.MonkeyPatch, client: Client, why: str, error: Exception, status: int, says: str
) -> None:
    def check(*_: bytes) -> Login:
        raise error

    monkeypatch.setattr(unix_login, "check", check)
    answer = client.post("/mail/login", {"name": "cy@example.org", "password": "x"})
    assert answer.status_code == status, why
    assert says in answer.text, why
    assert "ENOENT" not in answer.text, why
    assert "no such user" not in answer.text, why


def test_without_a_broker_it_says_so(db: None, client: Client) -> None:
    answer = client.post("/mail/login", {"name": "cy@example.org", "password": "x"})
    assert answer.status_code == 503


@pytest.mark.parametrize(
    ("why", "wanted", "target"),
    [
        ("a page of ours", "/mail/f/Sent/?page=2", "/mail/f/Sent/?page=2"),
        ("another site", "https://evil.invalid/mail/", "/mail/"),
        ("another site in disguise", "//evil.invalid", "/mail/"),
        ("with a backslash", "/mail/\\evil", "/mail/%5Cevil"),
        ("not ours", "/admin", "/mail/"),
        ("a script", "javascript:alert(1)", "/mail/"),
        ("a line break", "/mail/\r\nX: y", "/mail/"),
    ],
)
@pytest.mark.usefixtures("passwords", "box")
def test_it_leads_to_pages_of_ours_alone(db: None, client: Client, why: str, wanted: str, target: str) -> None:
    answer = client.post("/mail/login", {"name": "cy@example.org", "password": "secret", "next": wanted})
    assert answer.status_code == 302, why
    assert answer.headers["Location"] == target, why


@pytest.mark.usefixtures("passwords", "box")
def test_the_session_is_new_and_its_cookie_stays_below_mail(db: None, client: Client) -> None:
    client.get("/mail/login")
    session = client.session
    session["planted"] = "by somebody else"
    session.save()
    before = session.session_key
    answer = client.post("/mail/login", {"name": "cy@example.org", "password": "secret", "zone": "Europe/Vienna"})
    assert client.session.session_key != before
    assert "planted" not in client.session
    assert client.session["zone"] == "Europe/Vienna"
    cookie = answer.cookies["webadmin_session"]  # named after the role, which is the other one in tests
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == ("/mail/", True, "Lax")


@pytest.mark.usefixtures("passwords", "box")
def test_a_login_needs_a_token(db: None) -> None:
    strict = Client(enforce_csrf_checks=True)
    answer = strict.post("/mail/login", {"name": "cy@example.org", "password": "secret"})
    assert answer.status_code == 403
    assert "Please try again" in answer.text


def test_logging_out_ends_the_session(cy: Client) -> None:
    assert cy.get("/mail/logout").status_code == 405
    assert cy.post("/mail/logout").headers["Location"] == "/mail/login"
    assert cy.get("/mail/f/INBOX/").headers["Location"].startswith("/mail/login?next=")


def test_a_session_ends_after_twelve_hours(cy: Client) -> None:
    session = cy.session
    session["since"] = int(time.time()) - door.LIFE_S - 1
    session.save()
    assert cy.get("/mail/f/INBOX/").status_code == 302


def _urls() -> list[str]:
    arguments = {"slug": "INBOX", "key": KEY, "index": 0}
    return [
        reverse(f"webmail:{p.name}", kwargs={n: arguments[n] for n in p.pattern.converters}, urlconf="appliance.urls_webmail")
        for p in urlpatterns
        if p.name not in ("login", "logout")
    ]


@pytest.mark.parametrize("url", _urls())
def test_without_a_session_every_page_leads_to_the_login(db: None, client: Client, box: Box, url: str) -> None:
    box.put()
    answer = client.get(url)
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/mail/login?" + urlencode({"next": url})
    assert client.get(url, headers={"HX-Request": "true"}).headers["HX-Redirect"].startswith("/mail/login?next=")


@pytest.mark.parametrize("url", _urls())
def test_without_a_session_no_form_is_taken_and_nothing_written_is_lost(db: None, client: Client, box: Box, url: str) -> None:
    box.put()
    answer = client.post(url, {"act": "delete", "key": ["1", '"><script>'], "body": "</textarea><b>\nmy text"})
    assert answer.status_code == 401
    for kept in (
        'name="act" value="delete"',
        'name="key" value="1"',
        'value="&quot;&gt;&lt;script&gt;"',
        "&lt;/textarea&gt;&lt;b&gt;\nmy text",
    ):
        assert kept in answer.text
    assert len(box.names()) == 1


@pytest.mark.parametrize("url", [u for u in _urls() if KEY in u])
def test_every_page_of_another_mailbox_is_closed(enter: Callable[[str], Client], box: Box, tmp_path: Path, url: str) -> None:
    """Dee knows the address of a message of Cy's."""
    key = box.put()
    Box(tmp_path / "dee")
    dee = enter("dee@example.org")
    assert dee.get(url.replace(KEY, key)).status_code == 404


def test_acts_on_another_mailbox_do_nothing(enter: Callable[[str], Client], box: Box, tmp_path: Path) -> None:
    key = box.put(flags="S")
    Box(tmp_path / "dee")
    dee = enter("dee@example.org")
    for act in ("delete", "unread", "flag", "archive"):
        dee.post("/mail/f/INBOX/act", {"act": act, "key": key})
    assert box.flags() == ["S"]


def test_a_mailbox_that_is_gone_is_said_to_be(cy: Client, box: Box) -> None:
    box.maildir.rename(box.path / "moved")
    answer = cy.get("/mail/f/INBOX/")
    assert answer.status_code == 503
    assert "cannot be used right now" in answer.text
