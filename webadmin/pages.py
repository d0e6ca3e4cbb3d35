"""What the views of the administration share: the door, failures said beside their field, the way on after an act, lists in pages.

Door       a view decorated with door("GET", "POST") gets the Person it is for; a stranger gets the login instead, and then comes back
Acts       raise ValidationError and Permanent (what the person can mend: beside its field, 422) and Temporary (not now, nothing was
           changed: above the form, 503)
After one  303 to a page, with one sentence that says what was done
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.core.paginator import Page, Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, QueryDict
from django.shortcuts import render, resolve_url
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.html import format_html
from django.utils.safestring import SafeString

from mta.errors import MailError, Temporary
from webadmin import access
from webadmin.access import Person

_LOG = logging.getLogger(__name__)
PAGE_SIZE = 50

_P = ParamSpec("_P")
_Row = TypeVar("_Row", bound=Model)
View = Callable[Concatenate[HttpRequest, Person, _P], HttpResponse]


class SeeOther(HttpResponseRedirect):
    """The answer to a POST that did something: the browser gets the page, and a reload does not do it again."""

    status_code = 303


# -- the door ----------------------------------------------------------------------------------------------------------------------


def door(*methods: str) -> Callable[[View[_P]], Callable[Concatenate[HttpRequest, _P], HttpResponse]]:
    """Operators only. methods: GET, POST; a view that changes something takes POST alone, or shows its form for GET."""

    def decorate(view: View[_P]) -> Callable[Concatenate[HttpRequest, _P], HttpResponse]:
        @functools.wraps(view)
        def enter(request: HttpRequest, /, *args: _P.args, **kwargs: _P.kwargs) -> HttpResponse:
            who = access.person(request)
            response = _enter(request, who, functools.partial(view, request, who, *args, **kwargs))
            add_never_cache_headers(response)  # the back button shows nothing after the logout
            return response

        def _enter(request: HttpRequest, who: Person, go: Callable[[], HttpResponse]) -> HttpResponse:
            if not who.is_operator:
                return to_login(request)
            if request.method not in allowed:
                return HttpResponseNotAllowed(sorted(allowed))
            try:
                return go()
            except Temporary as error:
                return not_now(request, error)

        enter.methods = methods  # type: ignore[attr-defined]
        return enter

    allowed = frozenset((*methods, "HEAD")) if "GET" in methods else frozenset(methods)
    return decorate


def to_login(request: HttpRequest) -> HttpResponse:
    query = "?" + urlencode({"next": request.get_full_path()}) if request.method == "GET" and not is_piece(request) else ""
    if is_piece(request):  # the whole page must change
        return HttpResponse(status=204, headers={"HX-Redirect": reverse("login")})
    return HttpResponseRedirect(reverse("login") + query)


def is_piece(request: HttpRequest) -> bool:
    """Does htmx ask for a piece of a page?"""
    return "HX-Request" in request.headers


def not_now(request: HttpRequest, error: Temporary) -> HttpResponse:
    """The page of a process that does not answer."""
    _LOG.warning("%s: %s: %s", request.path, error.text, error.why)
    template = "parts/not_now_piece.html" if is_piece(request) else "parts/not_now.html"
    # htmx puts only what was found into the page
    return render(request, template, {"reason": sentence(error)}, status=200 if is_piece(request) else 503)


# -- acts --------------------------------------------------------------------------------------------------------------------------


_PROGRAMS = frozenset(("qmail-send", "smtpd", "submission", "vmaild", "vmaild,"))


def as_sentence(text: str) -> str:
    """With a full stop, and a capital unless it begins with the name of a program."""
    if not text:
        return ""
    head = text[:1] if text.partition(" ")[0] in _PROGRAMS else text[:1].upper()
    return f"{head}{text[1:]}" + ("" if text.endswith((".", "!", "?")) else ".")


def sentence(error: MailError) -> str:
    """The text of a failure as a sentence."""
    return as_sentence(error.text.strip())


def _not_now(error: Temporary) -> str:
    """ "not now, nothing was changed", once."""
    text = sentence(error)
    return text if "nothing was changed" in text else f"Not now, and nothing was changed: {text} Try again in a moment."


class Mending:
    """with mending(form, codes): act(...); return done(...) - and what the act refuses stands in the form, below the block."""

    def __init__(self, form: forms.BaseForm, fields: Mapping[str, str]) -> None:
        self._form = form
        self._fields = fields

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> bool:
        if isinstance(error, ValidationError):
            for one in error.error_list:
                self._form.add_error(self._fields.get(one.code or "", None), one)
        elif isinstance(error, MailError):
            is_temporary = isinstance(error, Temporary)
            text = _not_now(error) if isinstance(error, Temporary) else sentence(error)
            self._form.add_error(None, ValidationError(text, code="temporary" if is_temporary else "refused"))
        return isinstance(error, ValidationError | MailError)


def mending(form: forms.BaseForm, **fields: str) -> Mending:
    """fields: code of an error = the field it belongs to."""
    return Mending(form, fields)


class Telling:
    """The same where there is no form: a failure becomes a message of the next page."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> bool:
        if isinstance(error, ValidationError):
            for text in error.messages:
                messages.error(self._request, text)
        elif isinstance(error, Temporary):
            messages.error(self._request, _not_now(error))
        elif isinstance(error, MailError):
            messages.error(self._request, sentence(error))
        return isinstance(error, ValidationError | MailError)


