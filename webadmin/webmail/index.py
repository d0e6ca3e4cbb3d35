"""A list of the messages of each folder, so that a page of ten thousand shows at once. Made from the Maildir, made again when in doubt.

Where     Maildir/tawny-webmail.index (SQLite): beside the mail it speaks of: it moves, is backed up and goes with the mailbox, nobody else
          can read it, and no two mailboxes wait for each other. It may be deleted at any time. When it cannot be written (disk full,
          read-only) the list is made in memory, for this one request.
Fresh?    a folder is looked through again when inode or mtime of new/ or cur/ are not those of the last look, or when that look came so
          soon after a change that another might have happened within the same tick of the clock.
Rows      one a message, keyed by the part of the file name that never changes. Names are compared; what is in a file is read once, when a
          page shows it, or when a search or a sort by sender or subject needs all: then in portions, so that a page comes back in time.
Key       of a message, in URLs: the first 24 hex digits of a hash of its name. It is only ever looked up here.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mta.formats import maildirname
from mta.unix import mail_folder
from mta.unix import mailbox as unix
from webadmin.webmail import summary

NAME = b"tawny-webmail.index"
VERSION = 1
PORTION_S = 0.7  # how long one request may read messages for a sort or a search
_TICK_NS = 2_000_000_000  # file systems keep times in up to two seconds' steps
_TIME_MAX = 1 << 36
_BATCH = 200
ORDERS = ("date", "from", "subject", "size")

_SCHEMA = """
create table folder (id integer primary key, directory blob not null unique, stamp blob not null default x'',
                     total integer not null default 0, unread integer not null default 0);
create table message (id integer primary key, folder integer not null references folder, base blob not null, name blob not null,
                      is_new integer not null, key text not null, flags text not null, arrived_s integer not null, size integer not null,
                      is_read integer not null default 0, people text not null default '', address text not null default '',
                      subject text not null default '', snippet text not null default '', has_attachment integer not null default 0,
                      people_sort text not null default '', subject_sort text not null default '', search text not null default '',
                      unique (folder, base));
create unique index message_key on message (folder, key);
create index message_date on message (folder, arrived_s, id);
"""
_SORT_COLUMNS = {"date": "arrived_s", "from": "people_sort", "subject": "subject_sort", "size": "size"}
_FILTERS = {"": "", "unread": " and instr(flags, 'S') = 0", "flagged": " and instr(flags, 'F') > 0"}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a list."""

    id: int
    key: str
    entry: mail_folder.Entry
    is_read: bool  # by the index, not by the person
    arrived_s: int
    size: int
    people: str
    address: str
    subject: str
    snippet: str
    has_attachment: bool
    flags: str

    @property
    def is_unread(self) -> bool:
        return "S" not in self.flags

    @property
    def is_flagged(self) -> bool:
        return "F" in self.flags

    @property
    def is_answered(self) -> bool:
        return "R" in self.flags

    @property
    def is_forwarded(self) -> bool:
        return "P" in self.flags


@dataclass(frozen=True, slots=True)
class View:
    """Which messages, in which order."""

    order: str = "date"
    is_ascending: bool = False
    filter: str = ""
    search: str = ""

    @property
    def needs_all(self) -> bool:
        """Must every message have been read for this?"""
        return bool(self.search) or self.order in ("from", "subject")


