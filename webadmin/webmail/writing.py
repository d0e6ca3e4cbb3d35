"""Between the form of a message and the message: what a form begins with, and what it becomes."""

from __future__ import annotations

import datetime
import mimetypes
import secrets
from dataclasses import replace
from typing import Any

from django.http import Http404, HttpRequest

from mta.formats import folder_name
from mta.formats.mime import structure
from webadmin.webmail import answer, build, drafts, mailboxes, recipients
from webadmin.webmail.door import Visit
from webadmin.webmail.drafts import FILES_MAX, Kept, Original
from webadmin.webmail.forms import ComposeForm
from webadmin.webmail.index import Row
from webadmin.webmail.recipients import Recipient


class Unfit(Exception):
    """The message cannot be made or kept: field is where the form says so, the text is for the person."""

    def __init__(self, text: str, field: str | None = None) -> None:
        super().__init__(text)
        self.field = field


# ---- what a form begins with ----

Beginning = tuple[dict[str, str], tuple[Kept, ...]]  # initial values, attachments


def new(request: HttpRequest, visit: Visit) -> Beginning:
    found = recipients.lenient(request.GET.get("to", "")[:2000])
    subject = _line(request.GET.get("subject", ""))
    return {"to": recipients.shown_all(found), "subject": subject, "body": _signature(visit), "mark": drafts.new_mark()}, ()


def from_original(request: HttpRequest, visit: Visit) -> Beginning:
    """Raises Http404, OSError."""
    original = Original.read(f"{request.GET.get('mode', '')} {request.GET.get('folder', '')} {request.GET.get('key', '')}")
    if original is None:
        raise Http404("There is no such way to answer.")
    folder = visit.folder(original.slug)
    kept: tuple[Kept, ...] = ()
    with visit.open(folder, visit.row(folder, original.key)) as source:
        found = structure.scan(source)
        if original.mode in ("reply", "all"):
            begun = answer.reply(source, found, own=visit.address, to_all=original.mode == "all", zone=visit.zone)
        else:
            is_whole = original.mode == "attach"
            begun = answer.forward_whole(found) if is_whole else answer.forward(source, found, zone=visit.zone)
            kept = drafts.kept_of_original(found, whole=is_whole)
    initial = {
        "to": recipients.shown_all(list(begun.to)),
        "cc": recipients.shown_all(list(begun.cc)),
        "subject": begun.subject,
        "body": begun.body + _signature(visit),
        "original": str(original),
        "mark": drafts.new_mark(),
    }
    return initial, kept


def from_draft(request: HttpRequest, visit: Visit) -> Beginning:
    """Raises Http404, OSError."""
    folder = visit.special(folder_name.DRAFTS)
    row = visit.row(folder, request.GET["draft"])
    with visit.open(folder, row) as source:
        draft = drafts.load(source, row)
    names = ("to", "cc", "bcc", "subject", "body", "mark")
    return {n: getattr(draft, n) for n in names} | {"original": str(draft.original or ""), "draft": row.key}, draft.kept


def _signature(visit: Visit) -> str:
    signature = visit.preferences.signature
    return f"\n\n-- \n{signature}\n" if signature else ""


def _line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)[: answer.SUBJECT_MAX]


# ---- what a form becomes ----


def versions(visit: Visit, mark: str, opened_from: str) -> list[Row]:
    """The draft of a form: by its mark, else (it came from another program, which marks nothing) the one it was opened from."""
    found = drafts.rows(visit, mark)
    folder = visit.special(folder_name.DRAFTS)
    if not found and folder.is_there and opened_from:
        row = visit.index.find(folder_name.DRAFTS, opened_from)
        found = [row] if row is not None else []
    return found


def _versions(visit: Visit, form: ComposeForm) -> list[Row]:
    return versions(visit, form.cleaned_data["mark"], form.cleaned_data["draft"])


