"""The broker's loop: takes requests, lets them wait for their turn, forks a child for each, keeps the books on children and sessions.

It never blocks and never looks into a mailbox, a hash or a password. What it reads is one bounded record from a peer the kernel vouches
for, and one letter from each child. A fork comes back as the exception Forked, which unwinds the loop in the child.
"""

from __future__ import annotations

import os
import selectors
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from mta.errors import Temporary
from mta.formats import login_call
from mta.formats.login_call import RECORD_MAX, Request
from mta.programs.servers.login_broker import turns
from mta.programs.servers.login_broker.turns import Turn, Turns
from mta.programs.servers.login_broker.worker import GO
from mta.unix.ask import peer_uid

CHILDREN_MAX = 1000
SESSIONS_PER_MAILBOX = 20
REQUEST_S = 10  # between connecting and asking
CALLERS_MAX = 2000
_ACCEPTS = 64  # a turn
_REAP_S = 1.0


@dataclass(slots=True, eq=False)
class Caller:
    """A front's connection, from connecting to its answer."""

    sock: socket.socket
    deadline_s: int
    request: Request | None = None
    client: socket.socket | None = None
    turn: Turn | None = None

    def close(self) -> None:
        self.sock.close()
        if self.client is not None:
            self.client.close()


@dataclass(slots=True, eq=False)
class Child:
    """session: the mailbox whose session it serves."""

    pid: int
    channel: socket.socket
    caller: Caller
    is_settled: bool = False
    session: bytes | None = None


class Forked(BaseException):
    """We are the child. channel: to the broker."""

    def __init__(self, caller: Caller, channel: socket.socket) -> None:
        super().__init__()
        self.caller = caller
        self.channel = channel


