"""convert-and-create: give every user of this machine a Maildir, with the mail of the old mbox in it.

Usage    convert-and-create [-e] [-s SPOOL] [NAME ...]; without a NAME all users. -s where the mboxes lie, each called as its user
         (/var/mail); -e empty an mbox when its mail is in the Maildir: without it, run again, the mail would be there twice
Does     for each user who owns a home directory, as that user: 1 make HOME/Maildir with tmp, new, cur, mode 0700, where they are missing
         2 lock the mbox (flock), write each of its messages (formats/mbox_split) into tmp/  3 sync, move all of them to new/
Writes   fd 1 the name of each user and how many messages there were; fd 2 a warning for each who is passed over
Exits    0; 100 usage; 111 there was trouble with a user, whose mail is then as it was; the others go on
Limits   programs that deliver to the mbox without flock may add to it meanwhile: stop deliveries first. root is passed over: qmail does not
         deliver to root. From_ lines are lost, read and unread mail becomes new
Crash    between moves of step 3 a part of a user's mail is in the Maildir, and would come twice
Runs as  root, for others than ourselves
Source   convert-and-create; mbox(5), maildir(5)
"""

from __future__ import annotations

import os
import pwd
import stat
from typing import BinaryIO

from mta.errors import Temporary
from mta.formats import mbox_split
from mta.formats.sgetopt import BadOption, Options
from mta.unix import accounts, clock, lock, say
from mta.unix.disk import REAL
from mta.unix.fds import Fds

NAME = b"convert-and-create"
_SPOOL = b"/var/mail"
_FOLDERS = (b"", b"/tmp", b"/new", b"/cur")


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    options = Options(argv, "es:")
    spool, is_emptying = _SPOOL, False
    try:
        for letter, value in options:
            spool = value if letter == b"s" else spool
            is_emptying = is_emptying or letter == b"e"
    except BadOption as error:
        fds.say(NAME + b": " + error.text + b"\n")
        return say.usage(fds, NAME, b"convert-and-create [ -e ] [ -s spool ] [ name ... ]")
    try:
        entries = [pwd.getpwnam(os.fsdecode(name)) for name in options.operands] if options.operands else pwd.getpwall()
    except KeyError as error:
        return say.fatal(fds, NAME, b"unknown account: " + os.fsencode(str(error)))
    code = 0
    for entry in entries:
        why = _unfit(entry)
        if why:
            say.warning(fds, NAME, os.fsencode(f"{entry.pw_name}: {why}, skipping."))
        elif not _convert_as(entry, os.path.join(spool, os.fsencode(entry.pw_name)), fds, is_emptying=is_emptying):
            code = 111
    return code


def _unfit(entry: pwd.struct_passwd) -> str:
    """Why a user gets no Maildir."""
    try:
        home = os.stat(entry.pw_dir)
    except OSError:
        return f"home directory {entry.pw_dir} doesn't exist"
    if not stat.S_ISDIR(home.st_mode):
        return f"{entry.pw_dir} is no directory"
    if home.st_uid != entry.pw_uid:
        return f"{entry.pw_dir} is owned by {home.st_uid}, not by {entry.pw_uid}"
    if not entry.pw_uid:
        return "qmail does not deliver to root"
    return "" if os.geteuid() in (0, entry.pw_uid) else "only root may do that for others"


def _convert_as(entry: pwd.struct_passwd, spool: bytes, fds: Fds, *, is_emptying: bool) -> bool:
    """In a child that is the user: nothing in a home directory is touched by root."""
    pid = os.fork()
    if pid == 0:
        code = 111
        try:
            source = _open(spool)  # while the right to enter a closed spool is there
            accounts.drop(entry.pw_uid, entry.pw_gid)
            count = _convert(os.fsencode(entry.pw_dir), source, is_emptying=is_emptying)
            fds.write(1, os.fsencode(f"{entry.pw_name}: {count} messages\n"))
            code = 0
        except Temporary as failure:
            say.warning(fds, NAME, os.fsencode(f"{entry.pw_name}: {failure.text}"))
        except OSError as error:
            say.warning(fds, NAME, os.fsencode(f"{entry.pw_name}: unable to convert {os.fsdecode(error.filename or spool)}"), error)
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def _open(spool: bytes) -> int | None:
    """None: the user has no mail. A link in a place that others can write to is not followed. Raises OSError."""
    try:
        fd = os.open(spool, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        raise Temporary(f"{os.fsdecode(spool)} is no file")
    return fd


def _convert(home: bytes, source: int | None, *, is_emptying: bool) -> int:
    """-> how many messages. Raises OSError."""
    os.umask(0o077)
    maildir = home + b"/Maildir"
    for folder in _FOLDERS:
        if not os.path.isdir(maildir + folder):
            os.mkdir(maildir + folder, 0o700)
    if source is None:
        return 0
    lock.wait_exclusive(source)
    names: list[bytes] = []
    try:
        with open(source, "rb", closefd=False) as file:
            _stage(maildir, file, names)
        REAL.sync_dir(maildir + b"/tmp")
    except OSError:
        _forget(maildir, names)
        raise
    for name in names:
        os.rename(b"%b/tmp/%b" % (maildir, name), b"%b/new/%b" % (maildir, name))
    REAL.sync_dir(maildir + b"/new")
    if is_emptying:
        os.ftruncate(source, 0)
        os.fsync(source)
    return len(names)


def _stage(maildir: bytes, file: BinaryIO, names: list[bytes]) -> None:
    """Every message into tmp/; names: grows. Raises OSError."""
    start = clock.now_s()
    for lines in mbox_split.messages(file.readline):
        name = b"%d.%d.mbox" % (start + len(names), os.getpid())
        names.append(name)
        fd = os.open(b"%b/tmp/%b" % (maildir, name), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with open(fd, "wb") as message:
            message.writelines(lines)
            message.flush()
            os.fsync(fd)


def _forget(maildir: bytes, names: list[bytes]) -> None:
    for name in names:
        try:
            os.unlink(b"%b/tmp/%b" % (maildir, name))
        except OSError:  # the first trouble is the one that is told
            pass
