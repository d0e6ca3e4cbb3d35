"""qmail-start: start qmail-send and its helpers, wire their pipes, and give each the user it runs as. Then become qmail-send.

Usage    qmail-start [DEFAULTDELIVERY [LOGGER ARGUMENT ...]]
Reads    argv; DEFAULTDELIVERY is what an empty or missing .qmail file means (./Mailbox)
Writes   nothing; the log of qmail-send goes to the logger, or to fd 1
Exits    as qmail-send; 111 without a word when something cannot be started
Wiring   qmail-send has 0 log, 1-2 qmail-lspawn, 3-4 qmail-rspawn, 5-6 qmail-clean. The helpers are forks of this process, programs already
         loaded, and shown by ps under their names; bin/NAME is run instead where it is not ours, so that an original program can stand
         in any place.
Runs as  root, and then qmail-lspawn root, qmail-rspawn qmailr, qmail-clean qmailq, the logger qmaill, qmail-send qmails
Source   qmail-start(8), qmail-start.c
"""

from __future__ import annotations

import os
from typing import NoReturn

from mta import runner
from mta.unix import accounts, signals, title, warm
from mta.unix.accounts import Account
from mta.unix.fds import Fds

DEFAULT_DELIVERY = b"./Mailbox"


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    home = env[b"QMAIL_HOME"]
    who = accounts.load(home)
    os.chdir("/")
    os.umask(0o077)
    log = fds[1]
    if argv[1:]:
        log = _start_logger(who["qmaill"], argv[1:])
    default = argv[0] if argv else DEFAULT_DELIVERY
    to_l, from_l = _helper(home, env, None, "qmail-lspawn", [default])
    to_r, from_r = _helper(home, env, who["qmailr"], "qmail-rspawn", [], keep=(to_l, from_l))
    to_c, from_c = _helper(home, env, who["qmailq"], "qmail-clean", [], keep=(to_l, from_l, to_r, from_r))
    title.set_([b"qmail-send"])
    accounts.become(who["qmails"])
    program = warm.foreign_program(home, b"qmail-send")
    wiring = {0: log, 1: to_l, 2: from_l, 3: to_r, 4: from_r, 5: to_c, 6: from_c}
    if program is not None:
        warm.rewire(wiring)
        signals.to_default()
        os.execve(program, [b"qmail-send"], env)
    return runner.call("qmail-send", [], env, Fds(wiring))


def _start_logger(account: Account, argv: list[bytes]) -> int:
    """-> the writing end of the logger's descriptor 0."""
    read_end, write_end = os.pipe()
    if os.fork() == 0:
        try:
            accounts.become(account)
            warm.rewire({0: read_end, 1: 1})
            signals.to_default()
            os.execvp(argv[0], argv)
        finally:
            os._exit(111)
    os.close(read_end)
    return write_end


def _helper(
    home: bytes, env: dict[bytes, bytes], account: Account | None, name: str, argv: list[bytes], keep: tuple[int, ...] = ()
) -> tuple[int, int]:
    """Start one helper -> (descriptor to write to it, descriptor to read from it). keep: pipes of others, closed in the child."""
    in_read, in_write = os.pipe()
    out_read, out_write = os.pipe()
    if os.fork() == 0:
        for fd in (in_write, out_read, *keep):
            os.close(fd)
        _be(home, env, account, name, argv, {0: in_read, 1: out_write})
    os.close(in_read)
    os.close(out_write)
    return in_write, out_read


def _be(home: bytes, env: dict[bytes, bytes], account: Account | None, name: str, argv: list[bytes], fds: dict[int, int]) -> NoReturn:
    """In a child: become the helper."""
    try:
        title.set_([name.encode(), *argv])  # only a process that is not another user's yet may
        if account is not None:
            accounts.become(account)
        program = warm.foreign_program(home, name.encode())
        warm.rewire(fds)
        if program is not None:
            signals.to_default()
            os.execve(program, [name.encode(), *argv], env)
        os._exit(runner.call(name, argv, env, Fds()))
    finally:
        os._exit(111)
