"""Screens of tasks: all of them, one with its runs, one run with what came of it."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from webadmin import access
from webadmin.access import Person
from webadmin.models import TaskRun
from webadmin.pages import SeeOther, door, go, is_piece, page_of, telling
from webadmin.task import acts, shown

RUNS_SIZE = 20


@door("GET")
def task_list(request: HttpRequest, who: Person) -> HttpResponse:
    found = shown.tasks()
    context = {"tasks": found, "is_running": any(task.running for task in found)}
    return render(request, "task/part_tasks.html" if is_piece(request) else "task/task_list.html", context)


def _task(name: str) -> shown.Task:
    """Raises Http404."""
    if name not in shown.BY_NAME:
        raise Http404
    return shown.task(shown.BY_NAME[name])


@door("GET")
def task_show(request: HttpRequest, who: Person, name: str) -> HttpResponse:
    """?asked: when somebody pressed the button. Until that run is over, the page asks again every two seconds."""
    task = _task(name)
    asked = _asked(request)
    is_waiting = asked is not None and (task.last is None or task.last.started_at < asked) and task.running is None
    page = page_of(request, access.runs_for(who).filter(name=name).defer("details"), RUNS_SIZE)
    context = {
        "task": task,
        "page": page,
        "is_waiting": is_waiting,
        "is_late": is_waiting and asked is not None and time.time() - asked.timestamp() > 20,
        "is_live": is_waiting or task.running is not None,
        "is_cleanup": name == acts.STALE,
        **_result(task.last if task.running is None and not is_waiting else None),
    }
    return render(request, "task/part_task.html" if is_piece(request) else "task/task_show.html", context)


def _asked(request: HttpRequest) -> datetime | None:
    text = request.GET.get("asked", "")
    return datetime.fromtimestamp(int(text), UTC) if text.isascii() and text.isdigit() and len(text) <= 10 else None


def _result(run: TaskRun | None) -> dict[str, object]:
    """What came of a run, for its page."""
    if run is None:
        return {"run": None}
    old_mail = shown.old_mail(run) if run.name == acts.STALE else []
    return {"run": run, "old_mail": old_mail, "is_dry": run.details.get("is_dry"), "troubles": run.details.get("troubles", [])}


@door("GET")
def run_show(request: HttpRequest, who: Person, key: int) -> HttpResponse:
    run = access.runs_for(who).filter(pk=key).first()
    if run is None:
        raise Http404
    return render(request, "task/run_show.html", {"task": _task(run.name), **_result(run)})


@door("POST")
def task_start(request: HttpRequest, who: Person, name: str) -> HttpResponse:
    """Of the clean-up "how" says whether it only lists; "domain", of which domain."""
    task = _task(name)
    with telling(request):
        if name == acts.STALE:
            domain = request.POST.get("domain", "")
            name_ = access.domain_for(who, domain).name if domain else ""
            acts.cleanup_start(who.actor, is_dry=request.POST.get("how") != "delete", domain=name_)
        else:
            acts.task_start(who.actor, name)
        return SeeOther(f"{reverse('task_show', args=[task.name])}?asked={int(time.time())}")
    return go("task_show", name)
