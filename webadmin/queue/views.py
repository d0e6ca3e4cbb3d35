"""Screens of the queue: what waits, one message, and the orders about it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from mta.errors import Permanent
from webadmin import octets
from webadmin.access import Person
from webadmin.pages import Confirmation, done, door, go, is_piece, mending, posted, show, telling
from webadmin.queue import acts

PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class Recipient:
    address: str
    channel: str
    is_done: bool
    is_under_way: bool
    report: str
    reported: int


@dataclass(frozen=True, slots=True)
class Message:
    """next: when it is due, 0: now."""

    number: int
    sender: str
    first: str
    recipients: int
    left: int
    size: int
    birth: int
    next: int
    expires: int
    is_active: bool
    is_bouncing: bool

    @property
    def is_due(self) -> bool:
        return self.next <= time.time()


def _message(found: dict[str, Any]) -> Message:
    return Message(
        number=found["messnum"],
        sender=octets.latin(found["sender"]),
        first=octets.latin(found["first"]),
        recipients=found["recipients"],
        left=found["left"],
        size=found["size"],
        birth=found["birth"],
        next=found["next"],
        expires=found["expires"],
        is_active=found["is_active"],
        is_bouncing=found["is_bouncing"],
    )


def _recipient(found: dict[str, Any]) -> Recipient:
    fields = {"address": octets.latin(found["address"]), "report": octets.latin(found["report"]).strip()}
    return Recipient(**{**found, **fields})


@door("GET")
def queue_list(request: HttpRequest, who: Person) -> HttpResponse:
    """The status, and those that are due first."""
    asked = request.GET.get("page", "1")
    number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 9 else 1
    offset = max(0, number - 1) * PAGE_SIZE
    status, found = acts.status(), acts.listed(offset, PAGE_SIZE)
    messages = [_message(m) for m in found["messages"]]
    last = max(1, -(-found["total"] // PAGE_SIZE))
    context = {"status": status, "messages_": messages, "total": found["total"], "number": max(1, number), "last": last, "offset": offset}
    return render(request, "queue/part_queue.html" if is_piece(request) else "queue/queue_list.html", context)


def _shown(messnum: int) -> dict[str, Any]:
    """What the page of one message tells. Raises Http404, Temporary."""
    try:
        found = acts.shown(messnum)
    except Permanent as error:
        raise Http404(error.text) from error
    return {"message": _message(found), "recipients": [_recipient(r) for r in found["all_recipients"]]}


@door("GET")
def queue_show(request: HttpRequest, who: Person, messnum: int) -> HttpResponse:
    return render(request, "queue/queue_show.html", _shown(messnum))


@door("POST")
def queue_head(request: HttpRequest, who: Person, messnum: int) -> HttpResponse:
    """Its first 64 KiB. A POST, for it is written down who read it."""
    context = _shown(messnum)
    with telling(request):
        context["head"] = acts.head(who.actor, messnum).decode("utf-8", "backslashreplace").replace("\0", "\\x00")
    return render(request, "queue/queue_show.html", context)


@door("POST")
def queue_retry(request: HttpRequest, who: Person, messnum: int) -> HttpResponse:
    with telling(request):
        acts.retry(who.actor, messnum)
        return done(request, f"Message {messnum} is tried now.", "queue_show", messnum)
    return go("queue_list")


@door("POST")
def queue_retry_all(request: HttpRequest, who: Person) -> HttpResponse:
    with telling(request):
        acts.retry_all(who.actor)
        return done(request, "Every message is tried now.", "queue_list")
    return go("queue_list")


@door("GET", "POST")
def queue_bounce(request: HttpRequest, who: Person, messnum: int) -> HttpResponse:
    form = Confirmation(posted(request))
    if form.is_valid():
        with mending(form):
            acts.bounce(who.actor, messnum)
            return done(request, f"Message {messnum} goes back to its sender.", "queue_list")
    return show(request, "queue/queue_bounce.html", {**_shown(messnum), "form": form}, form)


@door("GET", "POST")
def queue_delete(request: HttpRequest, who: Person, messnum: int) -> HttpResponse:
    form = Confirmation(posted(request))
    if form.is_valid():
        with mending(form):
            acts.delete(who.actor, messnum)
            return done(request, f"Message {messnum} was deleted. Nobody was told.", "queue_list")
    return show(request, "queue/queue_delete.html", {**_shown(messnum), "form": form}, form)
