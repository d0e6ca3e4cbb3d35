"""Screens of the audit log: the list, one row with what changed."""

from __future__ import annotations

import difflib
import json
from datetime import UTC, date, datetime, time
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from webadmin import access
from webadmin.access import Person
from webadmin.audit.record import search
from webadmin.models import AuditRow
from webadmin.pages import door, is_piece, page_of, typed

_DIFF_MAX = 1000  # lines


class FilterForm(forms.Form):
    """What cannot be understood filters nothing."""

    search = forms.CharField(required=False, max_length=200)
    who = forms.CharField(required=False, max_length=150)
    act = forms.CharField(required=False, max_length=64)
    since = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}))


@door("GET")
def audit_list(request: HttpRequest, who: Person) -> HttpResponse:
    form = FilterForm(request.GET)
    form.is_valid()
    rows = access.audit_for(who)
    people = list(rows.order_by("who").values_list("who", flat=True).distinct()[:200])
    kinds = list(rows.order_by("act").values_list("act", flat=True).distinct()[:200])
    page = page_of(request, _filtered(rows, form.cleaned_data).defer("before", "after", "words"))
    context = {"page": page, "search": typed(request), "form": form, "people": people, "kinds": kinds}
    return render(request, "audit/part_audit.html" if is_piece(request) else "audit/audit_list.html", context)


def _filtered(rows: QuerySet[AuditRow], wanted: dict[str, Any]) -> QuerySet[AuditRow]:
    if wanted.get("search"):
        rows = search(rows, wanted["search"])
    if wanted.get("who"):
        rows = rows.filter(who=wanted["who"])
    if wanted.get("act"):
        rows = rows.filter(act=wanted["act"])
    if wanted.get("since"):
        rows = rows.filter(when__gte=_at(wanted["since"], time.min))
    if wanted.get("until"):
        rows = rows.filter(when__lte=_at(wanted["until"], time.max))
    return rows


def _at(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, UTC)


@door("GET")
def audit_show(request: HttpRequest, who: Person, key: int) -> HttpResponse:
    row = access.audit_for(who).filter(pk=key).first()
    if row is None:
        raise Http404
    return render(request, "audit/audit_show.html", {"row": row, "diff": diff(row.before, row.after)})


def diff(before: Any, after: Any) -> str:
    """From what was to what is, a fact a line; longer texts line by line."""
    old, new = _lines(before), _lines(after)
    found = list(difflib.unified_diff(old, new, lineterm="", n=max(len(old), len(new))))[3:]
    if len(found) > _DIFF_MAX:
        found = [*found[:_DIFF_MAX], f"@@ and {len(found) - _DIFF_MAX} lines more @@"]
    return "\n".join(found) or "\n".join(f" {line}" for line in new)


def _lines(facts: Any) -> list[str]:
    if facts is None:
        return []
    if not isinstance(facts, dict):
        return [json.dumps(facts, ensure_ascii=False)]
    found = []
    for name, value in facts.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        rows = text.removesuffix("\n").split("\n")
        found += [f"{name}: {rows[0]}"] if len(rows) == 1 else [f"{name}:", *(f"    {row}" for row in rows)]
    return found
