"""How much of everything a domain may have (formats/qmailadmin_limits), how much it has, and the sentence for one too many.

Mailboxes      all of them, the postmaster's too
Addresses      files .qmail-NAME, by what is in them: one that runs ezmlm-send is a mailing list, the others of a list count for nothing;
               one that runs an autoresponder is that; one that sends mail out of the domain is a forward; any other is an alias
Quota          of a domain: its mailboxes together may be given no more. One without a quota could fill it, and is refused
A change that takes nothing is never refused, however much there is already; nor is what comes back from removed/.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction

from mta.formats import dotqmail, maildirsize, qmailadmin_limits
from mta.formats.dotqmail import Kind
from mta.formats.maildirsize import Quota
from mta.formats.qmailadmin_limits import Limits
from webadmin.access import Actor
from webadmin.audit.record import record, shown
from webadmin.mirror import write
from webadmin.models import Domain

MIB = 1 << 20
_MANY = {
    "maxpopaccounts": ("mailbox", "mailboxes"),
    "maxaliases": ("alias", "aliases"),
    "maxforwards": ("forward", "forwards"),
    "maxautoresponders": ("autoresponder", "autoresponders"),
    "maxmailinglists": ("mailing list", "mailing lists"),
}


def of(domain: Domain) -> Limits:
    return qmailadmin_limits.read(domain.limits or b"")


def kind(names: frozenset[bytes], body: bytes) -> str | None:
    """The limit that a file .qmail-NAME counts for. names: of its domain."""
    found = dotqmail.read(body)
    programs = b"\n".join(line.text for line in found if line.kind is Kind.PROGRAM)
    if b"ezmlm-" in programs:
        return "maxmailinglists" if b"ezmlm-send" in programs else None
    if b"autorespond" in programs:
        return "maxautoresponders"
    hosts = {line.text.rpartition(b"@")[2].lower() for line in found if line.kind is Kind.FORWARD and b"@" in line.text}
    return "maxaliases" if hosts <= names else "maxforwards"


def _names(domain: Domain) -> frozenset[bytes]:
    return frozenset(name.encode() for name in (domain.name, *domain.aliases_of.values_list("name", flat=True)))


def counts(domain: Domain) -> Counter[str]:
    """How many there are of each limit of a number."""
    names = _names(domain)
    found = Counter(filter(None, (kind(names, body) for body in domain.aliases.values_list("body", flat=True))))
    found["maxpopaccounts"] = domain.mailboxes.count()
    return found


# -- one too many ------------------------------------------------------------------------------------------------------------------


def check_mailbox(domain: Domain) -> None:
    """May it have one more? Raises ValidationError."""
    most = of(domain).maxpopaccounts
    if most is not None and domain.mailboxes.count() >= most:
        raise _refused(domain, "maxpopaccounts", most)


def check_address(domain: Domain, before: bytes | None, after: bytes) -> None:
    """May the file of an address become so? before: None for a new one. Raises ValidationError."""
    names = _names(domain)
    name = kind(names, after)
    most = None if name is None else getattr(of(domain), name)
    if name is None or most is None or (before is not None and kind(names, before) == name):
        return
    if counts(domain)[name] >= most:
        raise _refused(domain, name, most)


def _refused(domain: Domain, name: str, most: int) -> ValidationError:
    one, many = _MANY[name]
    has = f"no {many}" if most == 0 else f"{most} {one if most == 1 else many}, and has {'it' if most == 1 else 'them'} already"
    return ValidationError(f"{domain.name} may have {has}. Its limits say so.", code="limit")


def default_quota(domain: Domain) -> str:
    """Of a new mailbox of which nothing else is said."""
    limits = of(domain)
    return maildirsize.write_quota(Quota(limits.default_quota or 0, limits.default_maxmsgcount or 0)).decode()


def check_quota(domain: Domain, before: str | None, after: str) -> None:
    """May a mailbox get this quota? before: None for a new one. Raises ValidationError."""
    limits = of(domain)
    for most, unit, words in ((limits.quota, "size_bytes", "MB"), (limits.maxmsgcount, "messages", "messages")):
        if most is None:
            continue
        new, old = _part(after, unit), 0 if before is None else _part(before, unit)
        if before is not None and (old == 0 or 0 < new <= old):
            continue
        if not new:
            text = f"{domain.name} may hold {most} {words} in all: a mailbox there needs a quota, or it could fill that alone."
            raise ValidationError(text, code="quota")
        scale = MIB if unit == "size_bytes" else 1
        given = sum(_part(quota, unit) for quota in domain.mailboxes.values_list("quota", flat=True)) - old
        if given + new > most * scale:
            text = f"{domain.name} may hold {most} {words} in all, and {-(-given // scale)} are given to its other mailboxes: too much."
            raise ValidationError(text, code="quota")


def _part(text: str, unit: str) -> int:
    """0: no limit."""
    try:
        found: int = getattr(maildirsize.read_quota(text.encode()), unit)
    except ValueError:
        return 0
    return found


# -- shown and set -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """One limit and what there is. most: None, no limit."""

    what: str
    has: int
    most: int | None

    @property
    def is_full(self) -> bool:
        return self.most is not None and self.has >= self.most


def rows(domain: Domain) -> list[Row]:
    limits, found = of(domain), counts(domain)
    return [Row(many, found[name], getattr(limits, name)) for name, (_, many) in _MANY.items()]


@transaction.atomic
def limits_set(who: Actor, domain: Domain, wanted: Mapping[str, int | None]) -> Domain:
    """Other lines of the file stay. None: no limit."""
    if domain.is_alias:
        assert domain.real is not None
        raise ValidationError(f"{domain.name} is another name of {domain.real.name}: change it there.", code="is_alias")
    for name, number in wanted.items():
        if name not in qmailadmin_limits.KEYS or (number is not None and not 0 <= number <= qmailadmin_limits.NUMBER_MAX):
            raise ValidationError("Give a number, or nothing for no limit.", code="limit")
    edit = write.DomainEdit(domain)
    before = edit.domain.limits
    edit.domain.limits = qmailadmin_limits.edited(before, wanted)
    edit.domain.save()
    record(who, "limits_set", "domain", domain.name, {"lines": shown(before)}, {"lines": shown(edit.domain.limits)})
    edit.install(who)
    return edit.domain
