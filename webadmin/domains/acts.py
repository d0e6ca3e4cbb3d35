"""Acts on domains: each validates, changes rows, writes one audit row, installs files (mirror/write tells the order and why).

A domain is two things in the files: its directory, and its lines in users/assign, virtualdomains and rcpthosts. Adding makes the directory
first, removing takes the lines first: mail never meets a line without its directory.
All raise ValidationError (what the person can mend) and mta.errors.Temporary (the installer is away).
"""

from __future__ import annotations

import logging
import posixpath

from django.core.exceptions import ValidationError
from django.db import transaction

from mta.errors import Temporary
from mta.formats import control, stale_policy, users_assign
from mta.formats.install_call import Mailbox as MakeMailbox
from mta.formats.install_call import Make, Put, RetireDomain, Step
from webadmin.access import Actor
from webadmin.accounts import names as account_names
from webadmin.accounts import passwords
from webadmin.audit.record import record, shown
from webadmin.domains import catchall, edits
from webadmin.domains.catchall import CatchAll, Kind
from webadmin.domains.names import domain_name
from webadmin.mirror import import_, install, plan, rows, write
from webadmin.mirror.records import DomainRecord
from webadmin.models import Domain, Mailbox

_LOG = logging.getLogger(__name__)
_FILES = ("users/assign", "control/virtualdomains", "control/rcpthosts", "control/morercpthosts", "control/locals", "control/me")
POSTMASTER = "postmaster"


@transaction.atomic
def domain_add(
    who: Actor, name: str, *, password: str | None = None, quota: str = "NOQUOTA", catch_all: CatchAll = CatchAll(Kind.BOUNCE)
) -> Domain:
    """password: of a postmaster mailbox, None for none."""
    name = domain_name(name)
    files = write.files(*_FILES)
    _check_free(name, files)
    owner = install.owner()
    directory = posixpath.join(install.home().decode(), "domains", name)
    domain = Domain(name=name, uid=owner.uid, gid=owner.gid, directory=directory)
    domain.default_qmail = _catch_all_body(None, catch_all)
    domain.save()
    first: list[Step] = [Make()]
    if password is not None:
        _add_postmaster(domain, password, quota)
        first.append(MakeMailbox(POSTMASTER.encode()))
    after = {"directory": directory, "postmaster": password is not None, "catch-all": catch_all.kind.value}
    record(who, "domain_add", "domain", name, None, after)
    made = plan.domain_files(rows.load_domain(domain))
    install.domain(who.name, name, directory, [*first, *(Put(path, data) for path, data in made.items())])
    _lines_or_retire(who, domain, f"domain_add {name}", _with_lines(files, rows.load_place(domain)))
    return domain


def check_new(name: str) -> None:
    """Could a domain of this name be added? Raises ValidationError."""
    _check_free(domain_name(name), write.files(*_FILES, is_locked=False))


def check_not_own(name: str) -> None:
    """Not this host's own name while that is local: its root and postmaster would lose their mail, which is easily done in a browser.
    vadddomain does it, as vpopmail's does. Raises ValidationError."""
    name = domain_name(name)
    files = write.files("control/locals", "control/me", is_locked=False)
    is_local = files["control/locals"] is None or edits.has_name(files["control/locals"], name.encode())
    if is_local and _is_me(files, name.encode()):
        sentence = f"{name} is this host's own name: mail for its root and postmaster, and bounces that bounce, go there. "
        raise ValidationError(sentence + "To have mailboxes under it, take it out of control/locals first.", code="domain_exists")


def _check_free(name: str, files: dict[str, bytes | None]) -> None:
    if Domain.objects.filter(name=name).exists():
        raise ValidationError(f"{name} is here already.", code="domain_exists")
    if name.encode() in control.map_(control.lines(files["control/virtualdomains"] or b"")):
        sentence = f"control/virtualdomains already sends {name} somewhere. Remove that line first, under Control files."
        raise ValidationError(sentence, code="domain_exists")
    local = edits.assign_local(name.encode())
    if any(a.is_wildcard and control.lower(a.local) == local for a in users_assign.read(files["users/assign"] or edits.EMPTY_ASSIGN)):
        sentence = f"users/assign already has a line for {name}- that is no domain of ours. Remove it first, under Control files."
        raise ValidationError(sentence, code="domain_exists")


