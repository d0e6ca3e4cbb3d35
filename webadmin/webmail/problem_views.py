"""Pages for what went wrong, in words; and the list of keys."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from webadmin.webmail.door import Visit, mailbox_view


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    text = exception.args[0] if exception.args and isinstance(exception.args[0], str) else "There is no page at this address."
    return render(request, "webmail/problem.html", {"title": "Not found", "text": text}, status=404)


def failed(request: HttpRequest) -> HttpResponse:
    context = {"title": "Something went wrong", "text": "The error was written to the log. Nothing was lost; please try again."}
    return render(request, "webmail/problem.html", context, status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    text = "The page you came from was too old, or your browser refuses cookies. Go back, reload the page and try again."
    return render(request, "webmail/problem.html", {"title": "Please try again", "text": text}, status=403)


@mailbox_view
@require_safe
def keys(request: HttpRequest, visit: Visit) -> HttpResponse:
    return render(request, "webmail/keys.html", visit.frame())