class Index:
    """The index of one mailbox, for one request. Close it."""

    def __init__(self, mailbox: unix.Mailbox) -> None:
        self._mailbox = mailbox
        self._db = _open(mailbox)
        self._ids: dict[bytes, int] = {}

    def close(self) -> None:
        self._db.close()

    # ---- keeping it fresh ----

    def refresh(self, directory: bytes) -> int:
        """Make the rows of a folder those of its files. -> id of the folder"""
        found = self._db.execute("select id, stamp from folder where directory = ?", (directory,)).fetchone()
        stamp, changed_ns = self._mailbox.stamp(directory)
        if found is not None and found[1] == stamp:
            self._ids[directory] = int(found[0])
            return int(found[0])
        was_open = self._mailbox.is_open(directory)
        folder = self._mailbox.folder(directory)
        self._write(lambda: self._renew(directory, folder, stamp, is_settled=time.time_ns() - changed_ns > _TICK_NS))
        if not was_open:
            self._mailbox.shut(directory)
        return self._ids[directory]

    def _renew(self, directory: bytes, folder: mail_folder.Folder, stamp: bytes, *, is_settled: bool) -> None:
        self._db.execute("insert into folder (directory) values (?) on conflict (directory) do nothing", (directory,))
        id_ = int(self._db.execute("select id from folder where directory = ?", (directory,)).fetchone()[0])
        self._look_through(id_, folder)
        self._db.execute(
            "update folder set stamp = :stamp, total = (select count(*) from message where folder = :id),"
            " unread = (select count(*) from message where folder = :id and instr(flags, 'S') = 0) where id = :id",
            {"id": id_, "stamp": stamp if is_settled else b""},
        )
        self._ids[directory] = id_

    def forget_folders(self, directories: Iterable[bytes]) -> None:
        """Rows of folders that are gone go."""
        there = set(directories)
        gone = [(i,) for i, d in self._db.execute("select id, directory from folder").fetchall() if d not in there]
        if gone:
            self._write(lambda: self._forget(gone))

    def _forget(self, ids: list[tuple[int]]) -> None:
        self._db.executemany("delete from message where folder = ?", ids)
        self._db.executemany("delete from folder where id = ?", ids)

    def _write(self, act: Callable[[], None]) -> None:
        """act in a transaction. What cannot be written to disk is done in memory, from an empty index."""
        try:
            self._transact(act)
        except sqlite3.OperationalError:
            memory = _in_memory()
            self._db.close()
            self._db = memory
            self._ids.clear()
            self._transact(act)

    def _transact(self, act: Callable[[], None]) -> None:
        self._db.execute("begin immediate")
        try:
            act()
            self._db.execute("commit")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("rollback")
            raise

    def _look_through(self, id_: int, folder: mail_folder.Folder) -> None:
        known = {base: (name, is_new) for base, name, is_new in self._select_names(id_)}
        there = {e.base: e for e in folder.entries()}
        gone = [(id_, base) for base in known if base not in there]
        changed = [
            (e.name, e.is_new, _text(e.flags), id_, base)
            for base, e in there.items()
            if base in known and known[base] != (e.name, int(e.is_new))
        ]
        fresh = [self._fresh(id_, folder, e) for base, e in sorted(there.items()) if base not in known]
        self._db.executemany("delete from message where folder = ? and base = ?", gone)
        self._db.executemany("update message set name = ?, is_new = ?, flags = ? where folder = ? and base = ?", changed)
        self._db.executemany(
            "insert into message (folder, base, name, is_new, key, flags, arrived_s, size) values (?, ?, ?, ?, ?, ?, ?, ?)",
            [row for row in fresh if row is not None],
        )

    def _select_names(self, id_: int) -> sqlite3.Cursor:
        return self._db.execute("select base, name, is_new from message where folder = ?", (id_,))

    def _fresh(self, id_: int, folder: mail_folder.Folder, entry: mail_folder.Entry) -> tuple[object, ...] | None:
        """The first row of a message: what its name says, and its inode where the name says nothing."""
        base = entry.base
        arrived_s, size = _named_time(base), maildirname.size(base)
        if arrived_s is None or size is None or size >= _TIME_MAX:
            try:
                st = folder.stat(entry)
            except FileNotFoundError:
                return None
            arrived_s, size = (int(st.st_mtime) if arrived_s is None else arrived_s), st.st_size
        return id_, base, entry.name, entry.is_new, key(base), _text(entry.flags), arrived_s, size

    # ---- asking it ----

    def counts(self, directory: bytes) -> tuple[int, int]:
        """-> (messages, unread ones)"""
        id_ = self.refresh(directory)
        total, unread = self._db.execute("select total, unread from folder where id = ?", (id_,)).fetchone()
        return int(total), int(unread)

    def count(self, directory: bytes, view: View) -> int:
        where, values = _where(self._ids[directory], view)
        return int(self._db.execute(f"select count(*) from message where {where}", values).fetchone()[0])  # noqa: S608 - fixed texts

    def rows(self, directory: bytes, view: View, offset: int, limit: int) -> list[Row]:
        """Rows as they stand; read_rows() reads what they lack."""
        where, values = _where(self._ids[directory], view)
        way = "asc" if view.is_ascending else "desc"
        column = _SORT_COLUMNS[view.order]
        sql = f"select {_ROW} from message where {where} order by {column} {way}, id {way} limit ? offset ?"  # noqa: S608 - fixed texts
        return [_row(r) for r in self._db.execute(sql, (*values, limit, offset))]

    def find(self, directory: bytes, key: str) -> Row | None:
        id_ = self.refresh(directory)
        found = self._db.execute(f"select {_ROW} from message where folder = ? and key = ?", (id_, key)).fetchone()  # noqa: S608 - fixed
        return None if found is None else _row(found)

    def find_marked(self, directory: bytes, mark: bytes) -> list[Row]:
        """Messages delivered with that mark in their names (unix.mail_folder.Folder.deliver)."""
        id_ = self.refresh(directory)
        found = self._db.execute(f"select {_ROW} from message where folder = ? and instr(base, ?) > 0", (id_, b"W" + mark))  # noqa: S608
        return [r for r in map(_row, found) if mail_folder.is_marked(r.entry.name, mark)]

    def neighbours(self, directory: bytes, view: View, row: Row) -> tuple[str | None, str | None]:
        """-> keys of the message before and behind it in the list"""
        where, values = _where(self._ids[directory], view)
        column = _SORT_COLUMNS[view.order]
        here = self._db.execute(f"select {column} from message where id = ?", (row.id,)).fetchone()  # noqa: S608 - fixed texts
        found = []
        for is_up in (not view.is_ascending, view.is_ascending):
            sign, way = (">", "asc") if is_up else ("<", "desc")
            sql = f"select key from message where {where} and ({column}, id) {sign} (?, ?) order by {column} {way}, id {way} limit 1"  # noqa: S608
            one = self._db.execute(sql, (*values, here[0], row.id)).fetchone()
            found.append(None if one is None else str(one[0]))
        return found[0], found[1]

    # ---- reading messages ----

    def unread_by_us(self, directory: bytes) -> int:
        """How many messages of the folder have not been read for the index yet."""
        sql = "select count(*) from message where folder = ? and is_read = 0"
        return int(self._db.execute(sql, (self._ids[directory],)).fetchone()[0])

    def read_rows(self, directory: bytes, rows: list[Row], *, is_own: bool) -> list[Row]:
        """The rows with everything a list shows, those not read yet being read now."""
        missing = [r for r in rows if not r.is_read]
        if not missing:
            return rows
        self._read(directory, missing, is_own=is_own)
        marks = ",".join("?" * len(rows))
        sql = f"select {_ROW} from message where folder = ? and key in ({marks})"  # noqa: S608 - question marks
        found = {r[1]: _row(r) for r in self._db.execute(sql, (self._ids[directory], *(r.key for r in rows)))}
        return [found[r.key] for r in rows if r.key in found]

    def read_portion(self, directory: bytes, *, is_own: bool, portion_s: float = PORTION_S) -> int:
        """Read messages for as long as that, newest first. -> how many are left"""
        until = time.monotonic() + portion_s
        sql = f"select {_ROW} from message where folder = ? and is_read = 0 order by arrived_s desc, id desc limit ?"  # noqa: S608 - fixed
        while True:
            rows = [_row(r) for r in self._db.execute(sql, (self._ids[directory], _BATCH))]
            if not rows:
                return 0
            self._read(directory, rows, is_own=is_own)
            if time.monotonic() >= until:
                return self.unread_by_us(directory)

    def _read(self, directory: bytes, rows: list[Row], *, is_own: bool) -> None:
        folder = self._mailbox.folder(directory)
        found = [(_columns(_summary(folder, row.entry, is_own)), row.key) for row in rows]

        def act() -> None:
            if directory not in self._ids:  # in memory, where nothing is known yet
                self._renew(directory, folder, b"", is_settled=False)
            id_ = self._ids[directory]
            self._db.executemany(
                "update message set is_read = 1, people = ?, address = ?, subject = ?, snippet = ?, has_attachment = ?,"
                " people_sort = ?, subject_sort = ?, search = ? where folder = ? and key = ?",
                [(*columns, id_, key_) for columns, key_ in found],
            )

        self._write(act)


