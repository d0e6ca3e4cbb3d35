"""Pages for what went wrong, in words."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def _page(request: HttpRequest, status: int, title: str, text: str) -> HttpResponse:
    return render(request, "parts/problem.html", {"title": title, "text": text}, status=status)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(
        request, 400, "This request was not understood", "It was malformed, or larger than this server takes. Nothing was changed."
    )


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, 403, "This is not allowed", "Nothing was changed.")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    text = (
        "The page you came from was too old, or your browser keeps no cookies for this site. Go back, reload the page and try again. "
        "Nothing was changed."
    )
    return _page(request, 403, "Please try again", text)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, 404, "Not found", "There is nothing at this address. It may have been deleted or renamed.")


def failed(request: HttpRequest) -> HttpResponse:
    """No template of ours may fail here: it asks nobody anything."""
    text = "The error was written to the log of this service (service/webadmin/log). Mail goes on without this page. Please try again."
    return _page(request, 500, "Something went wrong", text)
