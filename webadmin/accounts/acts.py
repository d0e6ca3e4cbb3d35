"""Acts on mailboxes: each validates, changes rows, writes one audit row, installs files (mirror/write tells the order and why).

A mailbox is a line of vpasswd and a directory. Adding makes the directory first, removing takes the line first.
All raise ValidationError (what the person can mend) and mta.errors.Temporary (the installer is away).
"""

from __future__ import annotations

import logging
import posixpath
from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.db import transaction

from mta.errors import Temporary
from mta.formats import install_call, vpasswd
from mta.formats.install_call import Mailbox as MakeMailbox
from mta.formats.install_call import Retire
from webadmin.access import Actor
from webadmin.accounts import names, passwords
from webadmin.aliases import lines
from webadmin.audit.record import record, shown
from webadmin.domains import limits
from webadmin.mirror import install, plan, rows, write
from webadmin.models import Domain, Mailbox

_LOG = logging.getLogger(__name__)
FLAGS_MAX = 0x7FFFF


@transaction.atomic
def mailbox_add(
    who: Actor,
    domain: Domain,
    name: str,
    password: str | None,
    *,
    crypt: str | None = None,
    gecos: str | None = None,
    quota: str | None = None,
    flags: int = 0,
) -> Mailbox:
    """password, or crypt: a hash that is brought along. gecos: the person's name, by default the mailbox's. quota: by default the domain's
    for new mailboxes."""
    name = names.local_name(name)
    edit = write.DomainEdit(_with_mailboxes(domain), name)
    _check_free(edit.domain, name)
    limits.check_mailbox(edit.domain)
    quota = names.quota(limits.default_quota(edit.domain) if quota is None else quota)
    limits.check_quota(edit.domain, None, quota)
    mailbox = Mailbox(
        domain=edit.domain,
        name=name,
        crypt=_hash(password, crypt),
        flags=_flags(flags),
        gecos=names.gecos(name if gecos is None else gecos),
        directory=posixpath.join(edit.domain.directory, name),
        quota=quota,
        position=rows.next_position(edit.domain),
    )
    _check_directory(mailbox)
    mailbox.save()
    record(who, "mailbox_add", "mailbox", mailbox.address, None, _facts(mailbox))
    edit.install(who, first=[MakeMailbox(name.encode())])
    return mailbox


def _with_mailboxes(domain: Domain) -> Domain:
    if domain.is_alias:
        assert domain.real is not None
        raise ValidationError(f"{domain.name} is another name of {domain.real.name}: its mailboxes are there.", code="is_alias")
    return domain


def check_new(domain: Domain, name: str) -> None:
    """Could a mailbox of this name be added? Raises ValidationError."""
    _check_free(_with_mailboxes(domain), names.local_name(name))
    limits.check_mailbox(domain)


def _check_free(domain: Domain, name: str) -> None:
    if domain.mailboxes.filter(name=name).exists():
        raise ValidationError(f"{name}@{domain.name} is here already.", code="mailbox_exists")
    if domain.aliases.filter(name=name.replace(".", ":")).exists():
        raise ValidationError(
            f"{name}@{domain.name} is an alias, which would take all its mail. Remove the alias first.", code="mailbox_exists"
        )


def _check_directory(mailbox: Mailbox) -> None:
    if len(mailbox.directory.encode()) > vpasswd.DIR_MAX:
        raise ValidationError("The path of the mailbox would be too long for vpasswd. Choose a shorter name.", code="dir_too_long")


def _hash(password: str | None, crypt: str | None) -> str:
    if crypt is not None:
        return passwords.stored(crypt)
    if password is None:
        raise ValidationError("Give a password.", code="password")
    return passwords.hashed(password)


def _flags(flags: int) -> int:
    if not 0 <= flags <= FLAGS_MAX:
        raise ValidationError("There are no such restrictions.", code="flags")
    return flags


def _facts(mailbox: Mailbox) -> dict[str, object]:
    """For the audit log: no hashes."""
    m = mailbox
    return {"gecos": m.gecos, "quota": m.quota, "flags": m.flags, "directory": m.directory, "locked": not m.crypt}


