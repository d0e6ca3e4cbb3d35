"""The tasks that wait for a worker, in one SQLite file that any number of processes write to and take from.

A message is put; claimed by one process, which holds a lease on it; and removed when that process says that the task is done. It can be
claimed again when the lease ends, or as soon as the process that holds it is gone, however it ended: nothing is lost with a worker.

Files    PATH            the messages, in WAL mode
         PATH-holders    empty; a process that claims messages keeps one octet of it locked, at an offset of its own. The kernel gives the
                         lock up with the process, so "can I lock it?" answers "is it gone?"
Limits   a message whose holder was lost LOSSES_MAX times is given up, with a line in the log: it would end every worker
Crash    before the commit of a put there is no message, after it there is one, power cuts included; a claim or a removal that a power cut
         undoes is done again, so tasks must bear being done twice
Repair   while nothing runs, both files may be removed: the timetable puts its tasks again
"""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

LEASE_S = 8 * 3600.0  # above every time limit of a task
LOSSES_MAX = 5
BUSY_S = 20.0
PAUSE_MIN_S, PAUSE_MAX_S = 0.005, 0.2  # between two looks at a file that nobody writes to
HOLDERS_EVERY_S = 2.0
_OFFSETS = 1 << 62

_TABLE = """
CREATE TABLE IF NOT EXISTS message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    queue TEXT NOT NULL,
    body TEXT NOT NULL,
    visible REAL NOT NULL,             -- from when on it may be claimed: 0, a time in seconds, or the end of the lease
    holder INTEGER,                    -- offset of the holder's octet
    lease INTEGER NOT NULL DEFAULT 0,  -- how often it was claimed: what an old holder does counts no more
    losses INTEGER NOT NULL DEFAULT 0
) STRICT
"""
_INDEX = "CREATE INDEX IF NOT EXISTS message_queue ON message (queue, id)"
_NEXT = "SELECT id, holder, losses FROM message WHERE queue = ? AND visible <= ? ORDER BY id LIMIT 1"
_CLAIM = "UPDATE message SET visible = ?, holder = ?, lease = lease + 1, losses = ? WHERE id = ? RETURNING id, lease, body"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Claim:
    id: int
    lease: int
    body: str


class Holders:
    """Which processes are still there. One per path and process, and never closed: closing any descriptor of the file drops its locks."""

    _mine: dict[tuple[str, int], Holders] = {}

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self.me = secrets.randbelow(_OFFSETS)
        fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, self.me)

    @classmethod
    def of(cls, path: str) -> Holders:
        key = (path, os.getpid())
        if key not in cls._mine:
            cls._mine[key] = cls(path)
        return cls._mine[key]

    def is_gone(self, holder: int) -> bool:
        if holder == self.me:
            return False
        try:
            fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, holder)
        except (BlockingIOError, PermissionError):
            return False
        fcntl.lockf(self._fd, fcntl.LOCK_UN, 1, holder)
        return True


