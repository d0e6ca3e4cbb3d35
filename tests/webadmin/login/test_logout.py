from __future__ import annotations

from tests.support.browser import Browser


def test_it_ends_the_session(web: Browser) -> None:
    key = web.session.session_key
    answer = web.post("/logout")
    assert (answer.status_code, answer["Location"]) == (303, "/login")
    assert not web.session.exists(key)
    assert web.get("/account").status_code == 302


def test_a_link_does_not_log_anybody_out(web: Browser) -> None:
    assert web.get("/logout").status_code == 405
    assert web.get("/account").status_code == 200


def test_a_stranger_may_log_out_too(dee: Browser) -> None:
    assert dee.post("/logout")["Location"] == "/login"
