"""Folders and their lists."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from mta.formats import folder_name
from webadmin.webmail import acts, lists, mailboxes
from webadmin.webmail.door import Visit, mailbox_view
from webadmin.webmail.forms import FolderForm
from webadmin.webmail.index import Row, View
from webadmin.webmail.mailboxes import Folder

_COLUMNS = (("from", "From"), ("subject", "Subject"), ("size", "Size"), ("date", "Date"))
_SHOWS = (("", "All"), ("unread", "Unread"), ("flagged", "Flagged"))


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list."""

    rows: list[Row]
    number: int
    size: int
    total: int
    waiting: int  # messages that must still be read before the order or the search is complete

    @property
    def count(self) -> int:
        return max(1, -(-self.total // self.size))

    @property
    def first(self) -> int:
        return (self.number - 1) * self.size + 1

    @property
    def last(self) -> int:
        return min(self.total, self.number * self.size)


@mailbox_view
@require_safe
def start(request: HttpRequest, visit: Visit) -> HttpResponse:
    return redirect("webmail:folder", mailboxes.slug(folder_name.INBOX))


@mailbox_view
@require_safe
def folder(request: HttpRequest, visit: Visit, slug: str) -> HttpResponse:
    here = visit.folder(slug)
    view = lists.read(request.GET)
    page = _page(visit, here, view, lists.page_of(request.GET))
    context = visit.frame(here) | {
        "folder": here,
        "view": view,
        "page": page,
        "query": lists.write(view, page.number),
        "columns": [_column(view, order, "To" if here.is_own and order == "from" else label) for order, label in _COLUMNS],
        "shows": [(label, lists.write(replace(view, filter=word)), view.filter == word) for word, label in _SHOWS],
        "previous": lists.write(view, page.number - 1) or "?" if page.number > 1 else "",
        "next": lists.write(view, page.number + 1) if page.number < page.count else "",
        "targets": [f for f in visit.folders if f.directory != here.directory],
        "undo": acts.undoable(visit),
        "new_folder": FolderForm(parents=_parents(visit)),
    }
    return render(request, "webmail/folder.html", context)


def _page(visit: Visit, here: Folder, view: View, number: int) -> Page:
    size = visit.preferences.page_size
    if not here.is_there:
        return Page([], 1, size, 0, 0)
    visit.mailbox.folder(here.directory).take_new()
    visit.index.refresh(here.directory)
    waiting = visit.index.read_portion(here.directory, is_own=here.is_own) if view.needs_all else 0
    total = visit.index.count(here.directory, view)
    number = max(1, min(number, -(-total // size)))
    rows = visit.index.rows(here.directory, view, (number - 1) * size, size)
    return Page(visit.index.read_rows(here.directory, rows, is_own=here.is_own), number, size, total, waiting)


def _column(view: View, order: str, label: str) -> tuple[str, str, str, str]:
    """-> (order, label, where its head leads to, aria-sort)"""
    sorting = "none" if view.order != order else "ascending" if view.is_ascending else "descending"
    return order, label, lists.write(lists.sorted_by(view, order)) or "?", sorting


def _parents(visit: Visit) -> list[tuple[str, str]]:
    return [(f.slug, f.path) for f in visit.folders if f.is_there and f.directory]


@mailbox_view
@require_POST
def act(request: HttpRequest, visit: Visit, slug: str) -> HttpResponse:
    """act: read, unread, flag, unflag, move, archive, junk, inbox or delete, for each key; target: slug, for move; star: the key of one
    message whose flag is turned; back: the list's query, to go back to."""
    here = visit.folder(slug)
    word = request.POST.get("act", "")
    star = request.POST.get("star")
    if star:
        for row in acts.rows(visit, here, [star]):
            acts.mark(visit, here, [row], "unflag" if row.is_flagged else "flag")
        return _back(request, here)
    chosen = acts.rows(visit, here, request.POST.getlist("key"))
    if not chosen:
        messages.warning(request, "Select one or more messages first." if not request.POST.getlist("key") else "These messages are gone.")
    elif word in acts.MARKS:
        acts.mark(visit, here, chosen, word)
    elif word == "delete":
        _say_deleted(request, here, acts.delete(visit, here, chosen))
    elif word in ("move", "archive", "junk", "inbox"):
        _move(request, visit, here, chosen, word)
    else:
        raise Http404("There is no such act.")
    return _back(request, here)


def _say_deleted(request: HttpRequest, here: Folder, count: int) -> None:
    if here.is_trash:
        messages.success(request, f"{_messages(count)} deleted for good.")


_TARGETS = {"archive": folder_name.ARCHIVE, "junk": folder_name.JUNK, "inbox": folder_name.INBOX}


def _move(request: HttpRequest, visit: Visit, here: Folder, chosen: list[Row], word: str) -> None:
    if word in _TARGETS:
        target: Folder | None = visit.special(_TARGETS[word])
    else:
        target = mailboxes.by_slug(visit.folders, request.POST.get("target", ""))
    if target is None:
        messages.warning(request, "Choose the folder to move to.")
    elif target.directory == here.directory:
        messages.warning(request, f"The messages are in {target.name} already.")
    else:
        acts.move(visit, here, chosen, target.directory)


def _messages(count: int) -> str:
    return "1 message" if count == 1 else f"{count:,} messages"


def _back(request: HttpRequest, here: Folder) -> HttpResponse:
    """To the list as it was: only our own words of its query are kept."""
    query = QueryDict(urlsplit(request.POST.get("back", "")).query[:2000])
    target = reverse("webmail:folder", args=[here.slug])
    return redirect(target + lists.write(lists.read(query), lists.page_of(query)))


@mailbox_view
@require_POST
def undo(request: HttpRequest, visit: Visit) -> HttpResponse:
    count = acts.undo(visit)
    messages.success(request, f"{_messages(count)} moved back.") if count else messages.warning(request, "There is nothing to take back.")
    here = mailboxes.by_slug(visit.folders, request.POST.get("folder", "")) or visit.special(folder_name.INBOX)
    return _back(request, here)


@mailbox_view
@require_POST
def empty(request: HttpRequest, visit: Visit, slug: str) -> HttpResponse:
    """Empty Trash."""
    here = visit.folder(slug)
    if not here.is_trash:
        raise Http404("Only Trash can be emptied.")
    count = acts.empty(visit, here) if here.is_there else 0
    messages.success(request, f"{_messages(count)} deleted for good.")
    return redirect("webmail:folder", here.slug)


@mailbox_view
@require_http_methods(["GET", "POST"])
def folder_add(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    form = FolderForm(request.POST or None, parents=_parents(visit))
    if request.method == "POST" and form.is_valid():
        directory = _directory(visit, form)
        if directory is not None:
            visit.mailbox.make_folder(directory)
            messages.success(request, f"The folder “{form.cleaned_data['name']}” is made.")
            return redirect("webmail:folder", mailboxes.slug(directory))
    return render(request, "webmail/folder_add.html", visit.frame() | {"form": form}, status=422 if form.errors else 200)


def _directory(visit: Visit, form: FolderForm) -> bytes | None:
    """Of the folder to make; None with an error in the form."""
    parent = mailboxes.by_slug(visit.folders, form.cleaned_data["parent"])
    levels = folder_name.read(parent.directory) if parent is not None else ()
    try:
        directory = folder_name.write((*levels, form.cleaned_data["name"].encode()))
    except ValueError:
        form.add_error("name", "This name is too long.")
        return None
    taken = {tuple(level.decode().casefold() for level in folder_name.read(f.directory)) for f in visit.folders}
    if tuple(level.decode().casefold() for level in folder_name.read(directory)) in taken:
        form.add_error("name", "There is a folder of this name already.")
        return None
    return directory
