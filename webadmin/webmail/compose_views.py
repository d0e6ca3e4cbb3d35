"""Writing a message: the form, its drafts, and sending."""

from __future__ import annotations

import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from mta.errors import MailError, Permanent
from mta.formats import folder_name
from webadmin.webmail import acts, build, drafts, mailboxes, recipients, writing
from webadmin.webmail.door import Visit, mailbox_view
from webadmin.webmail.drafts import Kept
from webadmin.webmail.forms import ComposeForm
from webadmin.webmail.recipients import Recipient


@mailbox_view
@require_http_methods(["GET", "POST"])
def compose(request: HttpRequest, visit: Visit) -> HttpResponse:
    """GET to= and subject=, or draft=, or mode=, folder= and key=. POST act: send, save, discard."""
    if request.method == "GET":
        begin = writing.from_draft if request.GET.get("draft") else writing.from_original if request.GET.get("mode") else writing.new
        initial, kept = begin(request, visit)
        return _page(request, visit, ComposeForm(initial=initial), kept)
    act = request.POST.get("act", "save")
    if act == "discard":
        return _discard(request, visit)
    form = ComposeForm(request.POST, request.FILES, is_sending=act == "send")
    try:
        if form.is_valid():
            letter = writing.message(request, visit, form)
            return _send(request, visit, form, letter) if act == "send" else _save(request, visit, form, letter)
    except writing.Unfit as error:
        form.add_error(error.field, str(error))
    is_saved = _keep_files(request, visit)
    return _page(request, visit, form, writing.kept(request, visit, is_saved=is_saved), status=422)


@mailbox_view
@require_POST
def autosave(request: HttpRequest, visit: Visit) -> HttpResponse:
    """The form as it stands becomes the draft -> the piece of the page that shows its state and its attachments."""
    form = ComposeForm(request.POST, request.FILES, is_sending=False)
    trouble = ""
    try:
        if form.is_valid():
            writing.save(visit, form, writing.message(request, visit, form))
        else:
            trouble = "Not saved: " + " ".join(str(e) for errors in form.errors.values() for e in errors)
    except writing.Unfit as error:
        trouble = str(error)
    now = datetime.datetime.now(visit.zone)
    kept = writing.kept(request, visit, is_saved=not trouble)
    context = {"kept": kept, "saved_at": "" if trouble else f"{now:%H:%M}", "trouble": trouble}
    return render(request, "webmail/parts/draft_state.html", context, status=422 if trouble else 200)


def _keep_files(request: HttpRequest, visit: Visit) -> bool:
    """The form has errors: what was uploaded goes into the draft, so that it need not be sent again. -> was it saved?"""
    if not request.FILES:
        return False
    form = ComposeForm(request.POST, request.FILES, is_sending=False)
    try:
        if form.is_valid():
            writing.save(visit, form, writing.message(request, visit, form))
            return True
    except writing.Unfit:  # the page says what is wrong, and the files are not on its list
        pass
    return False


def _save(request: HttpRequest, visit: Visit, form: ComposeForm, letter: build.Outgoing) -> HttpResponse:
    writing.save(visit, form, letter)
    messages.success(request, "The draft is saved.")
    return redirect("webmail:folder", mailboxes.slug(folder_name.DRAFTS))


def _send(request: HttpRequest, visit: Visit, form: ComposeForm, letter: build.Outgoing) -> HttpResponse:
    original = writing.original_of(form)
    opened_from = writing.versions(visit, form.cleaned_data["mark"], form.cleaned_data["draft"])
    try:
        trouble = acts.send(visit, letter, form.cleaned_data["mark"], original)
    except MailError as error:
        return _not_sent(request, visit, form, letter, error)
    if opened_from:
        visit.mailbox.folder(folder_name.DRAFTS).remove([r.entry for r in opened_from])
    for sentence in trouble:
        messages.warning(request, sentence)
    if not trouble:
        messages.success(request, "Your message is on its way.")
    return redirect("webmail:folder", original.slug if original is not None else mailboxes.slug(folder_name.INBOX))


def _not_sent(request: HttpRequest, visit: Visit, form: ComposeForm, letter: build.Outgoing, error: MailError) -> HttpResponse:
    """The queue refused it: the text stays in the form, and becomes a draft."""
    try:
        writing.save(visit, form, letter)
        is_saved, said = True, "It is kept as a draft."
    except (writing.Unfit, OSError):
        is_saved, said = False, "It could not be saved as a draft either: please keep this page open."
    if isinstance(error, Permanent):
        form.add_error(None, f"The server refused the message: {error.text}. {said}")
    else:
        form.add_error(None, f"The message could not be sent just now ({error.text}). {said} Please try again in a few minutes.")
    status = 422 if isinstance(error, Permanent) else 503
    return _page(request, visit, form, writing.kept(request, visit, is_saved=is_saved), status=status)


def _discard(request: HttpRequest, visit: Visit) -> HttpResponse:
    found = writing.versions(visit, request.POST.get("mark", ""), request.POST.get("draft", ""))
    if found:
        acts.delete(visit, visit.special(folder_name.DRAFTS), found)
        return redirect("webmail:folder", mailboxes.slug(folder_name.DRAFTS))
    messages.success(request, "The message was thrown away.")
    return redirect("webmail:start")


def _page(request: HttpRequest, visit: Visit, form: ComposeForm, kept: tuple[Kept, ...], status: int = 200) -> HttpResponse:
    own = Recipient(visit.preferences.display_name, visit.address)
    context = visit.frame() | {
        "form": form,
        "kept": kept,
        "own": recipients.shown(own),
        "has_copies": any(form[n].value() or form[n].errors for n in ("cc", "bcc")),
        "files_max": drafts.FILES_MAX,
    }
    response = render(request, "webmail/compose.html", context, status=status)
    response.headers["Cache-Control"] = "private, no-cache"  # not no-store: who goes back should find what was typed
    return response
