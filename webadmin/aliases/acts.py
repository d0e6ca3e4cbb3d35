"""Acts on aliases, the files .qmail-NAME of a domain: each validates, changes rows, writes one audit row, installs files.

All raise ValidationError (what the person can mend) and mta.errors.Temporary (the installer is away).
"""

from __future__ import annotations

from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.db import transaction

from mta.formats import dotqmail
from webadmin.access import Actor
from webadmin.accounts import names
from webadmin.aliases import lines
from webadmin.audit.record import record, shown
from webadmin.domains import limits
from webadmin.mirror import write
from webadmin.models import Alias, Domain


@transaction.atomic
def alias_add(who: Actor, domain: Domain, name: str, targets: Sequence[str]) -> Alias:
    """Mail for name@domain goes to targets."""
    name = names.local_name(name)
    if domain.is_alias:
        assert domain.real is not None
        raise ValidationError(f"{domain.name} is another name of {domain.real.name}: add the alias there.", code="is_alias")
    edit = write.DomainEdit(domain)
    stem = dotqmail.file_name(name.encode()).decode()
    if edit.domain.aliases.filter(name=stem).exists():
        raise ValidationError(f"{name}@{domain.name} is an alias already. Change its targets.", code="alias_exists")
    if edit.domain.mailboxes.filter(name=name).exists():
        raise ValidationError(f"{name}@{domain.name} is a mailbox. Set its forwarding, or remove it first.", code="alias_exists")
    alias = Alias(domain=edit.domain, name=stem, body=b"")
    alias.body = _body(alias, targets)
    limits.check_address(edit.domain, None, alias.body)
    alias.save()
    record(who, "alias_add", "alias", alias.address, None, {"lines": shown(alias.body)})
    edit.install(who)
    return alias


@transaction.atomic
def alias_set(who: Actor, alias: Alias, targets: Sequence[str]) -> Alias:
    """Other targets; lines somebody wrote by hand stay."""
    edit, alias = write.DomainEdit(alias.domain), _locked(alias)
    before, alias.body = alias.body, _body(alias, targets)
    limits.check_address(edit.domain, before, alias.body)
    alias.save()
    record(who, "alias_set", "alias", alias.address, {"lines": shown(before)}, {"lines": shown(alias.body)})
    edit.install(who)
    return alias


def _body(alias: Alias, targets: Sequence[str]) -> bytes:
    wanted = list(dict.fromkeys(names.target(t) for t in targets))
    if not wanted and not lines.has_others(alias.body):
        raise ValidationError("Give at least one address: without any, its mail would be lost.", code="target")
    if alias.address in (t.lower() for t in wanted):
        raise ValidationError("An alias cannot point to itself.", code="target")
    return lines.rewrite(alias.body, wanted) or b""


@transaction.atomic
def alias_write(who: Actor, alias: Alias, body: bytes) -> Alias:
    """The whole file, line by line as its author wants it (dot-qmail(5))."""
    edit, alias = write.DomainEdit(alias.domain), _locked(alias)
    if b"\0" in body or b"\r" in body:
        raise ValidationError("A NUL or a carriage return cannot stand in a .qmail file.", code="lines")
    if body and not body.split(b"\n", 1)[0].strip(b" \t"):
        raise ValidationError("The first line is blank: all mail would wait. Begin with an instruction or a comment.", code="lines")
    before, alias.body = alias.body, body
    limits.check_address(edit.domain, before, body)
    alias.save()
    record(who, "alias_write", "alias", alias.address, {"lines": shown(before)}, {"lines": shown(body)})
    edit.install(who)
    return alias


@transaction.atomic
def alias_remove(who: Actor, alias: Alias) -> None:
    edit, alias = write.DomainEdit(alias.domain), _locked(alias)
    record(who, "alias_remove", "alias", alias.address, {"lines": shown(alias.body)}, None)
    alias.delete()
    edit.install(who)


def _locked(alias: Alias) -> Alias:
    return Alias.objects.select_related("domain").select_for_update(of=("self",)).get(pk=alias.pk)
