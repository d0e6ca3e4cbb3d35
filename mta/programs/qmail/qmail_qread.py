"""qmail-qread: list the messages in the queue.

Reads    queue/info, mess, local, remote, bounce. Messages that qmail-send has not looked at yet (still in todo/) are not listed.
Writes   to fd 1, for each message: when it came, its number, size and sender, whether it bounces; then its recipients by channel, those
         that are done marked so. A message with a missing file gets a warning line: it was finished while we looked.
Exits    0; 111 when the queue is closed to us
Limits   one file at a time; a message that ends while it is listed may be listed in part
Runs as  root or qmails
Source   qmail-qread(8), qmail-qread.c
"""

from __future__ import annotations

import os
import signal

from mta.formats import date822
from mta.formats.error_str import error_str
from mta.unix import atomic
from mta.unix.fds import Fds
from mta.unix.queuedir import SPLIT, Paths, numbers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_SAFE = bytes(c if 32 <= c <= 126 else 0x5F for c in range(256))
_CHANNELS = (b"local", b"remote")
_OUT_MAX = 1 << 16


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    root = env[b"QMAIL_HOME"] + b"/queue"
    try:
        os.stat(root + b"/.")  # "." asks for the right to enter, which chdir would need
    except OSError as error:
        fds.write(1, b"fatal: unable to chdir: %b\n" % _words(error))
        return 111
    out = bytearray()
    try:
        for text in _messages(Paths(root)):
            out += text
            if len(out) > _OUT_MAX:
                fds.write(1, bytes(out))
                out.clear()
    except _Closed as closed:
        out += b"fatal: unable to opendir %b: %b\n" % (closed.folder, _words(closed.why))
        fds.write(1, bytes(out))
        return 111
    fds.write(1, bytes(out))
    return 0


class _Closed(Exception):
    def __init__(self, folder: bytes, why: OSError) -> None:
        super().__init__(folder, why)
        self.folder = folder
        self.why = why


def _words(error: OSError) -> bytes:
    return error_str(error.errno).encode()


def _messages(paths: Paths) -> Iterator[bytes]:
    for part in range(SPLIT):
        folder = b"info/%d" % part
        try:
            names = os.listdir(paths.folder(folder))
        except OSError as error:
            raise _Closed(folder, error) from error
        for messnum in numbers(names):
            try:
                yield _message(paths, messnum)
            except OSError as error:
                yield b"warning: trouble with #%d: %b\n" % (messnum, _words(error))
                continue
            for channel in _CHANNELS:
                yield _recipients(paths, channel, messnum)


def _message(paths: Paths, messnum: int) -> bytes:
    """Its line. Raises OSError when it is no longer there."""
    size = os.stat(paths.mess(messnum)).st_size
    bouncing = b" bouncing" if os.path.exists(paths.bounce(messnum)) else b""
    with open(paths.info(messnum), "rb") as file:
        sender = file.read().split(b"\0", 1)[0][1:]
        entered_s = int(os.fstat(file.fileno()).st_mtime)
    when = date822.stamp(entered_s).removesuffix(b" -0000")
    line = b"%b GMT  #%d  %d  <%b> %b" % (when, messnum, size, sender, bouncing)
    return line.translate(_SAFE) + b"\n"


def _recipients(paths: Paths, channel: bytes, messnum: int) -> bytes:
    try:
        data = atomic.read(paths.channel(channel, messnum))
    except OSError as error:
        return b"warning: trouble with #%d: %b\n" % (messnum, _words(error))
    lines = []
    for record in (data or b"").split(b"\0")[:-1]:
        if record[:1] in (b"T", b"D"):
            done = b"  done" if record[:1] == b"D" else b""
            lines.append(b"%b\t%b\t%b\n" % (done, channel, record[1:].translate(_SAFE)))
    return b"".join(lines)


def guard() -> None:
    """In a process of our own: `qmail-qread | head` shall end without a word."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
