"""A connection to the queue writer that stays open, for a process that forwards messages while it waits for other things.

Rules    a message is handed over in one go and its result comes when the selector says so; it may be one of many under way. A connection
         that breaks takes its messages with it: Temporary. The next one connects again.
Limits   small messages: handing one over waits for the writer to take it, SEND_S at most
Source   formats/queue_call
"""

from __future__ import annotations

import os
import selectors
import socket
from collections.abc import Callable, Iterable, Sequence

from mta.errors import MailError, queue_failure
from mta.formats import envelope, queue_call
from mta.unix import queue_call as caller

SEND_S = 30.0
_WRITER_GONE = 56
_PIECE = 1 << 16

Done = Callable[[MailError | None, int], None]  # (what went wrong, the number under which the log knows the message)


class QueueLine:
    """selector: whose keys' data are functions without arguments, to be called when the descriptor is ready."""

    def __init__(self, home: bytes, selector: selectors.BaseSelector) -> None:
        self._path = os.path.join(home, queue_call.SOCKET)
        self._selector = selector
        self._sock: socket.socket | None = None
        self._buffer = b""
        self._stream = 0  # the writer gives stream 0 our process id, and all others numbers of their own
        self._waiting: dict[int, Done] = {}

    @property
    def running(self) -> int:
        return len(self._waiting)

    def is_open(self) -> bool:
        """Connects if need be. False: the writer does not listen."""
        if self._sock is not None:
            return True
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(SEND_S)
        try:
            sock.connect(self._path)
        except OSError:
            sock.close()
            return False
        self._sock, self._buffer = sock, b""
        self._selector.register(sock, selectors.EVENT_READ, self._answered)
        return True

    def send(self, message: Iterable[bytes], sender: bytes, recipients: Sequence[bytes], done: Done) -> None:
        """done is called once, perhaps at once. What message raises passes through; nothing will be queued then."""
        refusal = caller.check((sender, *recipients))
        if refusal is not None or not self.is_open():
            done(refusal or queue_failure(_WRITER_GONE), 0)
            return
        self._stream = self._stream % 0xFFFFFFFF + 1
        data = queue_call.frame(self._stream, queue_call.MESSAGE, b"".join(message))
        data += queue_call.frame(self._stream, queue_call.ENVELOPE, envelope.write(sender, recipients))
        self._waiting[self._stream] = done
        assert self._sock is not None
        try:
            self._sock.sendall(data)
        except OSError:
            self._lose()

    def _answered(self) -> None:
        assert self._sock is not None
        try:
            data = self._sock.recv(_PIECE)
            frames, used = queue_call.read_frames(self._buffer + data)
        except (OSError, ValueError):
            data = b""
        if not data:
            self._lose()
            return
        self._buffer = (self._buffer + data)[used:]
        for stream, _kind, payload in frames:
            done = self._waiting.pop(stream, None)
            if done is not None:
                exit_, _messnum, qp = queue_call.read_result(payload)
                done(queue_failure(exit_), qp)

    def close(self) -> None:
        if self._sock is not None:
            self._selector.unregister(self._sock)
            self._sock.close()
            self._sock = None

    def _lose(self) -> None:
        self.close()
        waiting, self._waiting = self._waiting, {}
        for done in waiting.values():
            done(queue_failure(_WRITER_GONE), 0)
