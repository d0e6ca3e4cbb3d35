"""Stand between a network program and its client, and see all that passes: recordio, fixcrio.

A child of ours copies descriptor 0 to the program and what the program writes to descriptor 1, each piece through a function on its way;
we ourselves become the program, so that whoever waits for us waits for it.
Ends     the client's end is passed on to the program; the program's end, or a descriptor that cannot be written, ends the copying
Limits   piece octets are read at a time and held in each direction: what poll(2) calls writable takes that much without waiting
Loaded by programs that others exec for each connection: builtins and C modules only.
Source   recordio.c, fixcrio.c
"""

from __future__ import annotations

import os
import select

from mta.unix import pathexec, say
from mta.unix.fds import Fds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Pass = Callable[[bytes], bytes]

_ANY = select.POLLIN | select.POLLOUT | select.POLLERR | select.POLLHUP | select.POLLNVAL


class Way:
    """One direction. pass_: each piece -> what is written in its place; b"" is told to it at the end, and what it then returns is lost."""

    __slots__ = ("_held", "_pass", "is_over", "source", "target")

    def __init__(self, source: int, target: int, pass_: Pass) -> None:
        self.source = source
        self.target = target
        self.is_over = False
        self._pass = pass_
        self._held = b""

    def waits_for(self) -> tuple[int, int]:
        return (self.target, select.POLLOUT) if self._held else (self.source, select.POLLIN)

    def step(self, piece: int) -> None:
        """What it waited for is there. Raises OSError: the target takes no more."""
        if self._held:
            self._held = self._held[os.write(self.target, self._held) :]
            return
        try:
            data = os.read(self.source, piece)
        except OSError:  # a connection that was reset has ended
            data = b""
        self._held = self._pass(data)
        self.is_over = not data


def copy(left: Way, right: Way, piece: int) -> None:
    """left: to the program; right: from it. Until right is over, or either cannot be written."""
    try:
        while not right.is_over:
            poll = select.poll()
            ways = {}
            for way in (left, right):
                if not way.is_over:
                    fd, event = way.waits_for()
                    poll.register(fd, event)
                    ways[fd] = way
            for fd, events in poll.poll():
                if events & _ANY and not ways[fd].is_over:
                    ways[fd].step(piece)
                    if ways[fd].is_over and ways[fd] is left:
                        os.close(left.target)
    except OSError:  # see Ends
        pass


def become(name: bytes, argv: list[bytes], env: dict[bytes, bytes], fds: Fds, ways: tuple[Pass, Pass], piece: int) -> int:
    """Be the program argv, with a copying child. ways: of pieces to the program, from the program. It returns only when that fails: 111."""
    step = b"create pipe"
    try:
        to_program, from_program = os.pipe(), os.pipe()
        step = b"fork"
        pid = os.fork()
    except OSError as error:
        return say.fatal(fds, name, b"unable to " + step, error)
    if pid == 0:
        try:
            os.close(to_program[0])
            os.close(from_program[1])
            copy(Way(fds[0], to_program[1], ways[0]), Way(from_program[0], fds[1], ways[1]), piece)
        finally:
            os._exit(0)
    return pathexec.chain(name, argv, env, Fds({**fds, 0: to_program[0], 1: from_program[1]}), env.get(b"PATH"))
