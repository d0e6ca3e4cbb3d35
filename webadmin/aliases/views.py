"""Screens of aliases: the list of a domain, one alias, its deletion."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from mta.formats import dotqmail
from webadmin import access
from webadmin.access import Person
from webadmin.aliases import acts, lines
from webadmin.aliases.forms import AddAliasForm, LinesForm, TargetsForm
from webadmin.domains.acts import POSTMASTER
from webadmin.domains.frame import frame
from webadmin.models import Alias
from webadmin.pages import Confirmation, done, door, is_piece, mending, page_of, posted, show, sorted_, typed

SHOWN_MAX = 3
_TARGET = {"target": "targets", "domain_name": "targets", "domain_too_long": "targets"}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list. more: how many targets are not shown."""

    alias: Alias
    targets: list[str]
    more: int
    has_others: bool


def _row(alias: Alias) -> Row:
    targets = lines.forwards(alias.body)
    return Row(alias, targets[:SHOWN_MAX], max(0, len(targets) - SHOWN_MAX), lines.has_others(alias.body))


@door("GET")
def alias_list(request: HttpRequest, who: Person, domain: str) -> HttpResponse:
    row = access.domain_for(who, domain)
    if row.is_alias:
        return redirect("domain_show", domain)
    text = typed(request)
    found = access.aliases_for(who).filter(domain=row)
    if text:
        found = found.filter(name__contains=dotqmail.file_name(text.encode()).decode())
    found, sort = sorted_(request, found, {"name": ("name",)}, "name")
    page = page_of(request, found)
    context = {"page": page, "sort": sort, "search": text, "rows": list(map(_row, page))}
    if is_piece(request):
        return render(request, "aliases/part_aliases.html", {**context, "domain": row})
    return render(request, "aliases/alias_list.html", frame(row, **context))


@door("GET", "POST")
def alias_add(request: HttpRequest, who: Person, domain: str) -> HttpResponse:
    row = access.domain_for(who, domain)
    form = AddAliasForm(posted(request))
    if form.is_valid():
        f = form.cleaned_data
        with mending(form, local_name="name", local_too_long="name", alias_exists="name", **_TARGET):
            alias = acts.alias_add(who.actor, row, f["name"], f["targets"].split())
            return done(request, f"{alias.address} was added.", "alias_list", domain)
    return show(request, "aliases/alias_add.html", frame(row, form=form), form)


@door("GET", "POST")
def alias_edit(request: HttpRequest, who: Person, domain: str, name: str) -> HttpResponse:
    """Its targets, or for whoever knows how the whole file; "form" says which was sent."""
    alias = access.alias_for(who, domain, name)
    which = request.POST.get("form", "")
    targets = TargetsForm(request.POST if which == "targets" else None, alias)
    whole = LinesForm(request.POST if which == "lines" else None, alias)
    if targets.is_valid():
        with mending(targets, **_TARGET):
            acts.alias_set(who.actor, alias, targets.cleaned_data["targets"].split())
            return done(request, f"{alias.address} was saved.", "alias_edit", domain, name)
    if whole.is_valid():
        with mending(whole, lines="body"):
            acts.alias_write(who.actor, alias, whole.cleaned_data["octets"])
            return done(request, f"{alias.address} was saved.", "alias_edit", domain, name)
    context = frame(alias.domain, alias=alias, targets=targets, whole=whole, has_others=lines.has_others(alias.body))
    return show(request, "aliases/alias_edit.html", context, targets, whole)


@door("GET", "POST")
def alias_delete(request: HttpRequest, who: Person, domain: str, name: str) -> HttpResponse:
    alias = access.alias_for(who, domain, name)
    form = Confirmation(posted(request))
    if form.is_valid():
        with mending(form):
            _check_postmaster(alias)
            acts.alias_remove(who.actor, alias)
            return done(request, f"{alias.address} was deleted.", "alias_list", domain)
    text = alias.body.decode("utf-8", "backslashreplace")
    return show(request, "aliases/alias_delete.html", frame(alias.domain, alias=alias, form=form, lines=text), form)


def _check_postmaster(alias: Alias) -> None:
    """Raises ValidationError."""
    if alias.local == POSTMASTER and not alias.domain.mailboxes.filter(name=POSTMASTER).exists():
        raise ValidationError("Every domain needs a postmaster (RFC 5321). Change where its mail goes instead.")
