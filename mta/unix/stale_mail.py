"""Find, and take away, the old mail of a virtual domain (decisions/stale), mailbox by mailbox.

Reads    the domain's .stale-mail (formats/stale_policy) and vpasswd.cdb's directories; every folder of every mailbox
Removes  messages, never anything in tmp/; maildirsize follows
Runs as  the domain's owner
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from mta.decisions import stale
from mta.formats import stale_policy, vpasswd
from mta.formats.stale_policy import StalePolicy
from mta.unix import atomic
from mta.unix.mail_folder import Entry, Folder
from mta.unix.mailbox import Mailbox

SAMPLE_MAX = 1000  # messages named in a report; all are counted


@dataclass(slots=True)
class Report:
    """What is (or would be) taken away. sample: (mailbox, folder, file name, reason, octets) of the first ones."""

    messages: int = 0
    size_bytes: int = 0
    by_mailbox: Counter[bytes] = field(default_factory=Counter)
    by_reason: Counter[str] = field(default_factory=Counter)
    sample: list[tuple[bytes, bytes, bytes, str, int]] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)


def policy_of(domain_dir: bytes) -> StalePolicy:
    """Raises OSError, ValueError."""
    data = atomic.read(os.path.join(domain_dir, stale_policy.FILE_NAME))
    return StalePolicy() if data is None else stale_policy.read(data)


def sweep(domain_dir: bytes, now_s: int, *, is_dry: bool) -> Report:
    """is_dry: only tell. A mailbox that cannot be read is told and passed over. Raises OSError, ValueError for the domain's own files."""
    policy = policy_of(domain_dir)
    report = Report()
    if policy == StalePolicy():
        return report
    data = atomic.read(os.path.join(domain_dir, b"vpasswd"))
    for account in vpasswd.read(data or b""):
        try:
            with Mailbox(account.dir + b"/Maildir") as mailbox:
                _sweep_mailbox(account.name, mailbox, policy, now_s, report, is_dry=is_dry)
        except FileNotFoundError:  # no mail was ever delivered
            continue
        except OSError as error:
            report.troubles.append(f"{account.name.decode('latin-1')}: {error.strerror}")
    return report


def _sweep_mailbox(name: bytes, mailbox: Mailbox, policy: StalePolicy, now_s: int, report: Report, *, is_dry: bool) -> None:
    for directory in mailbox.folders():
        folder = mailbox.folder(directory)
        try:
            doomed = []
            for entry, reason, size in _stale(folder, directory, policy, now_s):
                _note(report, (name, directory, entry.name, reason, size))
                doomed.append(entry)
            if not is_dry:
                folder.remove(doomed)
        finally:
            folder.close()


def _stale(folder: Folder, directory: bytes, policy: StalePolicy, now_s: int) -> Iterator[tuple[Entry, str, int]]:
    for entry in folder.entries():
        try:
            st = folder.stat(entry)
        except FileNotFoundError:  # moved or removed meanwhile
            continue
        message = stale.Message(
            folder=directory, is_new=entry.is_new, flags=entry.flags, arrived_s=int(st.st_mtime), moved_s=int(st.st_ctime)
        )
        reason = stale.reason(message, policy, now_s)
        if reason is not None:
            yield entry, reason, st.st_size


def _note(report: Report, row: tuple[bytes, bytes, bytes, str, int]) -> None:
    report.messages += 1
    report.size_bytes += row[4]
    report.by_mailbox[row[0]] += 1
    report.by_reason[row[3]] += 1
    if len(report.sample) < SAMPLE_MAX:
        report.sample.append(row)
