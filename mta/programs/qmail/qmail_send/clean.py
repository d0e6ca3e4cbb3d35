"""Requests to qmail-clean: remove files of a message that we may not remove ourselves. Answers come in the order of requests.

todo/N   removes intd/N, then todo/N: the message is preprocessed        # -todo  S5
foop/N   removes intd/N, then mess/H/N: the message is gone              # -mess  S1
done/N   the one, then the other: a message that never was preprocessed. The original qmail-clean does not know it, and is asked for both.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable

from mta.programs.qmail.qmail_send.say import Say

Done = Callable[[bool], None]

_GONE, _MESS_LEFT, _UNKNOWN = b"+-x"  # qmail-clean's answers


class Clean:
    """fd_out, fd_in: pipes to and from qmail-clean."""

    def __init__(self, fd_out: int, fd_in: int, say: Say) -> None:
        self.fd_out, self.fd_in = fd_out, fd_in
        self._say = say
        self._unsent = b""
        self._waiting: deque[tuple[bytes, Done]] = deque()
        self._has_done = True  # until it says otherwise
        self.is_lost = False

    def begin(self) -> bool:
        """Wait until it is there, and its predecessor gone: that one may still be doing what it was asked by a qmail-send that died, and a
        todo/N we have seen must not go away unless we say so. (There is no message 0.) False: it is not there."""
        try:
            os.write(self.fd_out, b"todo/0\0")
            answer = os.read(self.fd_in, 1)
        except OSError:
            answer = b""
        os.set_blocking(self.fd_out, False)
        os.set_blocking(self.fd_in, False)
        return bool(answer)

    def request(self, kind: bytes, messnum: int, done: Done) -> None:
        """kind: b"todo" or b"foop" (or b"done", see finish). done(True) when the files are gone."""
        name = b"%b/%d" % (kind, messnum)
        if self.is_lost:
            done(False)
            return
        self._waiting.append((name, done))
        self._unsent += name + b"\0"

    def finish(self, messnum: int, done: Done) -> None:
        """todo/N and then mess/N. done(True) when todo/N is gone: mess/N is the sweep's if it could not be removed."""
        if self._has_done:
            self.request(b"done", messnum, done)
        else:
            self.request(b"todo", messnum, lambda ok: self._then_mess(messnum, ok, done))

    def _then_mess(self, messnum: int, ok: bool, done: Done) -> None:
        if ok:
            self.request(b"foop", messnum, lambda _ok: done(True))
        else:
            done(False)

    @property
    def wants_to_write(self) -> bool:
        return bool(self._unsent)

    @property
    def is_idle(self) -> bool:
        return not self._waiting

    def write(self) -> None:
        try:
            self._unsent = self._unsent[os.write(self.fd_out, self._unsent) :]
        except BlockingIOError:
            pass
        except OSError:
            self._lose()

    def read(self) -> None:
        try:
            data = os.read(self.fd_in, 4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lose()
            return
        for byte in data:
            if self._waiting:
                self._take(byte, *self._waiting.popleft())

    def _take(self, answer: int, name: bytes, done: Done) -> None:
        if answer == _UNKNOWN and name.startswith(b"done/"):
            self._has_done = False
            self.finish(int(name[5:]), done)
            return
        if answer != _GONE:
            self._say.warning(b"qmail-clean unable to clean up %b" % name)
        done(answer in (_GONE, _MESS_LEFT))

    def _lose(self) -> None:
        if self.is_lost:
            return
        self.is_lost = True
        self._say.alert(b"oh no! lost qmail-clean connection! dying...")
        self._unsent = b""
        waiting, self._waiting = self._waiting, deque()
        for _, done in waiting:
            done(False)
