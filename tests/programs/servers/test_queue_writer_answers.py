"""An answer that cannot be sent ends the connection: whoever waits for it must not wait for ever."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path
from typing import Any

from mta.formats import envelope, queue_call
from mta.programs.servers.queue_writer.callers import Invoker
from mta.programs.servers.queue_writer.extra import Extra
from mta.programs.servers.queue_writer.writer import Writer
from mta.unix.accounts import Account, Accounts
from mta.unix.queuedir import Enqueuer
from tests.support.qmail_home import QmailHome


class Reluctant(socket.socket):
    """The kernel has no room for an answer."""

    def accept(self) -> tuple[socket.socket, Any]:
        fd, address = self._accept()  # type: ignore[attr-defined]
        return Reluctant(fileno=fd), address

    def send(self, *_: Any) -> int:
        raise OSError(errno.ENOBUFS, "no buffer space")


def test_an_answer_that_cannot_be_sent_ends_the_connection(tmp_path: Path) -> None:
    home = QmailHome(tmp_path / "q")
    path = os.fspath(tmp_path / "socket")
    with Reluctant(socket.AF_UNIX, socket.SOCK_STREAM) as listening, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        listening.bind(path)
        listening.listen()
        how = Invoker(Accounts(True, {"alias": Account("alias", 1, 1)}))
        writer = Writer(listening, Enqueuer(os.fsencode(home.queue), pid=1), how, Extra(home.home))
        caller.connect(path)
        caller.settimeout(20)
        caller.sendall(
            queue_call.frame(1, queue_call.MESSAGE, b"Subject: x\n\n")
            + queue_call.frame(1, queue_call.ENVELOPE, envelope.write(b"a@b", (b"c@d",)))
        )
        while not os.listdir(home.queue / "todo"):
            writer.turn()
        assert caller.recv(100) == b""  # the message is queued; whoever asked hears that nobody knows
