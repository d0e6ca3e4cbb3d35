from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from webadmin.access import Person
from webadmin.pages import door


@door("GET")
def task_list(request: HttpRequest, who: Person) -> HttpResponse:
    return HttpResponse("")
