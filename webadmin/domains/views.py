"""Screens of domains: the list, one domain's settings, deletion and its undoing."""

from __future__ import annotations

from dataclasses import asdict

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters

from webadmin import access
from webadmin.access import Person
from webadmin.accounts import passwords
from webadmin.accounts.acts import mailbox_restore
from webadmin.domains import acts, catchall, dns, emptying, limits, removed, search
from webadmin.domains.catchall import Kind
from webadmin.domains.forms import AddDomainForm, AddNameForm, CatchAllForm, DeleteDomainForm, KeepForm, LimitsForm, RestoreForm, StaleForm
from webadmin.domains.frame import frame
from webadmin.domains.names import domain_name
from webadmin.models import Domain
from webadmin.pages import PAGE_SIZE, done, door, go, is_piece, made_up, mending, page_of, posted, show, sorted_, telling, typed

_COLUMNS = {"name": ("name",), "mailboxes": ("mailbox_count", "name"), "aliases": ("alias_count", "name"), "kind": ("kind", "name")}
_NAME_CODES = dict.fromkeys(("domain_name", "domain_exists", "domain_too_long"), "name")


@door("GET")
def domain_list(request: HttpRequest, who: Person) -> HttpResponse:
    text = typed(request)
    is_address = "@" in text
    rows, sort = sorted_(request, search.domains(who, "" if is_address else text), _COLUMNS, "name")
    found = search.addresses(who, text) if is_address else []
    context = {"page": page_of(request, rows), "sort": sort, "search": text, "is_address": is_address, "found": found}
    return render(request, "domains/part_domains.html" if is_piece(request) else "domains/domain_list.html", context)


@sensitive_post_parameters("password")
@door("GET", "POST")
def domain_add(request: HttpRequest, who: Person) -> HttpResponse:
    form = AddDomainForm(posted(request))
    if form.is_valid():
        f = form.cleaned_data
        with mending(form, **_NAME_CODES, no_domain="real", is_alias="real", password="password", password_too_long="password"):  # noqa: S106
            acts.check_not_own(f["name"])
            if f["real"]:
                domain = acts.aliasdomain_add(who.actor, _real(who, f["real"]), f["name"])
                return done(request, f"{domain.name} is another name of {f['real']} now.", "domain_show", domain.name)
            password = f["password"] or passwords.random_password()
            domain = acts.domain_add(who.actor, f["name"], password=password)
            said = f"{domain.name} was added."
            if not f["password"]:
                said = made_up(said, f"The password of postmaster@{domain.name}", password)
            return done(request, said, "mailbox_list", domain.name)
    return show(request, "domains/domain_add.html", {"form": form}, form)


def _real(who: Person, name: str) -> Domain:
    """Raises ValidationError."""
    found = access.domains_for(who).filter(name=domain_name(name)).select_related("real").first()
    if found is None:
        raise ValidationError("There is no such domain here. Add it first.", code="no_domain")
    return found


@door("GET")
def domain_show(request: HttpRequest, who: Person, name: str) -> HttpResponse:
    """A domain begins with its mailboxes; another name of one has a page that says so."""
    domain = access.domain_for(who, name)
    if domain.is_alias:
        return render(request, "domains/domain_show.html", frame(domain))
    return redirect("mailbox_list", name)


@door("GET", "POST")
def domain_catchall(request: HttpRequest, who: Person, name: str) -> HttpResponse:
    domain = access.domain_for(who, name)
    now = catchall.read(domain.default_qmail)
    initial = {
        "kind": now.kind.value,
        "address": now.value if now.kind is Kind.FORWARD else "",
        "mailbox": _collector(domain, now.value) if now.kind is Kind.MAILBOX else "",
    }
    form = CatchAllForm(posted(request), initial=initial)
    if form.is_valid():
        wanted = form.wanted()
        field = {Kind.FORWARD: "address", Kind.MAILBOX: "mailbox"}.get(wanted.kind, "kind")
        with mending(form, catch_all=field, target=field, domain_name=field, domain_too_long=field):
            acts.catchall_set(who.actor, domain, wanted)
            return done(request, f"The catch-all of {domain.name} was saved.", "domain_catchall", name)
    context = frame(domain, form=form, now=now, lines=_text(domain.default_qmail))
    return show(request, "domains/domain_catchall.html", context, form)


def _collector(domain: Domain, directory: str) -> str:
    """The name of the mailbox that lies there."""
    found = domain.mailboxes.filter(directory=directory).values_list("name", flat=True).first()
    return found or directory.rpartition("/")[2]


