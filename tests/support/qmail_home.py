"""The smallest instance: control/, users/, alias/, run/ and a queue, in a temporary folder, all of one user."""

from __future__ import annotations

import os
import time
from pathlib import Path

from mta.formats import info, recipients, todo
from mta.unix.queuedir import SPLIT, Enqueuer, Submission

HASHED = ("mess", "info", "local", "remote")


class QmailHome:
    """path: the instance's home. Helpers put messages into any state."""

    def __init__(self, path: Path, me: str = "host.example.org") -> None:
        self.path = path
        self.home = os.fsencode(path)
        self.queue = path / "queue"
        for name in (
            "control",
            "users",
            "alias",
            "bin",
            "domains",
            "run/qmail-send",
            *(f"queue/{d}" for d in ("pid", "intd", "todo", "bounce")),
        ):
            (path / name).mkdir(parents=True)
        for folder in HASHED:
            for i in range(SPLIT):
                (self.queue / folder / str(i)).mkdir(parents=True)
        (self.queue / "lock").mkdir()
        os.mkfifo(self.queue / "lock/trigger")
        (self.queue / "lock/sendmutex").touch()
        (self.queue / "lock/tcpto").write_bytes(bytes(1024))
        self.control(me=me)

    def control(self, **files: str) -> None:
        for name, text in files.items():
            (self.path / "control" / name).write_bytes((text + "\n").encode("latin-1"))

    def split(self, folder: str, messnum: int) -> Path:
        return self.queue / folder / str(messnum % SPLIT) / str(messnum)

    def enqueue(self, message: bytes, sender: bytes, *rcpts: bytes, uid: int = 7, pid: int = 812) -> int:
        """A message in S4, as qmail-queue leaves it -> its number."""
        enqueuer = Enqueuer(os.fsencode(self.queue), pid=os.getpid())
        staged = enqueuer.stage(int(time.time()))
        enqueuer.write(staged, [message])
        submission = Submission(staged, todo.write(todo.Todo(uid, pid, sender, rcpts)))
        enqueuer.commit([submission], int(time.time()))
        assert not submission.failed
        return submission.message.messnum

    def preprocessed(
        self, message: bytes, sender: bytes, *, local: tuple[bytes, ...] = (), remote: tuple[bytes, ...] = (), age_s: int = 0
    ) -> int:
        """A message in S5 of that age -> its number. Channel files are due at once."""
        messnum = self.enqueue(message, sender)
        (self.queue / "todo" / str(messnum)).unlink()
        then = time.time() - age_s
        for folder, data in (
            ("info", info.write(sender)),
            ("local", recipients.write(list(local))),
            ("remote", recipients.write(list(remote))),
        ):
            if data:
                self.split(folder, messnum).write_bytes(data)
                os.utime(self.split(folder, messnum), (then, then))
        return messnum

    def files(self) -> list[str]:
        """Every file of the queue but those in lock/, below queue/."""
        return sorted(str(p.relative_to(self.queue)) for p in self.queue.rglob("*") if p.is_file() and p.parent.name != "lock")
