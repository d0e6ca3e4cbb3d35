"""A program for QMAILQUEUE that keeps what it is given: tests look at it instead of a queue.

folder/N.message is what came on descriptor 0, folder/N.envelope what came on 1; N counts from 1. An envelope without its closing NUL is
not kept, as a correct qmail-queue queues nothing then. exit_ and custom make it refuse.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

_SCRIPT = """#!{python} -IS
import os
folder, code, custom = {folder!r}, {code!r}, {custom!r}
def read(fd):
    data = b""
    while piece := os.read(fd, 65536):
        data += piece
    return data
message, envelope = read(0), read(1)
if code:
    if custom:
        os.write(6, custom)
    os._exit(code)
if not envelope.endswith(b"\\0\\0"):
    os._exit(54)
n = 1
while os.path.exists(folder + "/%d.message" % n):
    n += 1
open(folder + "/%d.envelope" % n, "wb").write(envelope)
open(folder + "/%d.message" % n, "wb").write(message)
"""


@dataclass(frozen=True)
class QueueProgram:
    path: bytes
    folder: Path

    def queued(self) -> list[tuple[bytes, bytes]]:
        """(message, envelope) of each message kept, in order."""
        found = []
        n = 1
        while (self.folder / f"{n}.message").exists():
            found.append(((self.folder / f"{n}.message").read_bytes(), (self.folder / f"{n}.envelope").read_bytes()))
            n += 1
        return found


def make(folder: Path, exit_: int = 0, custom: bytes = b"") -> QueueProgram:
    folder.mkdir(exist_ok=True)
    path = folder / "queue-program"
    path.write_text(_SCRIPT.format(python=os.path.realpath(sys.executable), folder=str(folder), code=exit_, custom=custom))
    path.chmod(0o755)
    return QueueProgram(os.fsencode(path), folder)
