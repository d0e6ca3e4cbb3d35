"""Screens of drift: files that are not what the database has, and which of the two shall hold."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from mta.errors import Temporary
from mta.formats.install_call import DOMAINS_MAX
from webadmin import access
from webadmin.access import Person
from webadmin.mirror import drift
from webadmin.mirror.drift import CONTROL, Difference
from webadmin.models import Domain
from webadmin.pages import done, door, go, is_piece, telling
from webadmin.task.acts import drift_again

_WORDS = {
    "changed": "changed by hand",
    "added": "only on the disk",
    "removed": "gone from the disk",
    "stale": "not compiled",
    "unreadable": "cannot be read",
}


@dataclass(frozen=True, slots=True)
class Shown:
    path: str
    words: str
    diff: str


@dataclass(frozen=True, slots=True)
class Scope:
    """Control files, or one domain: what is taken over or written again together."""

    name: str
    differences: list[Shown]

    @property
    def is_control(self) -> bool:
        return self.name == CONTROL


def _scopes(found: list[Difference]) -> list[Scope]:
    by_name: dict[str, list[Shown]] = {}
    for d in found:
        by_name.setdefault(d.scope, []).append(Shown(d.path, _WORDS[d.kind], d.diff))
    return [Scope(name, differences) for name, differences in by_name.items()]


@door("GET")
def drift_list(request: HttpRequest, who: Person) -> HttpResponse:
    """Control files, and a hundred domains at a time: those after ?after. With script the next hundred follow by themselves."""
    after = request.GET.get("after", "")
    domains = access.domains_for(who).filter(kind=Domain.Kind.VIRTUAL)
    batch = list(domains.filter(name__gt=after).order_by("name")[:DOMAINS_MAX])
    found = drift.find_domains(batch) if batch else []
    if not after:
        found = [*drift.find_control(), *found]
    last = batch[-1].name if len(batch) == DOMAINS_MAX else ""
    total = domains.count()
    context = {
        "scopes": _scopes(found),
        "after": last,
        "is_first": not after,
        "total": total,
        "checked": domains.filter(name__lte=last).count() if last else total,
    }
    return render(request, "control/part_drift.html" if is_piece(request) else "control/drift_list.html", context)


@door("GET")
def drift_banner(request: HttpRequest, who: Person, scope: str) -> HttpResponse:
    """The piece of a page that says that files were changed by hand; nothing when they were not, or when nobody can tell."""
    try:
        found = drift.find_control() if scope == CONTROL else drift.find_domains([access.domain_for(who, scope)])
    except Temporary:
        found = []
    return render(request, "control/part_drift_banner.html", {"count": len(found), "scope": scope, "is_control": scope == CONTROL})


@door("POST")
def drift_adopt(request: HttpRequest, who: Person, scope: str) -> HttpResponse:
    _check(who, scope)
    with telling(request):
        found = drift.adopt(who.actor, scope)
        drift_again()
        return done(request, f"The database has {_counted(found)} of {scope} as they are on the disk now.", "drift_list")
    return go("drift_list")


@door("POST")
def drift_overwrite(request: HttpRequest, who: Person, scope: str) -> HttpResponse:
    _check(who, scope)
    with telling(request):
        found = drift.overwrite(who.actor, scope)
        drift_again()
        return done(request, f"{_counted(found).capitalize()} of {scope} are as the database has them again.", "drift_list")
    return go("drift_list")


def _counted(found: list[Difference]) -> str:
    return "one file" if len(found) == 1 else f"{len(found)} files"


def _check(who: Person, scope: str) -> None:
    """Raises Http404."""
    if scope != CONTROL and access.domain_for(who, scope).is_alias:
        raise Http404