class BrokerFile:
    """One connection to the file. May be used by several threads; after a fork it opens itself anew. Raises sqlite3.Error, OSError.

    now: the clock of leases, in seconds since 1970; pause, tick: how wait() sleeps and what it measures its patience with."""

    def __init__(
        self,
        path: str,
        *,
        lease_s: float = LEASE_S,
        now: Callable[[], float] = time.time,
        pause: Callable[[float], None] = time.sleep,
        tick: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._lease_s = lease_s
        self._now, self._pause, self._tick = now, pause, tick
        self._lock = threading.RLock()
        self._opened: tuple[int, sqlite3.Connection, Holders] | None = None
        self._seen = -1
        self._due: float | None = None
        self._pause_s = PAUSE_MIN_S
        self._holders_at = -HOLDERS_EVERY_S

    # -- messages ------------------------------------------------------------------------------------------------------------------

    def put(self, queue: str, body: str, visible: float = 0.0) -> None:
        """visible: not before that time. It is on disk when this returns."""
        with self._writing(is_durable=True) as db:
            db.execute("INSERT INTO message (queue, body, visible) VALUES (?, ?, ?)", (queue, body, visible))

    def claim(self, queue: str) -> Claim | None:
        """The oldest message that nobody holds."""
        with self._lock:
            if self._db.execute(_NEXT, (queue, self._now())).fetchone() is None:  # reading alone keeps nobody waiting
                return None
            with self._writing() as db:
                while (found := db.execute(_NEXT, (queue, self._now())).fetchone()) is not None:
                    if (claim := self._claim(db, *found)) is not None:
                        return claim
        return None

    def _claim(self, db: sqlite3.Connection, id_: int, holder: int | None, losses: int) -> Claim | None:
        losses += holder is not None  # its lease has ended
        if losses >= LOSSES_MAX:
            (body,) = db.execute("DELETE FROM message WHERE id = ? RETURNING body", (id_,)).fetchone()
            _log.error("a task was given up: %d workers were lost while they had it: %.1000s", losses, body)
            return None
        values = (self._now() + self._lease_s, self._holders.me, losses, id_)
        return Claim(*db.execute(_CLAIM, values).fetchone())

    def remove(self, id_: int) -> None:
        """The task is done, even if the lease had ended meanwhile."""
        with self._writing() as db:
            db.execute("DELETE FROM message WHERE id = ?", (id_,))

    def release(self, id_: int, lease: int) -> None:
        """Give a message back. Nothing happens when the lease ended and another one holds it."""
        with self._writing() as db:
            db.execute("UPDATE message SET visible = 0, holder = NULL WHERE id = ? AND lease = ?", (id_, lease))

    def size(self, queue: str) -> int:
        """Messages nobody holds, those for later included."""
        with self._lock:
            (number,) = self._db.execute("SELECT count(*) FROM message WHERE queue = ? AND holder IS NULL", (queue,)).fetchone()
        return int(number)

    def purge(self, queue: str) -> int:
        """Remove what nobody holds -> how many."""
        with self._writing() as db:
            return db.execute("DELETE FROM message WHERE queue = ? AND holder IS NULL", (queue,)).rowcount

    # -- waiting -------------------------------------------------------------------------------------------------------------------

    def wait(self, patience_s: float) -> None:
        """Until there may be something to claim, or patience_s is over.

        Somebody's commit is seen in SQLite's own counter of changes, which costs some microseconds; the longer nothing happens, the longer
        the pauses, up to PAUSE_MAX_S."""
        ends = self._tick() + patience_s
        while (left := ends - self._tick()) > 0:
            if self._has_changed() or self.free_lost():
                self._pause_s = PAUSE_MIN_S
                return
            due_s = self._due_s()
            if due_s is not None and due_s <= 0:
                return
            self._pause(min(left, self._pause_s, self._pause_s if due_s is None else due_s))
            self._pause_s = min(self._pause_s * 1.5, PAUSE_MAX_S)

    def _has_changed(self) -> bool:
        """Since it was asked last."""
        with self._lock:
            (version,) = self._db.execute("PRAGMA data_version").fetchone()
        was, self._seen = self._seen, version
        if version != was:
            self._due = self._find_due()
        return bool(version != was)

    def _find_due(self) -> float | None:
        with self._lock:
            (due,) = self._db.execute("SELECT min(visible) FROM message WHERE visible > ?", (self._now(),)).fetchone()
        return None if due is None else float(due)

    def _due_s(self) -> float | None:
        """Until the next message that is for later, or whose lease ends."""
        if self._due is None:
            return None
        left = self._due - self._now()
        if left <= 0:
            self._due = self._find_due()
        return left

    def free_lost(self) -> bool:
        """Let messages of processes that are gone be claimed again. Looks every HOLDERS_EVERY_S, and when the file is opened."""
        now = self._tick()
        if now - self._holders_at < HOLDERS_EVERY_S:
            return False
        self._holders_at = now
        with self._lock:
            held = [int(row[0]) for row in self._db.execute("SELECT DISTINCT holder FROM message WHERE holder IS NOT NULL")]
        lost = [holder for holder in held if self._holders.is_gone(holder)]
        for holder in lost:
            with self._writing() as db:
                db.execute("UPDATE message SET visible = 0, holder = NULL, losses = losses + 1 WHERE holder = ?", (holder,))
        return bool(lost)

    # -- the file ------------------------------------------------------------------------------------------------------------------

    @property
    def _db(self) -> sqlite3.Connection:
        return self.open()[1]

    @property
    def _holders(self) -> Holders:
        return self.open()[2]

    def open(self) -> tuple[int, sqlite3.Connection, Holders]:
        """SQLite's connections and locks do not live through a fork; the parent's is left alone."""
        if self._opened is None or self._opened[0] != os.getpid():
            self._opened = (os.getpid(), _connect(self._path), Holders.of(self._path + "-holders"))
            self._seen = -1
        return self._opened

    @contextmanager
    def _writing(self, *, is_durable: bool = False) -> Iterator[sqlite3.Connection]:
        with self._lock:
            db = self._db
            db.execute("PRAGMA synchronous = FULL" if is_durable else "PRAGMA synchronous = NORMAL")
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:  # on a full disk SQLite has ended it by itself
                    db.execute("ROLLBACK")
                raise
            self._seen = -1  # our own writing does not count as somebody's change, but may bring a new time to wait for

    def close(self) -> None:
        with self._lock:
            if self._opened is not None and self._opened[0] == os.getpid():
                self._opened[1].close()
            self._opened = None


def _connect(path: str) -> sqlite3.Connection:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # arguments of tasks are nobody else's business
    db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    ends = time.monotonic() + BUSY_S
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            break
        except sqlite3.OperationalError:  # another process is just doing it: SQLite does not wait for that by itself
            if time.monotonic() > ends:
                raise
            time.sleep(PAUSE_MIN_S)
    db.execute(_TABLE)
    db.execute(_INDEX)
    return db
