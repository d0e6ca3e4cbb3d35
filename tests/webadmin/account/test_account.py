"""The operator's own password."""

from __future__ import annotations

import time

import pytest
from django.contrib.auth.models import User

from mta.decisions import throttle
from tests.support.browser import Browser
from webadmin.models import AuditRow

pytestmark = pytest.mark.django_db
OLD, NEW = "the old one, long enough", "a new one nobody guesses "
DATA = {"old": OLD, "new": NEW, "again": NEW}


@pytest.fixture(autouse=True)
def ada(settings: pytest.FixtureRequest, web: Browser) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # type: ignore[attr-defined]
    user = User.objects.get(username="ada")
    user.set_password(OLD)
    user.save()
    web.force_login(user)


def has(password: str) -> bool:
    return User.objects.get(username="ada").check_password(password)


def test_it_is_changed_and_every_other_session_ends(web: Browser, static: None) -> None:
    elsewhere = Browser()
    elsewhere.force_login(User.objects.get(username="ada"))
    page = web.done("/account", DATA, to="/account")
    assert "Your password was changed. You are logged out everywhere else." in page.text
    assert has(NEW), "its last blank and all"
    assert elsewhere.get("/account").status_code == 302
    row = AuditRow.objects.get()
    assert (row.act, row.name) == ("operator_password", "ada") and "new one" not in row.words


@pytest.mark.parametrize(
    ("why", "data", "field", "said"),
    [
        ("not the old one", {**DATA, "old": "guessed"}, "old", "This is not your password."),
        ("nothing", {}, "new", "required"),
        ("not the same twice", {**DATA, "again": NEW.strip()}, "again", "The two are not the same."),
        ("too short", {**DATA, "new": "short", "again": "short"}, "new", "too short"),
        ("everybody's", {**DATA, "new": "password1234", "again": "password1234"}, "new", "too common"),
    ],
)
def test_what_cannot_be_is_said_beside_it(web: Browser, why: str, data: dict[str, str], field: str, said: str) -> None:
    page = web.send("/account", data)
    assert said in page.error(field), why
    assert {page.value(name) for name in DATA} == {""}, "no password is sent back"
    assert has(OLD) and not AuditRow.objects.exists()


def test_somebody_at_an_open_browser_cannot_guess_for_ever(web: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_000_000.0)
    for _ in range(throttle.FREE_TRIES):
        web.send("/account", {**DATA, "old": "guessed"})
    assert "Too many wrong passwords. Wait 1 seconds" in web.send("/account", DATA).error("old")
    assert has(OLD)


def test_a_stranger_changes_nothing(dee: Browser) -> None:
    assert dee.post("/account", DATA)["Location"] == "/login"
    assert has(OLD)
