"""Records -> the exact octets of the files, and the steps from one set of files to another. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from mta.formats import install_call, stale_policy, vpasswd
from mta.formats.install_call import Line, Put, Remove
from mta.formats.vpasswd import Account
from webadmin.mirror.records import DomainRecord, MailboxRecord, Records

_DOMAIN = re.compile(rb"(?=.{3,253}\Z)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+")


def is_domain_name(name: bytes) -> bool:
    """A name as it may stand in the files: lower case, A-labels, at least one dot."""
    return _DOMAIN.fullmatch(name) is not None


def text(octets: bytes) -> str:
    """What a row shows of a field; octets that are no UTF-8 are taken for Latin-1 (and the line kept: MailboxRecord.odd_line)."""
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("latin-1")


def through_text(account: Account) -> Account:
    """The account as a row gives it back."""
    a = account
    name, crypt, gecos, directory, quota = (text(field).encode() for field in (a.name, a.crypt, a.gecos, a.dir, a.quota))
    clear = None if a.clear is None else text(a.clear).encode()
    return replace(a, name=name, crypt=crypt, gecos=gecos, dir=directory, quota=quota, clear=clear)


def line(account: Account) -> bytes:
    """The line of vpasswd a row gives."""
    return vpasswd.write_line(through_text(account))


def vpasswd_file(mailboxes: Iterable[MailboxRecord]) -> bytes:
    return b"".join(m.odd_line if m.odd_line is not None else vpasswd.write_line(m.account) for m in mailboxes)


def domain_files(domain: DomainRecord) -> dict[bytes, bytes]:
    """The files of a domain relative to its directory. An alias has none."""
    if domain.real is not None:
        return {}
    files = {b".qmail-" + name.encode(): body for name, body in domain.aliases}
    files[b"vpasswd"] = vpasswd_file(domain.mailboxes)
    optional = {b".qmail-default": domain.default_qmail, b".qmailadmin-limits": domain.limits, stale_policy.FILE_NAME: domain.stale_mail}
    files |= {path: data for path, data in optional.items() if data is not None}
    directory = domain.directory.encode()
    for mailbox in domain.mailboxes:
        inside = install_call.inside(directory, mailbox.account.dir)
        if mailbox.dotqmail is not None and inside is not None:
            files[inside + b"/.qmail"] = mailbox.dotqmail
    return files


def everything(records: Records) -> dict[bytes, bytes]:
    """The whole tree."""
    tree = {path.encode(): data for path, data in records.files.items()}
    for domain in records.domains:
        prefix = b"domains/%b/" % domain.name.encode()
        tree |= {prefix + path: data for path, data in domain_files(domain).items()}
    return tree


def line_steps(before: bytes, after: bytes, name: bytes) -> list[Line]:
    """From one line of vpasswd to another; b"": none."""
    return [Line(name, after, install_call.digest(before or None))] if before != after else []


def steps(before: Mapping[bytes, bytes], after: Mapping[bytes, bytes]) -> list[Put | Remove]:
    """What takes the files from one state to the other; each step is refused where the file is not as in before."""
    changed = [path for path in sorted({*before, *after}) if before.get(path) != after.get(path)]
    return [
        Put(path, after[path], install_call.digest(before.get(path)))
        if path in after
        else Remove(path, install_call.digest(before.get(path)))
        for path in changed
    ]
