"""A user's home directory, a queued message, and qmail-local called for them in this process."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from mta.formats.local_job import Address
from tests.support import queue_program
from tests.support.call import Result, call
from tests.support.queue_program import QueueProgram

MESSAGE = b"Subject: t\n\nb\n"


def maildir(path: Path) -> Path:
    for part in ("", "tmp", "new", "cur"):
        (path / part).mkdir()
    return path


def mails(path: Path, folder: str = "new") -> list[bytes]:
    """Contents of all messages of a Maildir."""
    return [file.read_bytes() for file in sorted((path / folder).iterdir())]


class LocalHome:
    """path/joe is the home directory, path/q the instance; what is forwarded is kept by a program in the queue's place."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.home = path / "joe"
        self.home.mkdir()
        (path / "q" / "bin").mkdir(parents=True)
        self.queue: QueueProgram = queue_program.make(path / "queued")
        self.env: dict[bytes, bytes] = {b"QMAIL_HOME": os.fsencode(path / "q"), b"QMAILQUEUE": self.queue.path, b"PATH": b"/usr/bin:/bin"}

    def dot(self, name: str, text: bytes, mode: int = 0o600) -> None:
        file = self.home / name
        file.write_bytes(text)
        file.chmod(mode)

    def address(
        self, ext: bytes = b"", *, dash: bytes | None = None, host: bytes = b"h.ex", sender: bytes = b"s@x", default: bytes = b"./Maildir/"
    ) -> Address:
        mark = dash if dash is not None else b"-" if ext else b""
        return Address(b"joe", os.fsencode(self.home), b"joe" + mark + ext, mark, ext, host, sender, default)

    def deliver(self, message: bytes = MESSAGE, options: tuple[bytes, ...] = (), address: Address | None = None, **kind: bytes) -> Result:
        """kind: as for address()."""
        found = self.address(**kind) if address is None else address  # type: ignore[arg-type]
        with queued(message) as fd:
            return call("qmail-local", [*options, b"--", *found.argv()], self.env, stdin_fd=fd)


@contextmanager
def queued(message: bytes, age_s: int = 0) -> Iterator[int]:
    """A descriptor of a file like one in queue/mess."""
    with tempfile.TemporaryFile() as file:
        file.write(message)
        file.flush()
        if age_s:
            st = os.fstat(file.fileno())
            os.utime(file.fileno(), ns=(st.st_mtime_ns - age_s * 10**9,) * 2)
        os.lseek(file.fileno(), 0, os.SEEK_SET)
        yield file.fileno()


def with_permissions(path: Path, modes: Mapping[str, str]) -> None:
    for name, mode in modes.items():
        (path / name).chmod(int(mode, 8))
