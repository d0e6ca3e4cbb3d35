"""queue-writer: put messages of many callers into the queue, many at a time.

It stands where the setuid qmail-queue stands in the original: the only process that may write new messages into queue/. Who is calling is
what the kernel says of the other end of the socket. All messages that wait share their barriers (unix/queuedir), so that a busy hour costs
fewer of them, and each caller hears "queued" only after the barrier.

Reads    run/queue-writer (formats/queue_call): messages and envelopes; control/queueextra
Writes   queue/mess, queue/todo, one byte to queue/lock/trigger; fd 2: one line at start
Exits    0 after SIGTERM, when what was whole by then is queued; 111 if it cannot start
Limits   4 MiB of a caller's unfinished messages wait in memory, the rest on disk; 4096 messages of a caller under way; 256 a batch
Runs as  qmailq, after it made its socket as root
Rooms    callers (connections, messages under way), writer (the loop), batch (one on its way to disk, one at a time), extra (queueextra)
Source   qmail-queue(8), DESIGN 4 and 5
"""

from __future__ import annotations

import os

from mta.errors import Temporary
from mta.formats import queue_call
from mta.programs.servers.queue_writer.callers import Invoker
from mta.programs.servers.queue_writer.extra import Extra
from mta.programs.servers.queue_writer.writer import Writer
from mta.unix import accounts, ask, clock, rlimit
from mta.unix.fds import Fds
from mta.unix.queuedir import Enqueuer, QueueTrouble
from mta.unix.settle import settle


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    home = env[b"QMAIL_HOME"]
    who = accounts.load(home)
    me = who["qmailq"]
    sock = ask.listen(
        os.path.join(home, queue_call.SOCKET), mode=0o666, owner=(me.uid, me.gid) if os.geteuid() == 0 else None, backlog=1024
    )
    accounts.become(me)
    rlimit.raise_descriptors()
    os.umask(0o033)
    os.chdir(os.path.join(home, b"queue"))
    enqueuer = Enqueuer(b".", pid=os.getpid())
    check_inodes(enqueuer)
    writer = Writer(sock, enqueuer, Invoker(who), Extra(home))
    settle()
    fds.say(b"queue-writer: status: ready\n")
    while writer.turn():
        pass
    writer.close()
    return 0


def check_inodes(enqueuer: Enqueuer) -> None:
    """A message's number is its inode: that must be the same under every name. Raises Temporary on a file system where it is not."""
    try:
        staged = enqueuer.stage(clock.now_s())
        path = b"pid/check.%d" % staged.messnum
        enqueuer.name(staged, path)
        is_same = os.stat(path).st_ino == staged.messnum
        os.unlink(path)
        enqueuer.discard(staged)
    except (QueueTrouble, OSError) as error:
        raise Temporary("unable to make a file in queue/", str(error)) from error
    if not is_same:
        raise Temporary("the file system of queue/ gives one file different inode numbers: move the queue to a local ext4, xfs or btrfs")
