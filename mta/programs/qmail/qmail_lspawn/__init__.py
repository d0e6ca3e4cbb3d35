"""qmail-lspawn: find the user behind each local address, and have mail delivered with that user's rights.

Usage    qmail-lspawn DEFAULT
Reads    fd 0 commands (formats/spawn); users/cdb, opened again when it changes; queue/mess; DEFAULT, what an empty or missing .qmail file
         means; environment QMAIL_LSPAWN_PLAIN
Writes   fd 1 the capacity, once, then reports
Exits    0 at the end of fd 0, after running deliveries have ended; 100 usage; 111 users of the instance are missing
Limits   120 deliveries at a time, or as many as control/concurrencylimit says; 64 living workers, each of one uid and gid, that end after
         60 idle seconds; beyond that, and for what would not fit into a packet, a process for each delivery
Workers  a living worker is a fork that has given up root for the user; it takes many deliveries (qmail-local, worker). One that dies takes
         its deliveries with it: "qmail-local crashed". They come again, then each in a process of its own.
Users    users/cdb; what it does not know is asked of qmail-getpw, which runs as qmailp
Instead  with QMAIL_LSPAWN_PLAIN=1, or when bin/qmail-local is not ours, bin/qmail-local is run for each delivery as with the original
Runs as  root, and does as little as possible: it parses commands, users/cdb and short reports. uid 0 gets no mail.
Rooms    spawner (slots, commands, reports), workers (living workers), processes (what a forked child does), users (who answers)
Source   qmail-lspawn(8), qmail-lspawn.c, spawn.c
"""

from __future__ import annotations

import os

from mta import runner
from mta.programs.qmail.qmail_lspawn.spawner import Spawner
from mta.unix import accounts, spawn_limit, warm
from mta.unix.fds import Fds
from mta.unix.settle import settle

_PLAIN = b"QMAIL_LSPAWN_PLAIN"


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    if len(argv) != 1:
        return 100
    home = env[b"QMAIL_HOME"]
    who = accounts.load(home)
    is_plain = env.get(_PLAIN) == b"1" or warm.foreign_program(home, b"qmail-local") is not None
    for name in ("qmail-local", "qmail-getpw"):  # children have them loaded
        runner.load(name)
    capacity = spawn_limit.load(home)
    spawn_limit.make_room(capacity)
    spawner = Spawner(argv[0], env, fds, owner=who["qmailq"].uid, asker=who["qmailp"], is_plain=is_plain, capacity=capacity)
    settle()
    while spawner.turn():
        pass
    return 0


def guard() -> None:
    """In a process of our own, for all that is delivered from here."""
    os.umask(0o077)