def _add_postmaster(domain: Domain, password: str, quota: str) -> None:
    Mailbox.objects.create(
        domain=domain,
        name=POSTMASTER,
        crypt=passwords.hashed(password),
        gecos="Postmaster",
        directory=posixpath.join(domain.directory, POSTMASTER),
        quota=account_names.quota(quota),
        position=1,
    )


def _with_lines(files: dict[str, bytes | None], place: DomainRecord) -> dict[str, bytes | None]:
    """The control files with the domain in them (ecosystem 6.2)."""
    name = place.name.encode()
    user = users_assign.User((place.real or place.name).encode(), place.uid, place.gid, place.directory.encode(), b"-", b"")
    rcpthosts, more = edits.add_to_rcpthosts(files["control/rcpthosts"], files["control/morercpthosts"], name)
    return {
        "users/assign": edits.add_assignment(files["users/assign"], users_assign.Assignment(True, edits.assign_local(name), user)),
        "control/virtualdomains": edits.add_line(files["control/virtualdomains"], b"%b:%b" % (name, name)),
        "control/rcpthosts": rcpthosts,
        "control/morercpthosts": more,
        "control/locals": _locals_without(files, name),
    }


def _is_me(files: dict[str, bytes | None], name: bytes) -> bool:
    return control.lower(control.line(files["control/me"] or b"")) == name


def _locals_without(files: dict[str, bytes | None], name: bytes) -> bytes | None:
    """A local domain is never looked for in virtualdomains; and without the file, the name in control/me is local."""
    found = files["control/locals"]
    if found is not None:
        return edits.remove_name(found, name)
    return b"" if _is_me(files, name) else None


def _without_lines(files: dict[str, bytes | None], names: list[str]) -> dict[str, bytes | None]:
    """This host's own name becomes local again: what goes to its postmaster must not go looking for it in the DNS."""
    found = dict(files)
    for name in map(str.encode, names):
        for path, edit in (
            ("users/assign", edits.remove_assignment),
            ("control/virtualdomains", edits.remove_key),
            ("control/rcpthosts", edits.remove_name),
            ("control/morercpthosts", edits.remove_name),
        ):
            data = found[path]
            found[path] = None if data is None else edit(data, name)
        if _is_me(files, name) and found["control/locals"] is not None:
            found["control/locals"] = edits.add_line(found["control/locals"], name)
            found["control/rcpthosts"] = edits.add_line(found["control/rcpthosts"], name)
    return found


def _lines_or_retire(who: Actor, domain: Domain, why: str, files: dict[str, bytes | None]) -> None:
    """When the lines are refused the new directory goes again, or the name could not be used a second time."""
    try:
        write.control(who, why, files)
    except (ValidationError, Temporary):
        _retire(who, domain)
        raise


def _retire(who: Actor, domain: Domain) -> str:
    """-> its name in removed/, or why it stays."""
    try:
        return install.domain(who.name, domain.name, domain.directory, [RetireDomain()])[0]
    except (ValidationError, Temporary) as error:
        _LOG.warning("directory of %s stays: %s", domain.name, error)
        return f"directory stays: {' '.join(error.messages) if isinstance(error, ValidationError) else error.text}"


@transaction.atomic
def domain_remove(who: Actor, domain: Domain, *, with_aliases: bool = False) -> str:
    """An alias loses its name only. Of a real domain the directory is moved to removed/. -> its name there, "" for an alias."""
    domain = Domain.objects.select_for_update().get(pk=domain.pk)
    others = list(domain.aliases_of.values_list("name", flat=True))
    if others and not with_aliases:
        sentence = f"{domain.name} has other names: {', '.join(others)}. Remove those first, or all together."
        raise ValidationError(sentence, code="has_aliases", params={"aliases": others})
    files = _without_lines(write.files(*_FILES), [domain.name, *others])
    name, is_alias = domain.name, domain.is_alias
    before = {
        "directory": domain.directory,
        "mailboxes": domain.mailboxes.count(),
        "aliases": domain.aliases.count(),
        "other names": others,
    }
    kept = Domain(name=name, directory=domain.directory)
    domain.delete()
    row = record(who, "domain_remove", "domain", name, before, None)
    write.control(who, f"domain_remove {name}", files)
    if is_alias:
        return ""
    row.after = {"removed": _retire(who, kept)}
    row.save()
    return str(row.after["removed"])


