"""qmail-send: deliver what is in the queue: preprocess new messages, hand recipients to the spawners, try again, bounce, clean up.

Reads    queue/todo, info, local, remote, bounce, mess; fd 2 and 4 reports of qmail-lspawn and qmail-rspawn; fd 6 answers of qmail-clean;
         control/ me locals virtualdomains envnoathost percenthack concurrencylocal concurrencyremote queuelifetime bouncefrom bouncehost
         doublebounceto doublebouncehost doublebouncetrim concurrencylimit; run/qmail-send/orders (see orders)
Writes   queue/info, local, remote, bounce; fd 0 the log; fd 1 and 3 commands to the spawners; fd 5 requests to qmail-clean; bounces to
         qmail-queue
Signals  TERM stop when the deliveries under way have ended; ALRM everything is due now; HUP reread locals and virtualdomains
Exits    0 after TERM or when a helper was lost; 111 if it cannot start
Limits   as many deliveries at a time as the spawners take, and the two concurrency files; 7 days for a message (queuelifetime)
Runs as  qmails
Source   qmail-send(8), qmail-send.c, INTERNALS
"""

from __future__ import annotations

import os
import socket

from mta.errors import Temporary
from mta.formats import spawn
from mta.programs.qmail.qmail_send import controls
from mta.programs.qmail.qmail_send.channels import Channel
from mta.programs.qmail.qmail_send.clean import Clean
from mta.programs.qmail.qmail_send.core import Core
from mta.programs.qmail.qmail_send.loop import Loop
from mta.programs.qmail.qmail_send.orders import SOCKET, Orders
from mta.programs.qmail.qmail_send.passes import Passes
from mta.programs.qmail.qmail_send.say import Say
from mta.programs.qmail.qmail_send.todo import TodoDir
from mta.unix import accounts, ask, clock, lock
from mta.unix.controls import Unreadable
from mta.unix.disk import REAL
from mta.unix.fds import Fds
from mta.unix.queuedir import Paths
from mta.unix.settle import settle
from mta.unix.trigger import Trigger


class CannotStart(Exception):
    """The words after "alert: cannot start: "."""


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    say = Say(fds[0])
    try:
        loop = _prepare(env, fds, say)
    except CannotStart as error:
        say.alert(b"cannot start: " + str(error).encode())
        say.flush()
        return 111
    loop.install_signals()
    loop.load_queue(clock.now_s())
    settle()
    return loop.run()


def _prepare(env: dict[bytes, bytes], fds: Fds, say: Say) -> Loop:
    home = env[b"QMAIL_HOME"]
    read = _controls(home)
    try:
        os.chdir(os.path.join(home, b"queue"))
    except OSError:
        raise CannotStart("unable to switch to queue directory") from None
    os.umask(0o077)
    _take_mutex()
    wide = spawn.width(read.concurrencylimit)
    local = _channel(b"local", fds[1], fds[2], read.concurrencylocal, wide)
    remote = _channel(b"remote", fds[3], fds[4], read.concurrencyremote, wide)
    clean = Clean(fds[5], fds[6], say)
    if not clean.begin():
        raise CannotStart("qmail-clean does not answer")
    core = Core(
        home=home,
        paths=Paths(b"."),
        disk=REAL,
        say=say,
        clean=clean,
        controls=read,
        local=local,
        remote=remote,
    )
    passes = Passes(core)
    todo = TodoDir(core, Trigger(core.paths.trigger()), passes.deliver_directly)
    passes.todo = todo
    return Loop(core, passes, todo, _orders(core, home, todo), env)


def _controls(home: bytes) -> controls.Controls:
    try:
        os.chdir(home)
    except OSError:
        raise CannotStart("unable to switch to home directory") from None
    try:
        return controls.load(home)
    except Unreadable:
        raise CannotStart("unable to read controls") from None


def _take_mutex() -> None:
    """lock/sendmutex stays locked for our whole life: there is one qmail-send a queue."""
    try:
        fd = os.open(b"lock/sendmutex", os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        raise CannotStart("unable to open mutex") from None
    if not lock.try_exclusive(fd):
        raise CannotStart("qmail-send is already running")


def _channel(name: bytes, fd_out: int, fd_in: int, concurrency: int, wide: int) -> Channel:
    """The spawner says first how much it can run at a time. wide: bytes of that number, and of slots."""
    said = b""
    while len(said) < wide:
        more = os.read(fd_in, wide - len(said))
        if not more:
            raise CannotStart("hath the daemon spawn no fire?")
        said += more
    return Channel(name, fd_out, fd_in, min(concurrency, int.from_bytes(said, "little")), wide)


def _orders(core: Core, home: bytes, todo: TodoDir) -> Orders | None:
    """The control plane's door; mail goes on without it."""
    path = os.path.join(home, SOCKET)
    try:
        sock: socket.socket = ask.listen(path, mode=0o666)
        uids = {0, os.geteuid(), accounts.load(home)[accounts.TAWNY].uid}
    except (OSError, Temporary) as error:
        core.say.warning(b"no orders are taken from the control plane: %b" % str(error).encode())
        return None
    return Orders(core, sock, uids, todo.waiting)