def message(request: HttpRequest, visit: Visit, form: ComposeForm) -> build.Outgoing:
    """Raises Unfit, OSError, Http404."""
    data = form.cleaned_data
    now = datetime.datetime.now(visit.zone)
    domain = visit.address.rpartition("@")[2]
    in_reply_to, references = _thread(visit, form)
    return build.Outgoing(
        sender=Recipient(visit.preferences.display_name, visit.address),
        to=tuple(data["to"]),
        cc=tuple(data["cc"]),
        bcc=tuple(data["bcc"]),
        subject=data["subject"],
        body=data["body"],
        files=tuple(_files(request, visit, form)),
        message_id=f"<{now:%Y%m%d%H%M%S}.{secrets.token_hex(8)}@{domain}>",
        date=now,
        in_reply_to=in_reply_to,
        references=references,
    )


def _files(request: HttpRequest, visit: Visit, form: ComposeForm) -> list[build.File]:
    try:
        files = drafts.files(visit, _versions(visit, form), original_of(form), request.POST.getlist("keep"))
    except drafts.Gone as error:
        raise Unfit(str(error), "attachments") from error
    files += [_uploaded(f) for f in form.cleaned_data["attachments"]]
    if getattr(request, "upload_is_too_large", False) or sum(f.size for f in files) > FILES_MAX:
        raise Unfit("Together the attachments may have 25 MB; these have more. The new files were not kept.", "attachments")
    return files


def original_of(form: ComposeForm) -> Original | None:
    return Original.read(form.cleaned_data["original"])


def _uploaded(upload: Any) -> build.File:
    name = _line(str(upload.name)) or "file"
    return build.File(name, mimetypes.guess_type(name)[0] or "application/octet-stream", upload.read())


def _thread(visit: Visit, form: ComposeForm) -> tuple[str, tuple[str, ...]]:
    """In-Reply-To and References: of the message that is answered, else as its draft has them."""
    original = original_of(form)
    if original is not None and original.mode in ("reply", "all"):
        folder = mailboxes.by_slug(visit.folders, original.slug)
        row = visit.index.find(folder.directory, original.key) if folder is not None and folder.is_there else None
        if folder is not None and row is not None:
            with visit.open(folder, row) as source:
                return answer.thread(structure.scan(source, parts_max=1).parts[0])
    earlier = _versions(visit, form)
    if not earlier:
        return "", ()
    with visit.open(visit.special(folder_name.DRAFTS), earlier[-1]) as source:
        draft = drafts.load(source, earlier[-1])
    return draft.in_reply_to, draft.references


def save(visit: Visit, form: ComposeForm, letter: build.Outgoing) -> None:
    """The message becomes the draft of the form. Raises Unfit, OSError."""
    if not visit.mailbox.has_room(sum(f.size for f in letter.files) + len(letter.body)):
        raise Unfit("Your mailbox is full: the draft could not be saved. Delete some messages, empty Trash, then try again.")
    drafts.save(visit, letter, form.cleaned_data["mark"], original_of(form), _versions(visit, form))


def kept(request: HttpRequest, visit: Visit, *, is_saved: bool) -> tuple[Kept, ...]:
    """The attachments of a form that is shown again: those of its draft, else those of the message it passes on. is_saved: the draft is
    what the form says; else boxes stay as they were ticked."""
    found = versions(visit, request.POST.get("mark", ""), request.POST.get("draft", ""))
    if found:
        with visit.open(visit.special(folder_name.DRAFTS), found[-1]) as source:
            there = drafts.kept_in(structure.scan(source))
    else:
        there = _kept_of_original(request, visit)
    if is_saved:
        return there
    ticked = set(request.POST.getlist("keep"))
    return tuple(replace(k, is_kept=k.value in ticked) for k in there)


def _kept_of_original(request: HttpRequest, visit: Visit) -> tuple[Kept, ...]:
    original = Original.read(request.POST.get("original", ""))
    if original is None or original.mode not in ("forward", "attach"):
        return ()
    folder = visit.folder(original.slug)
    with visit.open(folder, visit.row(folder, original.key)) as source:
        return drafts.kept_of_original(structure.scan(source), whole=original.mode == "attach")
