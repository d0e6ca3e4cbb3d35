"""The overview. Whatever is down, this page says so, and what to do."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from mta.errors import MailError
from webadmin import runs
from webadmin.access import Person
from webadmin.logs import queries
from webadmin.mirror import servers, services
from webadmin.overview import disk
from webadmin.overview.chart import chart
from webadmin.pages import door, is_piece, sentence

PATIENCE_S = 3.0


@door("GET")
def overview(request: HttpRequest, who: Person) -> HttpResponse:
    found = services.find()
    context = {
        "services": found,
        "troubled": [s for s in found if not s.is_well],
        "disks": disk.find(),
        "drift": runs.last("drift_check"),
        "newest": queries.newest(),
        "tasks": [("Logs were read", runs.last("analyse_logs")), ("Old mail was deleted", runs.last("stale_cleanup"))],
        **_queue(),
        **_hour(),
    }
    return render(request, "overview/part_overview.html" if is_piece(request) else "overview/overview.html", context)


def _queue() -> dict[str, Any]:
    try:
        return {"queue": servers.queue(b"status", timeout_s=PATIENCE_S)}
    except MailError as error:
        return {"queue": None, "queue_trouble": sentence(error)}


def _hour() -> dict[str, Any]:
    hour = queries.last_hour()
    return {
        "hour": hour.total,
        "incoming": chart("In", hour.slots, ("accepted", "refused")),
        "outgoing": chart("Deliveries", hour.slots, ("delivered", "deferred", "failed")),
        "begin": hour.slots[0][0],
    }