_ROW = "id, key, name, is_new, is_read, arrived_s, size, people, address, subject, snippet, has_attachment, flags"
_UNREADABLE = summary.Summary("", "", "(this message cannot be read)", "", False)


def _row(r: tuple[int, str, bytes, int, int, int, int, str, str, str, str, int, str]) -> Row:
    return Row(r[0], r[1], mail_folder.Entry(r[2], bool(r[3])), bool(r[4]), r[5], r[6], r[7], r[8], r[9], r[10], bool(r[11]), r[12])


def key(base: bytes) -> str:
    return hashlib.blake2b(base, digest_size=12).hexdigest()


def subject_key(subject: str) -> str:
    """What subjects are sorted by: answers stand with what they answer."""
    bare = subject.casefold().lstrip()
    while True:
        word, colon, rest = bare.partition(":")
        if not colon or word.rstrip() not in ("re", "aw", "fw", "fwd", "wg", "sv", "vs", "antw", "tr", "rif"):
            return bare
        bare = rest.lstrip()


def _summary(folder: mail_folder.Folder, entry: mail_folder.Entry, is_own: bool) -> summary.Summary:
    try:
        with folder.open(entry) as file:
            return summary.read(file, is_own=is_own)
    except OSError:  # no regular file, not ours, or gone by now: the list says so and goes on
        return _UNREADABLE


