"""One of everything that happens to mail, for strace to look at: queued alone and many together, preprocessed, delivered here and far
away, forwarded, deferred, bounced, cleaned up.

Usage    python -m tests.crash.reorder_scenario HOME PORT LOG
         HOME: an instance; PORT: where the far server is to listen; LOG: of the programs
Marks    mkdir of /mark/acked/NUMBER once a message was acknowledged, of /mark/taken/NUMBER/RECIPIENT before the far server says so
Source   the programs themselves: queue-writer and qmail-start as processes of their own
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from mta.errors import MailError
from mta.unix import queue_call
from tests.crash import ledger, reorder_home
from tests.crash.reorder_home import LATER, LETTERS, TOGETHER, Programs
from tests.support.smtp_sink import SmtpSink


def mark(word: bytes) -> None:
    try:
        os.mkdir(b"/mark/" + word)
    except OSError:  # that is all it is for
        pass


def taken(data: bytes) -> bytes:
    found = ledger.read(data.removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n."))
    mark(b"taken/%d" % (found[0] if found else 0))
    return b"250 ok\r\n"


class Server:
    """What the far server says to recipients: gone@ is not there, later@ comes back a moment later."""

    def __init__(self) -> None:
        self._is_later = False

    def recipient(self, line: bytes) -> bytes:
        if b"gone@" in line:
            return b"550 no such mailbox\r\n"
        if LATER in line and not self._is_later:
            self._is_later = True
            return b"451 later\r\n"
        return b"250 ok\r\n"


def enqueue(home: bytes, number: int) -> None:
    letter = LETTERS[number]
    call = queue_call.open_(home, {})
    call.write(letter.text())
    failure: MailError | None = call.commit(letter.sender, list(letter.recipients))
    if failure is not None:
        raise failure
    mark(b"acked/%d" % number)


def main() -> None:
    home, port = os.fsencode(sys.argv[1]), int(sys.argv[2])
    reorder_home.load()
    with Programs(home, Path(sys.argv[3])) as programs, SmtpSink(replies={".": taken, "RCPT": Server().recipient}, port=port):
        for number in LETTERS:
            if number not in TOGETHER:
                enqueue(home, number)
                assert programs.work_off(60), number
        threads = [threading.Thread(target=enqueue, args=(home, number)) for number in TOGETHER]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert programs.work_off(60)


if __name__ == "__main__":
    main()