@transaction.atomic
def mailbox_remove(who: Actor, mailbox: Mailbox) -> str:
    """Its directory, with all mail, is moved to removed/. -> its name there, "" when it had none."""
    edit = write.DomainEdit(mailbox.domain, mailbox.name)
    mailbox = _locked(mailbox)
    address = mailbox.address
    line = mailbox.odd_line or vpasswd.write_line(rows.account_of(mailbox))
    inside = _inside(mailbox)
    row = record(who, "mailbox_remove", "mailbox", address, _facts(mailbox), None)
    mailbox.delete()
    if inside is None:  # somewhere else on the disk, where we move nothing
        edit.install(who)
        return ""
    removed = edit.install(who, last=[Retire(inside, line)], but=[inside + b"/.qmail"])[0]
    row.after = {"removed": removed}
    row.save()
    return removed


def _inside(mailbox: Mailbox) -> bytes | None:
    """Its directory relative to its domain's."""
    return install_call.inside(mailbox.domain.directory.encode(), mailbox.directory.encode())


@transaction.atomic
def mailbox_restore(who: Actor, removed: str) -> Mailbox:
    """A mailbox of removed/ ("20261121101500-joe@example.org") comes back with its password and mail."""
    name, domain_name = names.split_address(install.removed_name(removed))
    domain = Domain.objects.filter(name=domain_name, kind=Domain.Kind.VIRTUAL).first()
    if domain is None:
        raise ValidationError(f"{domain_name} is no domain here. Restore or add it first.", code="no_domain")
    edit = write.DomainEdit(domain, name)
    _check_free(edit.domain, name)
    directory = posixpath.join(edit.domain.directory, name)
    line, dotqmail = install.restore(who.name, removed, directory)
    try:
        mailbox = _from_line(edit.domain, name, directory, line)
        mailbox.dotqmail = dotqmail
        mailbox.save()
        record(who, "mailbox_restore", "mailbox", mailbox.address, {"removed": removed}, _facts(mailbox))
        # its .qmail came back with the directory: rows learn it, the files have it
        edit.install(who, but=[name.encode() + b"/.qmail"])
    except (ValidationError, Temporary):
        _retire_again(who, edit.domain, name, line)
        raise
    return mailbox


def _from_line(domain: Domain, name: str, directory: str, line: bytes) -> Mailbox:
    try:
        account = vpasswd.read_line(line.rstrip(b"\n"))
    except ValueError:
        sentence = "Its line of vpasswd was not kept with it. Move its Maildir to a new mailbox by hand."
        raise ValidationError(sentence, code="refused") from None
    return Mailbox(
        domain=domain,
        name=name,
        crypt=plan.text(account.crypt),
        uid=account.uid,
        flags=account.flags,
        gecos=plan.text(account.gecos),
        directory=directory,
        quota=plan.text(account.quota),
        clear=None if account.clear is None else plan.text(account.clear),
        position=rows.next_position(domain),
    )


def _retire_again(who: Actor, domain: Domain, name: str, line: bytes) -> None:
    try:
        install.domain(who.name, domain.name, domain.directory, [Retire(name.encode(), line)])
    except (ValidationError, Temporary) as error:
        _LOG.warning("directory of %s@%s stays: %s", name, domain.name, error)


@transaction.atomic
def password_set(who: Actor, mailbox: Mailbox, password: str | None, *, crypt: str | None = None) -> Mailbox:
    """password, or crypt: a hash that is brought along. A clear-text copy is forgotten."""
    edit, mailbox = write.DomainEdit(mailbox.domain, mailbox.name), _locked(mailbox)
    mailbox.crypt = _hash(password, crypt)
    if mailbox.clear is not None:
        mailbox.clear = ""
    return _change(who, "password_set", edit, mailbox, None, {"password": "changed"})


