"""How many clients the processes of one server have together, in all and from each address: what its limits are compared with.

Shape    a table in memory that the processes share, made before they are forked: a row for each, and in it a number for all clients and one
         for each slot an address may fall into. Each process writes its own row alone, so that nobody has to lock; everybody reads all rows
Limits   16384 slots: clients of two addresses that fall into the same one are counted as one address's. Where an address falls is another
         slot each time a server starts, so that nobody can aim at somebody else's. A process that dies takes the others with it
         (net/workers), and its row
Also     the room of one process: it takes no more clients than it has descriptors for. And when a crowd has gone, three quarters of it, the
         memory they had is given back
"""

from __future__ import annotations

import mmap

from mta.unix import memory, rlimit

_SLOTS = 1 << 14
_ROW = 1 + _SLOTS
_WIDTH = 4
CROWD = 200  # clients whose memory is worth giving back
_RESERVED = 64  # descriptors a server needs for itself: files, sockets, log, logins under way


class Clients:
    """processes: of the server. each: descriptors a client takes."""

    def __init__(self, processes: int = 1, *, each: int = 1) -> None:
        self._table = memoryview(mmap.mmap(-1, processes * _ROW * _WIDTH)).cast("I")
        self._rows = range(0, processes * _ROW, _ROW)
        self._mine = 0
        self._each = each
        self._most = 0  # here, since memory was last given back

    def be(self, number: int) -> None:
        """This process is the one of that number from now on, and writes its row."""
        self._mine = number * _ROW

    def in_all(self) -> int:
        table = self._table
        return sum([table[row] for row in self._rows])

    def of(self, ip: bytes) -> int:
        table, slot = self._table, _slot(ip)
        return sum([table[row + slot] for row in self._rows])

    def here(self) -> int:
        """Of this process."""
        return self._table[self._mine]

    def has_room(self) -> bool:
        """Are there descriptors for one more?"""
        return (self.here() + 1) * self._each + _RESERVED <= rlimit.descriptors()

    def came(self, ip: bytes) -> None:
        self._table[self._mine] += 1
        self._table[self._mine + _slot(ip)] += 1

    def left(self, ip: bytes) -> None:
        here = self.here()
        self._table[self._mine] = here - 1
        self._table[self._mine + _slot(ip)] -= 1
        self._most = max(self._most, here)
        if self._most >= CROWD and here <= self._most // 4:
            self._most = here
            memory.give_back()


def _slot(ip: bytes) -> int:
    return 1 + hash(ip) % _SLOTS