class Broker:
    """listening: the socket; allowed: user ids that may ask; stop_fd: readable when it is time to end; now: a clock that never goes
    back, in seconds; say: writes a log line."""

    def __init__(
        self,
        listening: socket.socket,
        allowed: frozenset[int],
        stop_fd: int,
        say: Callable[[bytes], None],
        now: Callable[[], float],
        fork: Callable[[], int] = os.fork,
    ) -> None:
        listening.setblocking(False)
        self._listening = listening
        self._allowed = allowed
        self._stop_fd = stop_fd
        self._say = say
        self._now = now
        self._fork = fork
        self._selector = selectors.PollSelector()  # an epoll would be shared with the children
        self._selector.register(listening, selectors.EVENT_READ, listening)
        self._selector.register(stop_fd, selectors.EVENT_READ)
        self.turns = Turns()
        self._callers: set[Caller] = set()
        self._by_turn: dict[Turn, Caller] = {}
        self._children: set[Child] = set()
        self._sessions: Counter[bytes] = Counter()
        self._dying: list[int] = []

    def _now_s(self) -> int:
        return int(self._now())

    def run(self) -> None:
        """Until stop_fd is readable. Raises Forked in a child."""
        while self.step(self._timeout_s()):
            pass
        self._listening.close()
        for caller in list(self._callers):  # they hear no answer, which is Temporary
            self._forget(caller)
        for child in self._children:
            child.channel.close()
        self._selector.close()

    def step(self, timeout_s: float | None) -> bool:
        """One turn of the loop. -> go on?"""
        for key, _ in self._selector.select(timeout_s):
            if key.fd == self._stop_fd:
                return False
            if key.data is self._listening:
                self._accept()
            elif isinstance(key.data, Caller):
                self._heard(key.data)
            else:
                self._child_said(key.data)
        self._expire()
        for turn in self.turns.due(self._now_s()):
            self._start(self._by_turn.pop(turn))
        self._reap()
        return True

    def _timeout_s(self) -> float | None:
        """Until something falls due by itself."""
        times = [c.deadline_s for c in self._callers if c.turn is None]
        due_s = self.turns.next_s(self._now_s())
        if due_s is not None:
            times.append(due_s)
        wait_s = max(0.0, min(times) - self._now()) if times else None
        if self._dying:
            return _REAP_S if wait_s is None else min(wait_s, _REAP_S)
        return wait_s

    # -- callers -------------------------------------------------------------------------------------------------------------------

    def _accept(self) -> None:
        for _ in range(_ACCEPTS):
            try:
                sock, _ = self._listening.accept()
            except OSError:  # none left, or no descriptor for it: the next turn tries again
                return
            if peer_uid(sock) not in self._allowed:
                self._say(b"warning: uid %d is none of our fronts and was sent away" % peer_uid(sock))
                sock.close()
                continue
            if len(self._callers) >= CALLERS_MAX:
                sock.close()
                continue
            sock.setblocking(False)
            caller = Caller(sock, self._now_s() + REQUEST_S)
            self._callers.add(caller)
            self._selector.register(sock, selectors.EVENT_READ, caller)

    def _heard(self, caller: Caller) -> None:
        """Its request; or, once it waits, that it went away."""
        if caller.turn is None and self._take_request(caller):
            assert caller.request is not None
            turn = Turn(turns.keys(caller.request.name, caller.request.ip), self._now_s())
            if not self.turns.add(turn):
                self._refuse(caller, "too many logins are waiting")
                return
            caller.turn = turn
            self._by_turn[turn] = caller
            return
        self._forget(caller)

    def _take_request(self, caller: Caller) -> bool:
        """False: this is no request. A peer that breaks the rules is not answered."""
        try:
            data, fds, flags, _ = socket.recv_fds(caller.sock, RECORD_MAX + 1, 1)
        except OSError:
            return False
        if fds:
            caller.client = socket.socket(fileno=fds[0])
            os.set_inheritable(fds[0], False)
        if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
            return False
        try:
            caller.request = login_call.read_request(data)
        except ValueError:
            return False
        return True

    def _forget(self, caller: Caller) -> None:
        """Close our end of a connection to a front."""
        if caller.turn is not None:
            self.turns.forget(caller.turn)
            self._by_turn.pop(caller.turn, None)
        self._callers.discard(caller)
        self._selector.unregister(caller.sock)
        caller.close()

    def _refuse(self, caller: Caller, text: str) -> None:
        try:
            caller.sock.send(login_call.write_failure(Temporary(text)))
        except OSError:  # it did not wait
            pass
        self._log(caller, b"warning", text.encode())
        self._forget(caller)

    def _expire(self) -> None:
        now_s = self._now_s()
        for caller in [c for c in self._callers if c.turn is None and c.deadline_s <= now_s]:
            self._forget(caller)

    # -- children ------------------------------------------------------------------------------------------------------------------

    def _start(self, caller: Caller) -> None:
        assert caller.turn is not None
        if len(self._children) >= CHILDREN_MAX:
            self._not_started(caller, "too many sessions")
            return
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            pid = self._fork()
        except OSError as error:
            ours.close()
            theirs.close()
            self._not_started(caller, f"unable to fork: {error.strerror}")
            return
        if pid == 0:
            self._leave_to_parent(caller, ours)
            raise Forked(caller, theirs)
        theirs.close()
        ours.setblocking(False)
        child = Child(pid, ours, caller)
        self._children.add(child)
        self._selector.register(ours, selectors.EVENT_READ, child)
        self._forget(caller)

    def _not_started(self, caller: Caller, text: str) -> None:
        assert caller.turn is not None
        self.turns.ended(caller.turn, self._now_s(), is_right=None)
        self._refuse(caller, text)

    def _leave_to_parent(self, caller: Caller, ours: socket.socket) -> None:
        """In the child: close what is not its own, above all the connections of other clients. The objects are closed, not their numbers,
        so that none of them closes a number again that has become something else."""
        self._listening.close()
        ours.close()
        for other in self._callers:
            if other is not caller:
                other.close()
        for child in self._children:
            child.channel.close()

    def _child_said(self, child: Child) -> None:
        try:
            word = child.channel.recv(RECORD_MAX)
        except BlockingIOError:
            return
        except OSError:
            word = b""
        if word:
            self._verdict(child, word[:1], word[1:])
            return
        self._settle(child, is_right=None)
        if child.session is not None:
            self._sessions[child.session] -= 1
            if not self._sessions[child.session]:
                del self._sessions[child.session]
        self._children.discard(child)
        self._selector.unregister(child.channel)
        child.channel.close()
        self._dying.append(child.pid)

    def _verdict(self, child: Child, letter: bytes, rest: bytes) -> None:
        if child.is_settled:
            return
        if letter == b"K":
            self._settle(child, is_right=True)
            self._log(child.caller, b"ok", name=rest)
            if child.caller.client is not None:
                self._begin_session(child, rest)
        elif letter == b"D":
            self._settle(child, is_right=False)
            self._log(child.caller, b"deny")
        else:
            self._settle(child, is_right=None)
            self._log(child.caller, b"warning", rest or b"no answer")

    def _settle(self, child: Child, *, is_right: bool | None) -> None:
        if not child.is_settled:
            child.is_settled = True
            assert child.caller.turn is not None
            self.turns.ended(child.caller.turn, self._now_s(), is_right=is_right)

    def _begin_session(self, child: Child, name: bytes) -> None:
        leave = GO if self._sessions[name] < SESSIONS_PER_MAILBOX else b"Z"
        if leave == GO:
            self._sessions[name] += 1
            child.session = name
        else:
            self._log(child.caller, b"warning", b"too many sessions of this mailbox")
        try:
            child.channel.send(leave)
        except OSError:  # it died; its end will be seen
            pass

    def _reap(self) -> None:
        """Children whose channel closed are at their end, but may take a moment."""
        for pid in list(self._dying):
            try:
                done, _ = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                done = pid
            if done:
                self._dying.remove(pid)

    def _log(self, caller: Caller, class_: bytes, text: bytes = b"", *, name: bytes | None = None) -> None:
        """class_: b"ok", b"deny", or b"warning" with a text."""
        request = caller.request
        assert request is not None
        who = b"%b %b %b" % (request.service, _word(name or request.name), _word(request.ip or b"-"))
        self._say(b"%b: %b: %b" % (class_, who, _line(text)) if text else b"%b %b" % (class_, who))


def _word(text: bytes) -> bytes:
    """A stranger's words as one word of a log line."""
    return _line(text).replace(b" ", b"_")


def _line(text: bytes) -> bytes:
    """No control bytes, no more than 200 octets."""
    return bytes(b if 32 <= b < 127 or b >= 160 else 63 for b in text[:200])
