"""What the children of qmail-lspawn do: give up root, then be the program. Each function runs in a fork and returns its exit code."""

from __future__ import annotations

import os

from mta import runner
from mta.errors import Temporary
from mta.formats.local_job import Address
from mta.unix import accounts, signals, title, warm
from mta.unix.accounts import Account
from mta.unix.fds import Fds

_RIGHTS_TROUBLE, _EXEC_TROUBLE, _NO_GETPW = 112, 120, 121  # decisions/spawn_report knows their words


def worker(env: dict[bytes, bytes], uid: int, gid: int) -> int:
    """A living worker of qmail-local; descriptor 0 is its socket."""
    title.set_([b"qmail-local", b"-W", b"uid %d" % uid])
    if not _drop(uid, gid):
        return _RIGHTS_TROUBLE
    return runner.call("qmail-local", [b"-W"], env, Fds())


def oneshot(env: dict[bytes, bytes], uid: int, gid: int, address: Address) -> int:
    """Our own qmail-local, for one message."""
    if not _drop(uid, gid):
        return _RIGHTS_TROUBLE
    return runner.call("qmail-local", [b"--", *address.argv()], env, Fds())


def plain(env: dict[bytes, bytes], uid: int, gid: int, address: Address) -> int:
    """bin/qmail-local, whoever's it is. When it cannot be run mail waits; the original bounces it when the file is missing."""
    if not _drop(uid, gid):
        return _RIGHTS_TROUBLE
    return _exec(env, [b"bin/qmail-local", b"--", *address.argv()], _EXEC_TROUBLE)


def getpw(env: dict[bytes, bytes], asker: Account, local: bytes) -> int:
    try:
        accounts.become(asker)
    except (OSError, Temporary):
        return _RIGHTS_TROUBLE
    if warm.foreign_program(env[b"QMAIL_HOME"], b"qmail-getpw") is not None:
        return _exec(env, [b"bin/qmail-getpw", local], _NO_GETPW)
    return runner.call("qmail-getpw", [local], env, Fds())


def _drop(uid: int, gid: int) -> bool:
    try:
        accounts.drop(uid, gid)
    except (OSError, Temporary):
        return False
    return True


def _exec(env: dict[bytes, bytes], argv: list[bytes], trouble: int) -> int:
    try:
        os.chdir(env[b"QMAIL_HOME"])
        signals.to_default()
        os.execve(argv[0], argv, env)
    except OSError:
        return trouble
