"""Records <-> rows. Rows that stay keep their keys: other rows point at them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from django.db.models import F

from mta.formats import stale_policy
from mta.formats.vpasswd import Account
from webadmin.mirror import plan
from webadmin.mirror.records import DomainRecord, MailboxRecord, Records
from webadmin.models import Alias, ConfigFile, Domain, Mailbox

_BATCH = 500
_MAILBOX_COLUMNS = ("name", "crypt", "uid", "flags", "gecos", "directory", "quota", "clear", "odd_line", "dotqmail")


def load_files() -> dict[str, bytes]:
    return {f"{folder}/{name}": value for folder, name, value in ConfigFile.objects.values_list("folder", "name", "value")}


def load_place(domain: Domain) -> DomainRecord:
    """The domain without what is in it."""
    real = None if domain.real is None else domain.real.name
    return DomainRecord(domain.name, real, domain.uid, domain.gid, domain.directory)


def load_domain(domain: Domain, only: str | None = None) -> DomainRecord:
    """Two queries. only: the one mailbox that is wanted, "" for none."""
    return load_domains([domain], only)[domain.name]


def load_domains(domains: Sequence[Domain], only: str | None = None) -> dict[str, DomainRecord]:
    """Many of them, by name: two queries, as for one."""
    mailboxes: dict[int, list[MailboxRecord]] = {d.pk: [] for d in domains}
    aliases: dict[int, list[tuple[str, bytes]]] = {d.pk: [] for d in domains}
    found = Mailbox.objects.filter(domain__in=domains).order_by("domain_id", "position")
    if only is not None:
        found = found.filter(name=only)
    for key, *row in found.values_list("domain_id", *_MAILBOX_COLUMNS):
        mailboxes[key].append(_mailbox_record(tuple(row)))
    for key, name, body in Alias.objects.filter(domain__in=domains).order_by("domain_id", "name").values_list("domain_id", "name", "body"):
        aliases[key].append((name, body))
    return {
        d.name: replace(
            load_place(d),
            default_qmail=d.default_qmail,
            limits=d.limits,
            stale_mail=d.stale_mail,
            mailboxes=tuple(mailboxes[d.pk]),
            aliases=tuple(aliases[d.pk]),
        )
        for d in domains
    }


def _mailbox_record(row: tuple[str, str, int, int, str, str, str, str | None, bytes | None, bytes | None]) -> MailboxRecord:
    name, crypt, uid, flags, gecos, directory, quota, clear, odd_line, dotqmail = row
    return MailboxRecord(account(name, crypt, uid, flags, gecos, directory, quota, clear), odd_line, dotqmail)


def account(name: str, crypt: str, uid: int, flags: int, gecos: str, directory: str, quota: str, clear: str | None) -> Account:
    plain = None if clear is None else clear.encode()
    return Account(name.encode(), crypt.encode(), uid, flags, gecos.encode(), directory.encode(), quota.encode(), plain)


def account_of(mailbox: Mailbox) -> Account:
    m = mailbox
    return account(m.name, m.crypt, m.uid, m.flags, m.gecos, m.directory, m.quota, m.clear)


def load_all() -> Records:
    """Everything there is: for tests of small instances and for the first import. Two queries a domain."""
    return Records(load_files(), tuple(map(load_domain, Domain.objects.select_related("real"))))


def save_all(records: Records, who: str) -> None:
    """Rows become what the records say; rows of what is not there go. Inside a transaction."""
    save_files(records.files, who)
    save_places(records.domains)
    for domain in records.domains:
        save_domain(domain)


def save_files(files: dict[str, bytes], who: str) -> None:
    for row in ConfigFile.objects.all():
        value = files.get(row.path)
        if value is None:
            row.delete()
        elif value != row.value:
            row.value, row.changed_by = value, who
            row.save()
    known = set(load_files())
    for path in files.keys() - known:
        folder, _, name = path.partition("/")
        ConfigFile.objects.create(folder=folder, name=name, value=files[path], changed_by=who)


def save_places(domains: Iterable[DomainRecord]) -> None:
    """Which domains there are and where, without what is in them."""
    wanted = {d.name: d for d in domains}
    Domain.objects.exclude(name__in=wanted).delete()
    for place in sorted(wanted.values(), key=lambda d: d.real is not None):
        real = None if place.real is None else Domain.objects.get(name=place.real)
        kind = Domain.Kind.VIRTUAL if real is None else Domain.Kind.ALIAS
        fields = {"kind": kind, "real": real, "uid": place.uid, "gid": place.gid, "directory": place.directory}
        Domain.objects.update_or_create(name=place.name, defaults=fields)


def save_domain(record: DomainRecord) -> None:
    """What is in one domain, whose row is there."""
    domain = Domain.objects.get(name=record.name)
    domain.default_qmail, domain.limits, domain.stale_mail = record.default_qmail, record.limits, record.stale_mail
    policy = stale_policy.read(record.stale_mail or b"")
    domain.unread_days, domain.read_days, domain.trash_days = policy.unread, policy.read, policy.trash
    domain.save()
    _save_mailboxes(domain, record.mailboxes)
    _save_aliases(domain, dict(record.aliases))


def _save_mailboxes(domain: Domain, records: tuple[MailboxRecord, ...]) -> None:
    known = {m.name: m for m in domain.mailboxes.all()}
    fresh, changed = [], []
    for position, record in enumerate(records, 1):
        name = plan.text(record.account.name)
        row = known.pop(name, None)
        fields = {**_columns(record), "position": position}
        if row is None:
            fresh.append(Mailbox(domain=domain, name=name, **fields))
        elif any(getattr(row, column) != value for column, value in fields.items()):
            for column, value in fields.items():
                setattr(row, column, value)
            changed.append(row)
    domain.mailboxes.filter(pk__in=[m.pk for m in known.values()]).delete()
    Mailbox.objects.bulk_create(fresh, batch_size=_BATCH)
    Mailbox.objects.bulk_update(changed, [*_MAILBOX_COLUMNS[1:], "position"], batch_size=_BATCH)


def _columns(record: MailboxRecord) -> dict[str, object]:
    a = record.account
    return {
        "crypt": plan.text(a.crypt),
        "uid": a.uid,
        "flags": a.flags,
        "gecos": plan.text(a.gecos),
        "directory": plan.text(a.dir),
        "quota": plan.text(a.quota),
        "clear": None if a.clear is None else plan.text(a.clear),
        "odd_line": record.odd_line,
        "dotqmail": record.dotqmail,
    }


def _save_aliases(domain: Domain, wanted: dict[str, bytes]) -> None:
    for alias in domain.aliases.all():
        body = wanted.pop(alias.name, None)
        if body is None:
            alias.delete()
        elif body != alias.body:
            alias.body = body
            alias.save()
    Alias.objects.bulk_create([Alias(domain=domain, name=name, body=body) for name, body in wanted.items()], batch_size=_BATCH)


def next_position(domain: Domain) -> int:
    last = domain.mailboxes.order_by(F("position").desc()).values_list("position", flat=True).first()
    return 1 if last is None else last + 1
