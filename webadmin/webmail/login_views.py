"""In and out."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from webadmin import client
from webadmin.webmail import door
from webadmin.webmail.forms import LoginForm


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "POST"])
def login(request: HttpRequest) -> HttpResponse:
    if request.method == "GET":
        if door.address_of(request) is not None:
            return redirect("webmail:start")
        return render(request, "webmail/login.html", {"form": LoginForm(initial={"next": request.GET.get("next", "")})})
    form = LoginForm(request.POST)
    if not form.is_valid():
        return render(request, "webmail/login.html", {"form": form}, status=422)
    data = form.cleaned_data
    try:
        found = door.check_password(data["name"], data["password"], client.address(request))
    except door.Refused as refusal:
        form.add_error(None, str(refusal))
        return render(request, "webmail/login.html", {"form": form}, status=503 if refusal.is_temporary else 403)
    door.enter(request, found, data["zone"])
    return redirect(_wanted(data["next"]))


def _wanted(url: str) -> str:
    """A page of the webmail, or its beginning."""
    is_ours = url.startswith("/mail/") and url.isprintable() and url_has_allowed_host_and_scheme(url, allowed_hosts=None)
    return url if is_ours else "webmail:start"


@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    request.session.flush()
    return redirect("webmail:login")
