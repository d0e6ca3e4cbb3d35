"""What a person may set."""

from __future__ import annotations

from dataclasses import asdict

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from webadmin.webmail import preferences as store
from webadmin.webmail.door import Visit, mailbox_view
from webadmin.webmail.forms import PreferencesForm


@mailbox_view
@require_http_methods(["GET", "POST"])
def preferences(request: HttpRequest, visit: Visit) -> HttpResponse:
    form = PreferencesForm(request.POST or None, initial=asdict(visit.preferences))
    if request.method == "POST" and form.is_valid():
        store.save(visit.mailbox, store.Preferences(**form.cleaned_data))
        messages.success(request, "Your preferences are saved.")
        return redirect("webmail:preferences")
    context = visit.frame() | {"form": form, "zone": visit.zone, "usage": visit.mailbox.usage()}
    return render(request, "webmail/preferences.html", context, status=422 if form.errors else 200)
