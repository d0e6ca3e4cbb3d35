"""The table of an instance's folders and special files: path, mode, owner, group. Making it twice changes nothing.

Owners are names; in an instance of a single user they are all that user. Queue programs never make folders: they are all made here.
Source   qmail's hier.c and INSTALL, qmail-queue's needs (docs/queue-states.md), DESIGN 2 and 4
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from mta.formats.tcpto import SIZE as TCPTO_SIZE
from mta.unix import queue_tree


@dataclass(frozen=True, slots=True)
class Entry:
    path: str  # below the home; "" is the home itself
    mode: int
    owner: str
    group: str
    kind: str = "folder"  # folder, file (made empty), fifo, tcpto


TABLE: tuple[Entry, ...] = (
    Entry("", 0o755, "root", "qmail"),
    Entry("bin", 0o755, "root", "qmail"),
    Entry("generations", 0o755, "root", "qmail"),
    Entry("alias", 0o2755, "alias", "qmail"),
    *(Entry(f"queue/{e.path}".rstrip("/"), e.mode, e.owner, e.group, e.kind) for e in queue_tree.TABLE),
    Entry("domains", 0o750, "vpopmail", "vchkpw"),
    Entry("removed", 0o750, "vpopmail", "vchkpw"),
    Entry("run", 0o755, "root", "qmail"),
    Entry("run/qmail-send", 0o755, "qmails", "qmail"),
    Entry("run/webadmin", 0o2750, "tawny", "tawnyd"),
    Entry("run/webmail", 0o2750, "vpopmail", "tawnyd"),
    Entry("webadmin", 0o700, "tawny", "tawny"),
    Entry("webmail", 0o700, "vpopmail", "vchkpw"),
    Entry("static", 0o755, "tawny", "tawny"),
    Entry("service", 0o755, "root", "qmail"),
)


def service_entries(name: str, *, has_log: bool) -> tuple[Entry, ...]:
    """supervise/ may be looked into by all, so that the overview can tell what runs; only its owner can give orders. The log may be read
    by the control plane."""
    folders = (
        Entry(f"service/{name}", 0o755, "root", "qmail"),
        Entry(f"service/{name}/supervise", 0o755, "root", "qmail"),
    )
    if not has_log:
        return folders
    return (
        *folders,
        Entry(f"service/{name}/log", 0o755, "root", "qmail"),
        Entry(f"service/{name}/log/supervise", 0o755, "root", "qmail"),
        Entry(f"service/{name}/log/main", 0o2750, "qmaill", "tawny"),
    )


def make(home: Path, entries: tuple[Entry, ...], *, is_single: bool) -> None:
    """Make what is missing, and give everything its mode and owner. Raises OSError, KeyError for a missing user."""
    for entry in entries:
        path = home / entry.path if entry.path else home
        if not path.exists():
            _create(path, entry)
        if not is_single:
            os.chown(path, pwd.getpwnam(entry.owner).pw_uid, grp.getgrnam(entry.group).gr_gid)
        if stat.S_IMODE(path.stat().st_mode) != entry.mode:
            path.chmod(entry.mode)


def _create(path: Path, entry: Entry) -> None:
    if entry.kind == "folder":
        path.mkdir(parents=True)
    elif entry.kind == "fifo":
        os.mkfifo(path)
    elif entry.kind == "tcpto":
        path.write_bytes(bytes(TCPTO_SIZE))
    else:
        path.touch()
