"""Screens of the logs: deliveries, what was refused, logins; one message from its arrival to its end; the end of each service's log."""

from __future__ import annotations

from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from webadmin import access
from webadmin.access import Person
from webadmin.logs import queries, raw, trace
from webadmin.logs.forms import DeliveryForm, LoginForm, PeriodForm, RefusedForm
from webadmin.mirror import services
from webadmin.pages import door, is_piece


def _list(request: HttpRequest, template: str, form: PeriodForm, found: QuerySet[Model]) -> HttpResponse:
    asked = request.GET.get("page", "1")
    page = queries.page(found, int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 7 else 1)
    context = {"form": form, "page": page, "rows": page.rows, "newest": queries.newest()}
    return render(request, f"logs/part_{template}.html" if is_piece(request) else f"logs/{template}.html", context)


@door("GET")
def log_search(request: HttpRequest, who: Person) -> HttpResponse:
    """Deliveries."""
    form = DeliveryForm(request.GET)
    found = queries.search(
        access.deliveries_for(who),
        text=form.word("text"),
        sender=form.word("sender"),
        recipient=form.word("recipient"),
        outcome=form.word("outcome"),
        since=form.begin,
        until=form.end,
    )
    return _list(request, "log_search", form, found)


@door("GET")
def log_refused(request: HttpRequest, who: Person) -> HttpResponse:
    form = RefusedForm(request.GET)
    found = queries.search_refused(access.refused_for(who), text=form.word("text"), since=form.begin, until=form.end)
    return _list(request, "log_refused", form, found)


@door("GET")
def log_logins(request: HttpRequest, who: Person) -> HttpResponse:
    form = LoginForm(request.GET)
    rows, outcome = access.logins_for(who), form.word("outcome")
    found = queries.search_logins(rows, text=form.word("text"), outcome=outcome, since=form.begin, until=form.end)
    return _list(request, "log_logins", form, found)


@door("GET")
def log_message(request: HttpRequest, who: Person, key: int) -> HttpResponse:
    """Everything known of one message; ?lines: with its lines of the log files."""
    message = access.messages_for(who).filter(pk=key).first()
    if message is None:
        raise Http404
    found = trace.trace(message)
    context: dict[str, object] = {"message": message, "trace": found, "more": max(0, found.deliveries - trace.DELIVERIES_MAX)}
    if "lines" in request.GET:
        try:
            context["lines"] = raw.lines(found)
        except OSError as error:
            context["trouble"] = f"The log files cannot be read: {error.strerror}."
    return render(request, "logs/log_message.html", context)


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


@door("GET")
def log_services(request: HttpRequest, who: Person) -> HttpResponse:
    return render(request, "logs/log_services.html", {"services": services.find()})
