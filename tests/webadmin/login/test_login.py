from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from django.contrib.auth.models import User

from mta.decisions import throttle
from tests.conftest import corpus
from tests.support.browser import Browser, Page
from webadmin.login import acts
from webadmin.models import AuditRow, LoginFailure

PASSWORD = "a long one, with blanks "
REFUSED = "This name and password do not belong together."

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fast(settings: pytest.FixtureRequest) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # type: ignore[attr-defined]


@pytest.fixture
def ada() -> User:
    return User.objects.create_superuser("ada", password=PASSWORD)


def attempt(browser: Browser, name: str = "ada", password: str = PASSWORD, **more: Any) -> Any:
    return browser.post("/login", {"name": name, "password": password, **more.pop("data", {})}, **more)


def test_an_operator_comes_in_and_it_is_noted(dee: Browser, ada: User) -> None:
    answer = attempt(dee)
    assert (answer.status_code, answer["Location"]) == (303, "/")
    row = AuditRow.objects.get()
    assert (row.who, row.act, row.origin) == ("ada", "login", "127.0.0.1")
    assert dee.session["_auth_user_id"] == str(ada.pk)
    assert dee.session.get_expiry_age() == 7200
    cookie = answer.cookies["webadmin_session"]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")


def test_the_session_is_a_new_one(dee: Browser, ada: User) -> None:
    """A session that somebody else has planted is no way in."""
    session = dee.session
    session["planted"] = True
    session.save()
    planted = session.session_key
    attempt(dee)
    assert dee.session.session_key != planted
    assert not dee.session.exists(planted)


@pytest.mark.parametrize(
    ("why", "name", "password"),
    [
        ("a wrong password", "ada", "wrong"),
        ("a blank left out", "ada", PASSWORD.strip()),
        ("a name nobody has", "eve", PASSWORD),
        ("somebody who is no operator", "bo", PASSWORD),
        ("an operator who has left", "gone", PASSWORD),
        ("quoting", "ada' OR 1=1 --", "x"),
    ],
)
def test_whoever_is_refused_hears_the_same(dee: Browser, ada: User, why: str, name: str, password: str) -> None:
    User.objects.create_user("bo", password=PASSWORD)
    User.objects.create_superuser("gone", password=PASSWORD, is_active=False)
    page = Page(attempt(dee, name, password))
    assert page.status == 422, why
    assert [t.text.strip() for t in page.tags if t.get("role") == "alert"] == [REFUSED]
    assert page.value("name") == name
    assert page.value("password") == ""
    assert not AuditRow.objects.exists()