def _text(data: bytes | None) -> str:
    return (data or b"").decode("utf-8", "backslashreplace")


@door("GET", "POST")
def domain_stale(request: HttpRequest, who: Person, name: str) -> HttpResponse:
    domain = access.domain_for(who, name)
    initial = {"unread": domain.unread_days, "read": domain.read_days, "trash": domain.trash_days}
    form = StaleForm(posted(request), initial=initial)
    if form.is_valid():
        with mending(form):
            acts.stale_set(who.actor, domain, **form.cleaned_data)
            return done(request, f"What happens to old mail of {domain.name} was saved.", "domain_stale", name)
    return show(request, "domains/domain_stale.html", frame(domain, form=form), form)


@door("GET", "POST")
def domain_limits(request: HttpRequest, who: Person, name: str) -> HttpResponse:
    domain = access.domain_for(who, name)
    form = LimitsForm(posted(request), initial=asdict(limits.of(domain)))
    if form.is_valid():
        with mending(form):
            limits.limits_set(who.actor, domain, form.cleaned_data)
            return done(request, f"The limits of {domain.name} were saved.", "domain_limits", name)
    return show(request, "domains/domain_limits.html", frame(domain, form=form, rows=limits.rows(domain)), form)


@door("GET", "POST")
def domain_names(request: HttpRequest, who: Person, name: str) -> HttpResponse:
    """Other names of a domain."""
    domain = access.domain_for(who, name)
    form = AddNameForm(posted(request))
    if form.is_valid():
        with mending(form, **_NAME_CODES):
            added = acts.aliasdomain_add(who.actor, domain, form.cleaned_data["name"])
            return done(request, f"{added.name} is another name of {domain.name} now.", "domain_names", name)
    page = page_of(request, domain.aliases_of.order_by("name"))
    return show(request, "domains/domain_names.html", frame(domain, form=form, page=page), form)


@door("GET")
def domain_dns(request: HttpRequest, who: Person, name: str) -> HttpResponse:
    domain = access.domain_for(who, name)
    me = access.files_for(who).filter(folder="control", name="me").first()
    host = _text(me.value).partition("\n")[0].strip() if me else ""
    return render(request, "domains/domain_dns.html", frame(domain, host=host, records=dns.records(domain.name, host)))


@door("GET", "POST")
def domain_delete(request: HttpRequest, who: Person, name: str) -> HttpResponse:
    domain = access.domain_for(who, name)
    form = DeleteDomainForm(posted(request), domain)
    others = list(domain.aliases_of.order_by("name").values_list("name", flat=True))
    if form.is_valid():
        with mending(form):
            kept = acts.domain_remove(who.actor, domain, with_aliases=True)
            if not domain.is_alias:
                messages.success(request, removed.told(f"{name} was deleted.", kept))
                return go("domain_list")
            return done(request, f"{name} is no name of {domain.real} any more.", "domain_list")
    return show(request, "domains/domain_delete.html", frame(domain, form=form, others=others), form)


# -- what was deleted --------------------------------------------------------------------------------------------------------------


@door("GET")
def removed_list(request: HttpRequest, who: Person) -> HttpResponse:
    text = typed(request)
    page = Paginator(removed.find(text), PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "domains/removed_list.html", {"page": page, "search": text, "days": removed.kept_days()})


@door("GET", "POST")
def removed_keep(request: HttpRequest, who: Person) -> HttpResponse:
    """How long what was deleted is kept."""
    form = KeepForm(posted(request), initial={"days": removed.kept_days()})
    if form.is_valid():
        with mending(form):
            emptying.keep_set(who.actor, form.cleaned_data["days"])
            return done(request, "How long what was deleted is kept was saved.", "removed_list")
    return show(request, "domains/removed_keep.html", {"form": form}, form)


@door("POST")
def removed_restore(request: HttpRequest, who: Person) -> HttpResponse:
    form = RestoreForm(request.POST)
    if not form.is_valid():
        return go("removed_list")
    name = form.cleaned_data["removed"]
    with telling(request):
        if removed.is_mailbox(name):
            mailbox = mailbox_restore(who.actor, name)
            return done(request, f"{mailbox.address} is back, with all its mail.", "mailbox_edit", mailbox.domain.name, mailbox.name)
        domain = acts.domain_restore(who.actor, name)
        return done(request, f"{domain.name} is back, with all its mailboxes and mail.", "mailbox_list", domain.name)
    return go("removed_list")
