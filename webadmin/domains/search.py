"""Find domains, and the mailboxes and aliases of an address that was typed, whole or its beginning."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db.models import Count, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse

from mta.formats import dotqmail
from webadmin import access
from webadmin.access import Person
from webadmin.domains.names import domain_name
from webadmin.models import Alias, Domain, Mailbox

FOUND_MAX = 20


def domains(who: Person, text: str) -> QuerySet[Domain]:
    """With mailbox_count and alias_count, which are counted for the rows that are shown."""
    found = access.domains_for(who).select_related("real")
    if text:
        found = found.filter(name__contains=_stored(text))
    return found.annotate(mailbox_count=_count(Mailbox), alias_count=_count(Alias))


def _stored(text: str) -> str:
    """As it would stand in the column: "münchen.de" is "xn--mnchen-3ya.de"."""
    try:
        return text.lower() if text.isascii() else domain_name(text)
    except ValidationError:
        return text.lower()


def _count(model: type[Mailbox] | type[Alias]) -> Coalesce:
    rows = model.objects.filter(domain=OuterRef("pk")).order_by().values("domain").annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(rows, output_field=IntegerField()), 0)


@dataclass(frozen=True, slots=True)
class Found:
    """A mailbox or an alias, and the page it has."""

    address: str
    kind: str
    url: str
    person: str


def _found(row: Mailbox | Alias) -> Found:
    is_mailbox = isinstance(row, Mailbox)
    url = reverse("mailbox_edit" if is_mailbox else "alias_edit", args=[row.domain.name, row.name])
    return Found(row.address, "mailbox" if is_mailbox else "alias", url, row.gecos if isinstance(row, Mailbox) else "")


def addresses(who: Person, text: str) -> list[Found]:
    """text: "joe@", "joe@example", "@example.org"."""
    name, _, domain = text.lower().partition("@")
    domain = _stored(domain)
    place = Q(domain__name__startswith=domain)
    if domain:
        place |= Q(domain__in=access.domains_for(who).filter(aliases_of__name=domain))
    mailboxes = access.mailboxes_for(who).filter(place, name__startswith=name).order_by("name", "domain__name")[:FOUND_MAX]
    stem = dotqmail.file_name(name.encode()).decode()
    aliases = access.aliases_for(who).filter(place, name__startswith=stem).order_by("name", "domain__name")[:FOUND_MAX]
    found = [*map(_found, mailboxes), *map(_found, aliases)]
    return sorted(found, key=lambda one: one.address)[:FOUND_MAX]