def telling(request: HttpRequest) -> Telling:
    return Telling(request)


def made_up(before: str, whose: str, password: str) -> SafeString:
    """The sentence of an act, and the password that was made up for it: by itself, so that nobody copies a colon with it."""
    return format_html("{} {} is <code>{}</code> Note it now: it is not shown again.", before, whose, password)


def go(to: str, *args: Any, **kwargs: Any) -> SeeOther:
    """To the page of that name."""
    return SeeOther(resolve_url(to, *args, **kwargs))


def done(request: HttpRequest, text: str, to: str, *args: Any, **kwargs: Any) -> SeeOther:
    """text: one sentence, what was done."""
    messages.success(request, text)
    return go(to, *args, **kwargs)


def posted(request: HttpRequest) -> QueryDict | None:
    """What a form was sent with; None: it is to be shown."""
    return request.POST if request.method == "POST" else None


class Confirmation(forms.Form):
    """Nothing to fill in: a button, and a place for what the act refuses."""


def show(request: HttpRequest, template: str, context: Mapping[str, Any], *forms_: forms.BaseForm) -> HttpResponse:
    """The page; 422 when a form was refused, 503 when the reason is ours."""
    status = 200
    for form in forms_:
        if form.is_bound and form.errors:
            is_ours = form.has_error(NON_FIELD_ERRORS, code="temporary")
            status = 503 if is_ours else 422
    return render(request, template, dict(context), status=status)


# -- lists -------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sort:
    """How a list is sorted, for the heads of its columns."""

    key: str
    is_down: bool


def page_of(request: HttpRequest, rows: QuerySet[_Row], size: int = PAGE_SIZE) -> Page[_Row]:
    """One page of rows; what is no page is the first one, what lies behind is the last."""
    return Paginator(rows, size).get_page(request.GET.get("page"))


def sorted_(
    request: HttpRequest, rows: QuerySet[_Row], columns: Mapping[str, tuple[str, ...]], default: str
) -> tuple[QuerySet[_Row], Sort]:
    """By ?sort=KEY, or -KEY downwards. columns: the columns of the database behind each key."""
    wanted = request.GET.get("sort", default)
    key = wanted.removeprefix("-")
    if key not in columns:
        wanted = key = default
    is_down = wanted.startswith("-")
    names = [f"-{name}" if is_down else name for name in columns[key]]
    return rows.order_by(*names), Sort(key, is_down)


def typed(request: HttpRequest, name: str = "search", size: int = 200) -> str:
    """What was typed into a filter: no more than size characters, and no NUL, which no database looks for."""
    return request.GET.get(name, "").replace("\0", "").strip()[:size]
