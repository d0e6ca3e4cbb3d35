"""The operator's own password."""

from __future__ import annotations

from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.views.decorators.debug import sensitive_post_parameters

from webadmin.access import Person
from webadmin.account.forms import PasswordForm
from webadmin.operators.acts import operator_set
from webadmin.pages import done, door, mending, posted, show


@sensitive_post_parameters("old", "new", "again")
@door("GET", "POST")
def account(request: HttpRequest, who: Person) -> HttpResponse:
    """Other sessions of this login end; this one goes on."""
    assert isinstance(request.user, User)
    form = PasswordForm(posted(request), who.actor, request.user)
    if form.is_valid():
        codes = ("password_too_short", "password_too_common", "password_too_similar", "password_entirely_numeric")
        with mending(form, **dict.fromkeys(codes, "new")):
            operator_set(who.actor, request.user.get_username(), form.cleaned_data["new"])
            request.user.refresh_from_db()
            update_session_auth_hash(request, request.user)
            return done(request, "Your password was changed. You are logged out everywhere else.", "account")
    return show(request, "account/account.html", {"form": form}, form)
