"""Mailboxes as people read them: quotas in units, what a mailbox may do, how full it is. Pure but for the question to vmaild."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mta.decisions import quota as quota_decisions
from mta.formats import maildirsize, vpasswd
from mta.formats.maildirsize import Quota, Usage
from webadmin.accounts.acts import maildir
from webadmin.aliases import lines
from webadmin.mirror import plan, servers
from webadmin.models import Mailbox
from webadmin.templatetags.ui import octets

# field of the form: (bit of vpasswd that takes it away, what it is called)
SWITCHES = {
    "may_pop": (vpasswd.NO_POP, "Fetch mail by POP3"),
    "may_imap": (vpasswd.NO_IMAP, "Read mail by IMAP"),
    "may_webmail": (vpasswd.NO_WEBMAIL, "Read and write mail in the webmail"),
    "may_send": (vpasswd.NO_SMTP, "Send mail from mail programs (SMTP with password)"),
    "may_change": (vpasswd.NO_PASSWORD_CHANGE, "Change its own password"),
}
_SHORT = {vpasswd.NO_POP: "no POP3", vpasswd.NO_IMAP: "no IMAP", vpasswd.NO_WEBMAIL: "no webmail", vpasswd.NO_SMTP: "no sending"}


def read_quota(text: str) -> Quota:
    """What no program understands is no limit."""
    try:
        return maildirsize.read_quota(text.encode())
    except ValueError:
        return Quota()


def quota_words(text: str) -> str:
    """ "524288000S,100C" -> "500M,100C": as a person would type it; "" without a limit."""
    found = read_quota(text)
    if found == Quota():
        return "" if text in ("", "NOQUOTA") else text
    parts = [_size(found.size_bytes)] if found.size_bytes else []
    return ",".join([*parts, *([f"{found.messages}C"] if found.messages else [])])


def quota_shown(text: str) -> str:
    """ "500 MB, 10,000 messages"; "" without a limit."""
    found = read_quota(text)
    parts = [octets(found.size_bytes)] if found.size_bytes else []
    return ", ".join([*parts, *([f"{found.messages:,} messages"] if found.messages else [])])


def _size(size_bytes: int) -> str:
    for letter, unit in (("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10)):
        if size_bytes % unit == 0:
            return f"{size_bytes // unit}{letter}"
    return f"{size_bytes}S"


def notes(mailbox: Mailbox) -> list[str]:
    """What is unusual about it, in a word or two each."""
    found = [] if mailbox.crypt else ["locked"]
    if mailbox.flags & vpasswd.BOUNCE_MAIL:
        found.append("refuses mail")
    found += [words for bit, words in _SHORT.items() if mailbox.flags & bit]
    targets = lines.forwards(mailbox.dotqmail)
    if targets:
        found.append("forwards" if lines.keeps_copy(mailbox.dotqmail, maildir(mailbox)) else "forwards all")
    if lines.has_others(mailbox.dotqmail, maildir(mailbox)):
        found.append("own .qmail")
    return found


@dataclass(frozen=True, slots=True)
class Filled:
    """What vmaild knows of one mailbox. None: nobody can tell."""

    size_bytes: int | None
    messages: int | None
    percent: int | None
    last_login: datetime | None
    last_ip: str


def usage(domain: str, mailboxes: Iterable[Mailbox]) -> dict[str, Filled]:
    """By name; a mailbox vmaild does not know is not in it. One question. Raises Permanent, Temporary."""
    known = {plan.text(key.encode("latin-1")): value for key, value in servers.vmaild(b"usage", domain.encode())["mailboxes"].items()}
    return {m.name: _filled(m, known[m.name]) for m in mailboxes if m.name in known}


def _filled(mailbox: Mailbox, facts: dict[str, Any]) -> Filled:
    size, count = facts["size_bytes"], facts["messages"]
    percent = None if size is None else quota_decisions.percent(read_quota(mailbox.quota), Usage(size, count or 0))
    login = facts["last_login"]
    return Filled(size, count, percent, None if login is None else datetime.fromtimestamp(login, UTC), facts["last_ip"].strip())


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list."""

    mailbox: Mailbox
    quota: str
    notes: list[str]
    filled: Filled | None


def rows(mailboxes: Iterable[Mailbox], filled: dict[str, Filled]) -> list[Row]:
    return [Row(m, quota_shown(m.quota), notes(m), filled.get(m.name)) for m in mailboxes]