def _columns(s: summary.Summary) -> tuple[object, ...]:
    search = f"{s.people}\n{s.address}\n{s.subject}".casefold()
    sort = (s.people or s.address).casefold()
    return s.people, s.address, s.subject, s.snippet, s.has_attachment, sort, subject_key(s.subject), search


def _where(id_: int, view: View) -> tuple[str, list[object]]:
    where = "folder = ?" + _FILTERS[view.filter]
    values: list[object] = [id_]
    for word in view.search.casefold().split():
        where += " and instr(search, ?) > 0"
        values.append(word)
    return where, values


def _named_time(base: bytes) -> int | None:
    """The time a name begins with, if it is one."""
    digits = base.partition(b".")[0]
    if not digits.isdigit() or len(digits) > 11:
        return None
    return int(digits)


def _text(flags: bytes) -> str:
    return flags.decode("ascii", "replace")[:60]


def _connect(path: str) -> sqlite3.Connection:
    # no implicit transactions; a request's thread may not be the one that closes it
    db = sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False)
    db.execute("pragma synchronous = normal")
    return db


def _open(mailbox: unix.Mailbox) -> sqlite3.Connection:
    """The mailbox's index: made if needed, thrown away and made again when it is of another version or broken."""
    for _ in range(2):
        try:
            return _open_file(mailbox)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) and "malformed" not in str(error):
                break  # cannot be opened or is locked
            _throw_away(mailbox)
        except OSError:
            break
    return _in_memory()


def _in_memory() -> sqlite3.Connection:
    memory = _connect(":memory:")
    memory.executescript(_SCHEMA)
    return memory


def _open_file(mailbox: unix.Mailbox) -> sqlite3.Connection:
    # the file is made and checked through the mailbox's descriptor; SQLite then finds the same directory through it
    fd = os.open(NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600, dir_fd=mailbox.fd)
    os.close(fd)
    db = _connect(f"/proc/self/fd/{mailbox.fd}/{NAME.decode()}")
    try:
        version = db.execute("pragma user_version").fetchone()[0]
        if version == 0:
            db.execute("pragma journal_mode = wal")
            db.executescript(f"begin immediate; {_SCHEMA} pragma user_version = {VERSION}; commit;")
        elif version != VERSION:
            raise sqlite3.DatabaseError("index of another version")
    except sqlite3.Error:
        db.close()
        raise
    return db


def _throw_away(mailbox: unix.Mailbox) -> None:
    for suffix in (b"", b"-wal", b"-shm"):
        try:
            os.unlink(NAME + suffix, dir_fd=mailbox.fd)
        except FileNotFoundError:
            pass
