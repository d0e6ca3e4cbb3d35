"""Screens of mailboxes: the list of a domain, one mailbox, its deletion."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters

from mta.errors import MailError
from webadmin import access
from webadmin.access import Person
from webadmin.accounts import acts, names, passwords, shown
from webadmin.accounts.forms import AddMailboxForm, DeleteMailboxForm, DetailsForm, ForwardForm, PasswordForm
from webadmin.aliases import lines
from webadmin.aliases.acts import alias_add
from webadmin.domains import limits, removed
from webadmin.domains.acts import POSTMASTER
from webadmin.domains.frame import frame
from webadmin.models import Mailbox
from webadmin.pages import done, door, go, is_piece, made_up, mending, page_of, posted, sentence, show, sorted_, telling, typed

_COLUMNS = {"name": ("name",), "person": ("gecos", "name"), "added": ("position",)}
_PASSWORD = {"password": "password", "password_too_long": "password"}
_QUOTA = {"quota": "quota", "quota_too_long": "quota", "gecos": "gecos", "gecos_too_long": "gecos"}


@door("GET")
def mailbox_list(request: HttpRequest, who: Person, domain: str) -> HttpResponse:
    """How full the mailboxes are comes afterwards (?usage), so that the list is there at once."""
    row = access.domain_for(who, domain)
    if row.is_alias:
        return redirect("domain_show", domain)
    text = typed(request)
    found = access.mailboxes_for(who).filter(domain=row)
    if text:
        found = found.filter(Q(name__contains=text.lower()) | Q(gecos__icontains=text))
    found, sort = sorted_(request, found, _COLUMNS, "name")
    page = page_of(request, found)
    context = {"page": page, "sort": sort, "search": text, **_usage(request, domain, list(page))}
    if is_piece(request):
        return render(request, "accounts/part_mailboxes.html", {**context, "domain": row})
    return render(request, "accounts/mailbox_list.html", frame(row, **context))


def _usage(request: HttpRequest, domain: str, mailboxes: list[Mailbox]) -> dict[str, object]:
    if "usage" not in request.GET:
        return {"rows": shown.rows(mailboxes, {}), "is_measured": False}
    try:
        return {"rows": shown.rows(mailboxes, shown.usage(domain, mailboxes)), "is_measured": True}
    except MailError as error:
        return {"rows": shown.rows(mailboxes, {}), "is_measured": True, "trouble": sentence(error)}


@sensitive_post_parameters("password")
@door("GET", "POST")
def mailbox_add(request: HttpRequest, who: Person, domain: str) -> HttpResponse:
    row = access.domain_for(who, domain)
    form = AddMailboxForm(posted(request), initial={"quota": shown.quota_words(limits.default_quota(row))})
    if form.is_valid():
        f = form.cleaned_data
        with mending(form, local_name="name", local_too_long="name", mailbox_exists="name", dir_too_long="name", **_QUOTA, **_PASSWORD):
            password = f["password"] or passwords.random_password()
            mailbox = acts.mailbox_add(who.actor, row, f["name"], password, gecos=f["gecos"] or None, quota=f["quota"])
            return done(request, _said(f"{mailbox.address} was added.", f["password"], password), "mailbox_edit", domain, mailbox.name)
    return show(request, "accounts/mailbox_add.html", frame(row, form=form), form)


def _said(what: str, given: str, password: str) -> str:
    return what if given else made_up(what, "Its password", password)


@sensitive_post_parameters("password-password")
@door("GET", "POST")
def mailbox_edit(request: HttpRequest, who: Person, domain: str, name: str) -> HttpResponse:
    """One page, three forms; "form" says which of them was sent."""
    mailbox = access.mailbox_for(who, domain, name)
    which = request.POST.get("form", "")
    details = DetailsForm(request.POST if which == "details" else None, mailbox)
    password = PasswordForm(request.POST if which == "password" else None)
    forward = ForwardForm(request.POST if which == "forward" else None, mailbox)
    answer = _save_details(request, who, mailbox, details) or _save_password(request, who, mailbox, password)
    answer = answer or _save_forward(request, who, mailbox, forward)
    if answer is not None:
        return answer
    context = frame(mailbox.domain, mailbox=mailbox, details=details, password=password, forward=forward, notes=shown.notes(mailbox))
    context["dotqmail"] = (mailbox.dotqmail or b"").decode("utf-8", "backslashreplace")
    context["has_others"] = lines.has_others(mailbox.dotqmail, acts.maildir(mailbox))
    if "usage" in request.GET:  # without script
        context |= {"is_measured": True, **_filled(mailbox)}
    return show(request, "accounts/mailbox_edit.html", context, details, password, forward)


def _saved(request: HttpRequest, mailbox: Mailbox, text: str) -> HttpResponse:
    return done(request, text, "mailbox_edit", mailbox.domain.name, mailbox.name)


def _save_details(request: HttpRequest, who: Person, mailbox: Mailbox, form: DetailsForm) -> HttpResponse | None:
    if form.is_valid():
        f = form.cleaned_data
        with mending(form, **_QUOTA):
            if (f["gecos"].strip(), names.quota(f["quota"]), form.flags()) == (mailbox.gecos, mailbox.quota, mailbox.flags):
                return _saved(request, mailbox, "Nothing was different.")
            acts.details_set(who.actor, mailbox, gecos=f["gecos"], quota=f["quota"], flags=form.flags())
            return _saved(request, mailbox, f"{mailbox.address} was saved.")
    return None


def _save_password(request: HttpRequest, who: Person, mailbox: Mailbox, form: PasswordForm) -> HttpResponse | None:
    if form.is_valid():
        given = form.cleaned_data["password"]
        with mending(form, **_PASSWORD):
            password = given or passwords.random_password()
            acts.password_set(who.actor, mailbox, password)
            return _saved(request, mailbox, _said(f"{mailbox.address} has a new password.", given, password))
    return None


def _save_forward(request: HttpRequest, who: Person, mailbox: Mailbox, form: ForwardForm) -> HttpResponse | None:
    if form.is_valid():
        codes = dict.fromkeys(("target", "domain_name", "domain_too_long"), "targets")
        with mending(form, **codes):
            targets = form.cleaned_data["targets"].split()
            acts.forward_set(who.actor, mailbox, targets, keep_copy=form.cleaned_data["keep_copy"])
            return _saved(request, mailbox, f"Forwarding of {mailbox.address} was saved.")
    return None


@door("GET")
def mailbox_usage(request: HttpRequest, who: Person, domain: str, name: str) -> HttpResponse:
    """The piece of the page that says how full one mailbox is."""
    return render(request, "accounts/part_usage.html", _filled(access.mailbox_for(who, domain, name)))


def _filled(mailbox: Mailbox) -> dict[str, object]:
    context: dict[str, object] = {"quota": shown.quota_shown(mailbox.quota)}
    try:
        context["filled"] = shown.usage(mailbox.domain.name, [mailbox]).get(mailbox.name)
    except MailError as error:
        context["trouble"] = sentence(error)
    return context


@door("GET", "POST")
def mailbox_delete(request: HttpRequest, who: Person, domain: str, name: str) -> HttpResponse:
    mailbox = access.mailbox_for(who, domain, name)
    form = DeleteMailboxForm(posted(request))
    if form.is_valid():
        codes = dict.fromkeys(("target", "domain_name", "domain_too_long"), "forward_to")
        with mending(form, **codes):
            target = _target(mailbox, form.cleaned_data["forward_to"])
            kept = acts.mailbox_remove(who.actor, mailbox)
            messages.success(request, removed.told(f"{name}@{domain} was deleted.", kept))
            _alias_instead(request, who, mailbox, name, target)
            return go("mailbox_list", domain)
    return show(request, "accounts/mailbox_delete.html", frame(mailbox.domain, mailbox=mailbox, form=form), form)


def _target(mailbox: Mailbox, typed: str) -> str:
    """Raises ValidationError."""
    if typed:
        return names.target(typed)
    if mailbox.name == POSTMASTER:
        raise ValidationError("Every domain needs a postmaster (RFC 5321). Say who gets its mail from now on.", code="target")
    return ""


def _alias_instead(request: HttpRequest, who: Person, mailbox: Mailbox, name: str, target: str) -> None:
    if target:
        with telling(request):
            alias_add(who.actor, mailbox.domain, name, [target])
            messages.success(request, f"Its mail goes to {target} from now on.")
