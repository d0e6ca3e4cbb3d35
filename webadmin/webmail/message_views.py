"""Reading one message: the page, the frame with its HTML, its attachments, its source."""

from __future__ import annotations

from collections.abc import Iterator

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from mta.formats.mime import structure, transfer
from mta.formats.mime.source import WINDOW, windows
from mta.formats.mime.structure import Part
from mta.unix import mail_folder
from webadmin.webmail import choose, decode, letter, lists, washer
from webadmin.webmail.door import Visit, mailbox_view
from webadmin.webmail.index import Row
from webadmin.webmail.mailboxes import Folder

SOURCE_SHOWN_MAX = 1 << 18
PICTURE_MAX = 4 << 20
PICTURES_MAX = 12 << 20
_HTML_MAX = 1 << 21
FRAME_POLICY = "; ".join(
    (
        "sandbox allow-popups allow-popups-to-escape-sandbox",
        "default-src 'none'",
        "img-src data:",
        "style-src 'unsafe-inline'",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'self'",
    )
)
FILE_POLICY = "sandbox; default-src 'none'"
# What a download may call itself; anything else is octets.
_TYPES = frozenset(("image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf", "application/zip"))


@mailbox_view
@require_safe
def message(request: HttpRequest, visit: Visit, slug: str, key: str) -> HttpResponse:
    here = visit.folder(slug)
    row = visit.row(here, key)
    if here.is_drafts and "root" not in request.GET:
        return redirect(f"{reverse('webmail:compose')}?draft={row.key}")
    view = lists.read(request.GET)
    # Looked for before the message is marked as read, which may take it out of the list it was opened from.
    before, behind = visit.index.neighbours(here.directory, view, row)
    try:
        with visit.open(here, row) as file:
            found = structure.scan(file)
            root = _root(request, found)
            shown = letter.read(file, found, root=root, wants_html=request.GET.get("view") != "text")
            fields = letter.fields(found.parts[root + 1 if root else 0]) if request.GET.get("headers") == "all" else []
            size = file.size
    except PermissionError:
        return _unreadable(request, visit, here)
    if row.is_unread and not root:
        _mark_read(visit, here, row)
    context = visit.frame(here) | {
        "folder": here,
        "row": row,
        "letter": shown,
        "root": root,
        "fields": fields,
        "size": size,
        "query": lists.write(view, lists.page_of(request.GET)),
        "previous": before,
        "next": behind,
        "targets": [f for f in visit.folders if f.directory != here.directory],
        "zone": visit.zone,
    }
    return render(request, "webmail/message.html", context)


def _root(request: HttpRequest, found: structure.Structure) -> int:
    """The message within the message that is asked for; 0 for the message itself. Raises Http404."""
    text = request.GET.get("root", "0")
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise Http404("There is no such part.")
    root = int(text)
    if root and (root >= len(found.parts) or not _is_message(found.parts[root])):
        raise Http404("There is no such part.")
    return root


def _is_message(part: Part) -> bool:
    return part.is_container and not part.kind.startswith(b"multipart/")


def _mark_read(visit: Visit, here: Folder, row: Row) -> None:
    try:
        visit.mailbox.folder(here.directory).set_flags(row.entry, b"S")
    except FileNotFoundError:  # moved by somebody else while it was being read
        pass


def _unreadable(request: HttpRequest, visit: Visit, here: Folder) -> HttpResponse:
    context = visit.frame(here) | {
        "title": "This message cannot be read",
        "text": "What stands in the mailbox under this name is not a message of yours: a link, a device, or a file of another user.",
    }
    return render(request, "webmail/problem_inside.html", context, status=403)


@mailbox_view
@require_safe
def html(request: HttpRequest, visit: Visit, slug: str, key: str, index: int) -> HttpResponse:
    """An HTML text, washed, as a document of its own for the frame. Nothing changes it after the wash."""
    here = visit.folder(slug)
    with visit.open(here, visit.row(here, key)) as file:
        found = structure.scan(file)
        part = _part(found, index)
        if part.kind != choose.HTML:
            raise Http404("This part is not HTML.")
        text, said = letter.decoded(file, part, _HTML_MAX)
        root = _message_around(found, index)
        pictures = letter.pictures_of(file, found, root, text, each_max=PICTURE_MAX * 2, all_max=PICTURES_MAX)
    try:
        washed = washer.wash(text, pictures=pictures, compose_url=reverse("webmail:compose"))
        context = {"washed": washed, "said": said}
    except washer.Unwashable:
        context = {"washed": None, "said": said}
    # render_to_string escapes all but the washed HTML
    response = HttpResponse(render_to_string("webmail/frame.html", context))
    response.headers["Content-Security-Policy"] = FRAME_POLICY
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _part(found: structure.Structure, index: int) -> Part:
    if index >= len(found.parts):
        raise Http404("There is no such part.")
    return found.parts[index]


def _message_around(found: structure.Structure, index: int) -> int:
    """The message the part belongs to: pictures are looked for there alone."""
    at = found.parts[index].parent
    while at > 0 and not _is_message(found.parts[at]):
        at = found.parts[at].parent
    return max(at, 0)


@mailbox_view
@require_safe
def part(request: HttpRequest, visit: Visit, slug: str, key: str, index: int) -> HttpResponseBase:
    """Any part, to be saved. Pictures of the page come this way, too: what a browser may take for one is seen from its first octets."""
    here = visit.folder(slug)
    file = visit.open(here, visit.row(here, key))
    try:
        wanted = _part(structure.scan(file), index)
        head = next(iter(_pieces(file, wanted, 64)), b"")
    except BaseException:
        file.close()
        raise
    kind = letter.raster_type(head) or wanted.kind.decode("latin-1")
    response = StreamingHttpResponse(
        _closing(file, _pieces(file, wanted)), content_type=kind if kind in _TYPES else "application/octet-stream"
    )
    return _as_file(response, letter.safe_name(wanted))


def _pieces(file: mail_folder.MessageFile, wanted: Part, octets: int | None = None) -> Iterator[bytes]:
    end = wanted.end if octets is None else min(wanted.end, wanted.body + octets)
    return windows(file, wanted.body, end) if wanted.is_container else transfer.pieces(wanted.encoding, file, wanted.body, end)


def _closing(file: mail_folder.MessageFile, pieces: Iterator[bytes]) -> Iterator[bytes]:
    with file:
        yield from pieces


def _as_file(response: StreamingHttpResponse, name: str) -> StreamingHttpResponse:
    response.headers["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    response.headers["Content-Security-Policy"] = FILE_POLICY
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    response.headers["Cache-Control"] = "private, max-age=600"
    return response


@mailbox_view
@require_safe
def source(request: HttpRequest, visit: Visit, slug: str, key: str) -> HttpResponseBase:
    """The message as it stands: on a page, or with download=1 as a file."""
    here = visit.folder(slug)
    row = visit.row(here, key)
    file = visit.open(here, row)
    if request.GET.get("download") == "1":
        response = StreamingHttpResponse(_closing(file, windows(file, 0, file.size, WINDOW)), content_type="application/octet-stream")
        return _as_file(response, f"{row.key}.eml")
    with file:
        text, _ = decode.text(file.read(0, SOURCE_SHOWN_MAX), None)
        context = visit.frame(here) | {"folder": here, "row": row, "text": text, "is_cut": file.size > SOURCE_SHOWN_MAX, "size": file.size}
    return render(request, "webmail/source.html", context)
