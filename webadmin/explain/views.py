"""Explain an address."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.http import HttpRequest, HttpResponse

from webadmin.access import Person
from webadmin.explain.forms import ExplainForm
from webadmin.mirror import servers
from webadmin.pages import door, mending, show


@door("GET")
def explain(request: HttpRequest, who: Person) -> HttpResponse:
    """The answer has an address of its own: ?address=."""
    form = ExplainForm(request.GET if "address" in request.GET else None)
    found: dict[str, Any] = {}
    if form.is_valid():
        with mending(form):
            found = servers.vmaild(b"explain", form.cleaned_data["address"].encode())
    return show(request, "explain/explain.html", {"form": form, "found": found, "ends": list(Counter(found.get("ends", ())).items())}, form)