@transaction.atomic
def quota_set(who: Actor, mailbox: Mailbox, quota: str) -> Mailbox:
    """maildirsize follows at the next delivery, which sees that its first line is another quota."""
    edit, mailbox = write.DomainEdit(mailbox.domain, mailbox.name), _locked(mailbox)
    before, mailbox.quota = mailbox.quota, names.quota(quota)
    limits.check_quota(edit.domain, before, mailbox.quota)
    return _change(who, "quota_set", edit, mailbox, {"quota": before}, {"quota": mailbox.quota})


@transaction.atomic
def flags_set(who: Actor, mailbox: Mailbox, flags: int) -> Mailbox:
    """What the mailbox may not do (ecosystem 6.3)."""
    edit, mailbox = write.DomainEdit(mailbox.domain, mailbox.name), _locked(mailbox)
    before, mailbox.flags = mailbox.flags, _flags(flags)
    return _change(who, "flags_set", edit, mailbox, {"flags": before}, {"flags": mailbox.flags})


@transaction.atomic
def gecos_set(who: Actor, mailbox: Mailbox, gecos: str) -> Mailbox:
    """The person's name."""
    edit, mailbox = write.DomainEdit(mailbox.domain, mailbox.name), _locked(mailbox)
    before, mailbox.gecos = mailbox.gecos, names.gecos(gecos)
    return _change(who, "gecos_set", edit, mailbox, {"gecos": before}, {"gecos": mailbox.gecos})


@transaction.atomic
def details_set(who: Actor, mailbox: Mailbox, *, gecos: str, quota: str, flags: int) -> Mailbox:
    """The three above as one change."""
    edit, mailbox = write.DomainEdit(mailbox.domain, mailbox.name), _locked(mailbox)
    before = {"gecos": mailbox.gecos, "quota": mailbox.quota, "flags": mailbox.flags}
    mailbox.gecos, mailbox.quota, mailbox.flags = names.gecos(gecos), names.quota(quota), _flags(flags)
    limits.check_quota(edit.domain, str(before["quota"]), mailbox.quota)
    after = {"gecos": mailbox.gecos, "quota": mailbox.quota, "flags": mailbox.flags}
    return _change(who, "details_set", edit, mailbox, before, after)


@transaction.atomic
def forward_set(who: Actor, mailbox: Mailbox, targets: Sequence[str], *, keep_copy: bool) -> Mailbox:
    """Mail goes to targets as well, or instead. Lines of .qmail that somebody wrote by hand stay."""
    edit, mailbox = write.DomainEdit(mailbox.domain, mailbox.name), _locked(mailbox)
    wanted = list(dict.fromkeys(names.target(t) for t in targets))
    if not wanted and not keep_copy:
        raise ValidationError("All mail would be lost: keep a copy, or give an address to forward to.", code="target")
    if mailbox.address in (t.lower() for t in wanted):
        raise ValidationError("A mailbox cannot forward to itself. To keep mail here as well, keep a copy.", code="target")
    if _inside(mailbox) is None:
        raise ValidationError("This mailbox lies outside its domain's directory: edit its .qmail file there.", code="refused")
    own = maildir(mailbox)
    before, mailbox.dotqmail = mailbox.dotqmail, lines.rewrite(mailbox.dotqmail, wanted, own if keep_copy else b"", own)
    return _change(who, "forward_set", edit, mailbox, {".qmail": shown(before)}, {".qmail": shown(mailbox.dotqmail)}, is_line=False)


def maildir(mailbox: Mailbox) -> bytes:
    """The line that delivers to the mailbox itself."""
    return mailbox.directory.encode() + b"/Maildir/"


def _locked(mailbox: Mailbox) -> Mailbox:
    return Mailbox.objects.select_related("domain").select_for_update(of=("self",)).get(pk=mailbox.pk)


def _change(
    who: Actor,
    act: str,
    edit: write.DomainEdit,
    mailbox: Mailbox,
    before: dict[str, object] | None,
    after: dict[str, object],
    is_line: bool = True,
) -> Mailbox:
    """is_line: the line of vpasswd is written afresh."""
    if is_line:
        mailbox.odd_line = None
    mailbox.save()
    record(who, act, "mailbox", mailbox.address, before, after)
    edit.install(who)
    return mailbox
