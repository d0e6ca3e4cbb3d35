"""Screens of control files: the table, one file with its preview and history, generations and the way back."""

from __future__ import annotations

from collections.abc import Mapping

from django import forms
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from mta.errors import Temporary
from mta.formats import control as control_format
from mta.formats import install_call
from mta.formats.control_files import source_of
from mta.formats.install_call import digest
from webadmin import access
from webadmin.access import Person
from webadmin.control import acts, table
from webadmin.control.forms import FileForm, NewFileForm, RemoveForm
from webadmin.control.preview import Preview, preview
from webadmin.mirror import install
from webadmin.models import ConfigFile
from webadmin.pages import PAGE_SIZE, Confirmation, done, door, go, is_piece, mending, posted, sentence, show, typed

HISTORY_MAX = 20


@door("GET", "POST")
def control_list(request: HttpRequest, who: Person) -> HttpResponse:
    form = NewFileForm(posted(request))
    if form.is_valid():
        return go("control_file", "control", form.cleaned_data["name"])
    text, only = typed(request), request.GET.get("only", "")
    rows = {row.path: row for row in access.files_for(who)}
    found = [e for e in table.entries(rows) if _is_meant(e, text.lower(), only)]
    context = {"entries": found, "search": text, "only": only, "form": form}
    return show(request, "control/part_control.html" if is_piece(request) else "control/control_list.html", context, form)


def _is_meant(entry: table.Entry, text: str, only: str) -> bool:
    if only and (entry.row is not None) != (only == "set"):
        return False
    words = f"{entry.path} {entry.meaning} {entry.summary} {entry.unit}".lower()
    value = entry.shown.lower()  # all of it: in which files does this domain stand?
    return all(word in words or word.encode("utf-8", "replace") in value for word in text.split())


# -- one file ----------------------------------------------------------------------------------------------------------------------


def _files(who: Person) -> dict[str, ConfigFile]:
    return {row.path: row for row in access.files_for(who)}


def _values(rows: Mapping[str, ConfigFile]) -> dict[str, bytes | None]:
    return {path: row.value for path, row in rows.items()}


def _entry(rows: Mapping[str, ConfigFile], folder: str, name: str) -> table.Entry:
    """Raises Http404 for what cannot be the name of a control file."""
    path = f"{folder}/{name}"
    if folder not in ("control", "users") or not install_call.is_control_path(path.encode("utf-8", "replace")):
        raise Http404
    if folder == "users" and not install_call.is_text_path(path.encode()):
        raise Http404
    me = rows.get("control/me")
    return table.entry(path, rows.get(path), control_format.line(me.value).decode("utf-8", "replace") if me else "")


@door("GET", "POST")
def control_file(request: HttpRequest, who: Person, folder: str, name: str) -> HttpResponse:
    """Edit, look at the preview, install: "do" says which of them was asked for."""
    rows = _files(who)
    entry = _entry(rows, folder, name)
    old = entry.row.value if entry.row else None
    form = FileForm(posted(request), old)
    wanted = request.POST.get("do", "")
    if wanted in ("preview", "install") and form.is_valid() and entry.is_edited_here and FileForm.fits(old):
        with mending(form, control="value"):
            value = acts.checked(entry.path, form.cleaned_data["octets"])
            _check_seen(form.cleaned_data["seen"], entry)
            if wanted == "install":
                number = acts.control_set(who.actor, entry.path, value).number
                return done(request, f"{entry.path} was installed as generation {number}.", "control_file", folder, name)
            context = {"entry": entry, "form": form, "preview": preview(_values(rows), {entry.path: value})}
            return render(request, "control/control_preview.html", context)
    history = access.audit_for(who).filter(kind="file", name=entry.path)[:HISTORY_MAX]
    context = {
        "entry": entry,
        "form": form,
        "history": history,
        "fits": FileForm.fits(old),
        "source": source_of(name),
        "may_go": entry.row is not None and entry.is_edited_here and not _refusal(entry.path),
    }
    return show(request, "control/control_file.html", context, form)


def _check_seen(seen: str, entry: table.Entry) -> None:
    """Raises ValidationError."""
    value = entry.row.value if entry.row else None
    if seen != digest(value).decode():
        by = f" by {entry.row.changed_by}" if entry.row else ""
        raise ValidationError(f"{entry.path} was changed{by} while you looked at it. Open it again, and make your change there.")


@door("GET", "POST")
def control_remove(request: HttpRequest, who: Person, folder: str, name: str) -> HttpResponse:
    rows = _files(who)
    entry = _entry(rows, folder, name)
    if entry.row is None:
        raise Http404
    form = RemoveForm(posted(request), initial={"seen": digest(entry.row.value).decode()})
    if form.is_valid():
        with mending(form):
            _check_seen(form.cleaned_data["seen"], entry)
            number = acts.control_remove(who.actor, entry.path).number
            return done(request, f"{entry.path} was removed: generation {number}.", "control_file", folder, name)
    context = {"entry": entry, "form": form, "refusal": _refusal(entry.path), "preview": preview(_values(rows), {entry.path: None})}
    return show(request, "control/control_remove.html", context, form)


def _refusal(path: str) -> str:
    try:
        acts.check_remove(path)
    except ValidationError as error:
        return " ".join(error.messages)
    return ""


# -- generations -------------------------------------------------------------------------------------------------------------------


@door("GET")
def generation_list(request: HttpRequest, who: Person) -> HttpResponse:
    """Those the instance still has can be gone back to; when nobody can say which, those that were noted are shown."""
    trouble, in_force = "", 0
    try:
        in_force, found = install.generations()
        page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    except Temporary as error:
        trouble = sentence(error)
        page = Paginator(access.generations_for(who), PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "control/generation_list.html", {"page": page, "in_force": in_force, "trouble": trouble})


@door("GET", "POST")
def generation_show(request: HttpRequest, who: Person, number: int) -> HttpResponse:
    """What going back to it would do, and the button that does it."""
    form = Confirmation(posted(request))
    if form.is_valid():
        with mending(form):
            now = acts.rollback(who.actor, number).number
            return done(request, f"control/ and users/ are as in generation {number} again: generation {now}.", "generation_list")
    context = {"number": number, "form": form, "row": access.generations_for(who).filter(number=number).first()}
    return show(request, "control/generation_show.html", {**context, **_way_back(form, number)}, form)


def _way_back(form: forms.Form, number: int) -> dict[str, object]:
    """Raises Http404 for a generation that is not there any more, Temporary."""
    try:
        then, now = install.read_control(number), install.read_control()
    except ValidationError as error:
        raise Http404 from error
    return {"preview": between(now.texts, then.texts), "in_force": now.number}


def between(now: Mapping[bytes, bytes], then: Mapping[bytes, bytes]) -> Preview:
    before = {path.decode(): data for path, data in now.items()}
    after = {path.decode(): data for path, data in then.items()}
    return preview(before, {**dict.fromkeys(before), **after})