def test_a_name_nobody_has_costs_a_hash_too(dee: Browser, ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that nobody can tell by the clock which names there are."""
    from django.contrib.auth.hashers import MD5PasswordHasher

    hashed: list[str] = []
    encode = MD5PasswordHasher.encode
    monkeypatch.setattr(MD5PasswordHasher, "encode", lambda self, password, salt: hashed.append(password) or encode(self, password, salt))
    attempt(dee, "eve", "wrong")
    unknown, hashed[:] = list(hashed), []
    attempt(dee, "ada", "wrong")
    assert unknown == hashed == ["wrong"]


@pytest.mark.parametrize(
    ("why", "target", "where"),
    [
        ("a page of ours", "/domains?search=a%40b", "/domains?search=a%40b"),
        ("nothing", "", "/"),
        ("somebody else's", "https://evil.example/", "/"),
        ("without a scheme", "//evil.example/", "/"),
        ("backslashes, which browsers take for slashes", "/\\evil.example/", "/"),
        ("a tab that browsers drop", "/\t/evil.example/", "/"),
        ("a script", "javascript:alert(1)", "/"),
        ("a page without its slash", "domains", "/"),
        ("no end", "/" + "a" * 3000, "/"),
    ],
)
def test_only_our_own_pages_come_next(dee: Browser, ada: User, why: str, target: str, where: str) -> None:
    page = dee.page("/login?next=" + target.replace("%", "%25").replace("\\", "%5C").replace("\t", "%09"))
    assert page.value("next") == where, why
    assert attempt(dee, data={"next": target})["Location"] == where


def test_who_is_in_need_not_log_in(web: Browser) -> None:
    answer = web.get("/login?next=/queue")
    assert (answer.status_code, answer["Location"]) == (303, "/queue")


def test_after_ten_failures_one_has_to_wait(dee: Browser, ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_000_000.0)
    for _ in range(throttle.FREE_TRIES):
        assert attempt(dee, password="wrong").status_code == 422
    page = Page(attempt(dee))
    assert page.status == 429
    assert "Too many logins have failed. Wait 1 seconds, then try again." in page.text
    monkeypatch.setattr(time, "time", lambda: 1_000_001.0)
    assert attempt(dee, password="wrong").status_code == 422
    assert "Wait 2 seconds" in Page(attempt(dee)).text
    monkeypatch.setattr(time, "time", lambda: 1_000_003.0)
    assert attempt(dee).status_code == 303


def test_guessing_many_names_from_one_address_is_held_back(dee: Browser, ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_000_000.0)
    for number in range(throttle.FREE_TRIES):
        attempt(dee, f"name{number}", "wrong", REMOTE_ADDR="2001:db8::1")
    assert attempt(dee, REMOTE_ADDR="2001:db8::2").status_code == 429  # the same network of 64 bits
    assert attempt(dee, REMOTE_ADDR="2001:db8:0:1::1").status_code == 303


def test_a_success_forgives_the_name_and_not_the_address(dee: Browser, ada: User) -> None:
    for _ in range(3):
        attempt(dee, password="wrong")
    attempt(dee)
    assert {row.key: row.count for row in LoginFailure.objects.all()} == {"ip 127.0.0.1": 3}


def test_failures_are_forgotten_after_a_while(dee: Browser, ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_000_000.0)
    for _ in range(throttle.FREE_TRIES):
        attempt(dee, password="wrong")
    monkeypatch.setattr(time, "time", lambda: 1_000_001.0 + throttle.FORGET_S)
    attempt(dee, "eve", "wrong")
    assert set(LoginFailure.objects.values_list("key", "count")) == {("name eve", 1), ("ip 127.0.0.1", 1)}


def test_tries_at_the_same_time_are_counted_before_they_are_looked_at(ada: User, rf: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many at once must not all be looked at as the first one."""
    monkeypatch.setattr(time, "time", lambda: 1_000_000.0)
    inner: list[int] = []

    def authenticate(request: Any, **_: str) -> None:
        inner.append(1)
        if len(inner) < 30:
            try:
                acts.log_in(request, "ada", "wrong")
            except acts.TooMany:
                return

    monkeypatch.setattr(acts, "authenticate", authenticate)
    monkeypatch.setattr(acts, "_CHECKS", threading.BoundedSemaphore(99))
    acts.log_in(rf.post("/login"), "ada", "wrong")
    assert len(inner) == throttle.FREE_TRIES


def test_the_address_is_the_one_our_peer_saw(dee: Browser, ada: User) -> None:
    """web-front's socket has no address; what the browser claimed stands before web-front's own word."""
    attempt(dee, REMOTE_ADDR="", headers={"X-Forwarded-For": "203.0.113.9, 198.51.100.7"})
    assert AuditRow.objects.get().origin == "198.51.100.7"


def test_a_peer_with_an_address_cannot_borrow_another(dee: Browser, ada: User) -> None:
    attempt(dee, REMOTE_ADDR="192.0.2.99", headers={"X-Forwarded-For": "198.51.100.7"})
    assert AuditRow.objects.get().origin == "192.0.2.99"


@pytest.mark.parametrize("name", ["", "a\0b", "x" * 151])
def test_what_can_be_no_name_is_said_beside_it(dee: Browser, ada: User, name: str) -> None:
    page = Page(attempt(dee, name))
    assert page.status == 422
    assert page.error("name")
    assert not LoginFailure.objects.exists()


def test_any_text_may_be_typed_as_a_name(dee: Browser) -> None:
    for number, case in enumerate(corpus("hostile/webmail-text-and-forms")):
        name = case["value"][:150].replace("\0", "") or "x"
        page = Page(attempt(dee, name, "x", REMOTE_ADDR=f"192.0.2.{number}"))
        assert page.status == 422, case
        assert page.wrong == [], case
