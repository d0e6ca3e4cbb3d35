"""Screens of the logs: deliveries, one message from its arrival to its end, the end of each service's log."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from webadmin.access import Person
from webadmin.mirror import services
from webadmin.pages import door, is_piece


@door("GET")
def log_search(request: HttpRequest, who: Person) -> HttpResponse:
    return HttpResponse("")


@door("GET")
def log_tail(request: HttpRequest, who: Person, name: str) -> HttpResponse:
    """The last lines of a service's log."""
    known = services.find()
    service = next((s for s in known if s.name == name), None)
    if service is None:
        raise Http404
    context: dict[str, object] = {"service": service, "services": known}
    try:
        context["lines"] = services.tail(name)[::-1]
    except OSError as error:
        context["trouble"] = f"Its log cannot be read: {error.strerror}."
    return render(request, "logs/part_tail.html" if is_piece(request) else "logs/log_tail.html", context)