@transaction.atomic
def domain_restore(who: Actor, removed: str) -> Domain:
    """A domain of removed/ ("20261121101500-example.org") comes back with all its mailboxes and mail; its other names do not."""
    name = domain_name(install.removed_name(removed))
    files = write.files(*_FILES)
    _check_free(name, files)
    owner = install.owner()
    directory = posixpath.join(install.home().decode(), "domains", name)
    install.restore(who.name, removed, directory)
    place = DomainRecord(name, None, owner.uid, owner.gid, directory)
    domain = Domain.objects.create(name=name, uid=owner.uid, gid=owner.gid, directory=directory)
    try:
        found = dict(install.read_domains([(name, directory)]))[name]
        if isinstance(found, str):
            raise ValidationError(f"{name} cannot be read: {found}", code="refused")
        whole, problems = import_.read_domain(place, found)
        if problems:
            raise ValidationError(list(map(str, problems)), code="refused")
        rows.save_domain(whole)
        record(who, "domain_restore", "domain", name, {"removed": removed}, {"mailboxes": len(whole.mailboxes)})
        write.control(who, f"domain_restore {name}", _with_lines(files, place))
    except (ValidationError, Temporary):
        _retire(who, domain)
        raise
    domain.refresh_from_db()
    return domain


@transaction.atomic
def aliasdomain_add(who: Actor, real: Domain, name: str) -> Domain:
    """Mail for anybody@NAME is for the same person of the real domain."""
    name = domain_name(name)
    if real.is_alias:
        assert real.real is not None
        raise ValidationError(f"{real.name} is itself another name of {real.real.name}: give that one.", code="is_alias")
    files = write.files(*_FILES)
    _check_free(name, files)
    domain = Domain.objects.create(name=name, kind=Domain.Kind.ALIAS, real=real, uid=real.uid, gid=real.gid, directory=real.directory)
    record(who, "aliasdomain_add", "domain", name, None, {"real": real.name})
    write.control(who, f"aliasdomain_add {name} = {real.name}", _with_lines(files, rows.load_place(domain)))
    return domain


@transaction.atomic
def catchall_set(who: Actor, domain: Domain, catch_all: CatchAll) -> Domain:
    """What happens to mail for addresses that nobody has."""
    edit = write.DomainEdit(_real(domain))
    before = edit.domain.default_qmail
    edit.domain.default_qmail = _catch_all_body(before, catch_all, edit.domain)
    edit.domain.save()
    record(who, "catchall_set", "domain", domain.name, {"lines": shown(before)}, {"lines": shown(edit.domain.default_qmail)})
    edit.install(who)
    return edit.domain


def _catch_all_body(before: bytes | None, wanted: CatchAll, domain: Domain | None = None) -> bytes:
    if wanted.kind is Kind.FORWARD:
        wanted = CatchAll(Kind.FORWARD, account_names.target(wanted.value))
    if wanted.kind is Kind.MAILBOX:
        if domain is None:
            raise ValidationError("A new domain has no mailbox yet that could take all the rest.", code="catch_all")
        mailbox = domain.mailboxes.filter(name=wanted.value.lower()).first()
        if mailbox is None:
            raise ValidationError(f"There is no mailbox {wanted.value} in {domain.name}.", code="catch_all")
        wanted = CatchAll(Kind.MAILBOX, mailbox.directory)
    try:
        return catchall.write(before, wanted, install.home())
    except ValueError:
        sentence = "Use letters, digits and . _ + = - for this address: it becomes part of a command line."
        raise ValidationError(sentence, code="catch_all") from None


@transaction.atomic
def stale_set(who: Actor, domain: Domain, *, unread: int | None, read: int | None, trash: int | None) -> Domain:
    """After how many days old mail is taken away; None: never."""
    edit = write.DomainEdit(_real(domain))
    for days in (unread, read, trash):
        if days is not None and not 1 <= days <= stale_policy.DAYS_MAX:
            raise ValidationError(f"Give a number of days from 1 to {stale_policy.DAYS_MAX}, or nothing for never.", code="days")
    d = edit.domain
    before = {"unread": d.unread_days, "read": d.read_days, "trash": d.trash_days}
    d.unread_days, d.read_days, d.trash_days = unread, read, trash
    d.stale_mail = stale_policy.write(stale_policy.StalePolicy(unread, read, trash))
    d.save()
    record(who, "stale_set", "domain", d.name, before, {"unread": unread, "read": read, "trash": trash})
    edit.install(who)
    return d


def _real(domain: Domain) -> Domain:
    if domain.is_alias:
        assert domain.real is not None
        raise ValidationError(f"{domain.name} is another name of {domain.real.name}: change it there.", code="is_alias")
    return domain
