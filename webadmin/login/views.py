"""Log in, log out."""

from __future__ import annotations

from django.contrib.auth import logout as forget
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from webadmin import access
from webadmin.login import acts
from webadmin.login.forms import LoginForm
from webadmin.pages import SeeOther, go, posted

# the same for a name nobody has, a wrong password, and somebody who is no operator
REFUSED = "This name and password do not belong together."


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def login(request: HttpRequest) -> HttpResponse:
    target = _local(request.POST.get("next", request.GET.get("next", "")))
    if request.method != "POST" and access.person(request).is_operator:
        return SeeOther(target)
    form = LoginForm(posted(request))
    status = 200
    if form.is_valid():
        try:
            if acts.log_in(request, form.cleaned_data["name"], form.cleaned_data["password"]):
                return SeeOther(target)
            form.add_error(None, REFUSED)
        except acts.TooMany as error:
            form.add_error(None, f"Too many logins have failed. Wait {error.wait_s} seconds, then try again.")
            status = 429
    if form.errors and status == 200:
        status = 422
    return render(request, "login/login.html", {"form": form, "next": target}, status=status)


@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    forget(request)
    return go("login")


def _local(target: str) -> str:
    """A page of ours, whatever the address bar says."""
    is_ours = target.startswith("/") and url_has_allowed_host_and_scheme(target, allowed_hosts=None)
    return target if is_ours and len(target) <= 2000 else "/"
