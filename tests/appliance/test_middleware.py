"""What every answer carries."""

from __future__ import annotations

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from appliance.middleware import POLICY, ContentSecurityPolicy, SecureCookies


def answer(request: HttpRequest) -> HttpResponse:
    response = HttpResponse("x")
    response.set_cookie("session", "1")
    return response


@pytest.mark.parametrize(("proto", "is_secure"), [("https", True), ("http", False), (None, False)])
def test_a_cookie_set_over_tls_keeps_to_it(proto: str | None, is_secure: bool) -> None:
    request = RequestFactory().get("/", **({"HTTP_X_FORWARDED_PROTO": proto} if proto else {}))
    assert bool(SecureCookies(answer)(request).cookies["session"]["secure"]) is is_secure


def test_a_page_has_the_policy_unless_it_has_its_own() -> None:
    def own(request: HttpRequest) -> HttpResponse:
        response = HttpResponse("x")
        response.csp = "sandbox"  # type: ignore[attr-defined]
        return response

    request = RequestFactory().get("/")
    assert ContentSecurityPolicy(answer)(request)["Content-Security-Policy"] == POLICY
    assert ContentSecurityPolicy(own)(request)["Content-Security-Policy"] == "sandbox"
