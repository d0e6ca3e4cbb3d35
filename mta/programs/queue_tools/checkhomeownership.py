"""checkhomeownership: can mail be delivered to the users of this machine?

Usage    checkhomeownership [NAME ...]; without a NAME all users
Reads    the password database; home directories and the Maildirs in them
Writes   fd 1 a line for each: "UID: NAME, DIR, " and the first that is so:
         home dir  doesn't exist (passwd: DIR)               qmail-getpw does not know such a user
         home dir is owned by N, who is OTHER                nor such a one
         home dir is writable by others                      qmail-local lets mail wait
         home dir has the sticky bit set                     likewise: the user is editing
         DIR/Maildir doesn't exist
         DIR/Maildir is owned by N, who is OTHER
         DIR/Maildir is writable by others
         ok
Exits    0; 1 somebody of them is not ok; 111 a NAME that nobody has
Runs as  root: others may not look into all homes
Source   checkhomeownership; qmail-getpw.c, qmail-local.c
"""

from __future__ import annotations

import os
import pwd
import stat

from mta.unix import say
from mta.unix.fds import Fds

NAME = b"checkhomeownership"
_SHARED_WRITE = 0o002  # conf-patrn


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    try:
        entries = [pwd.getpwnam(os.fsdecode(name)) for name in argv] if argv else pwd.getpwall()
    except KeyError as error:
        return say.fatal(fds, NAME, b"unknown account: " + os.fsencode(str(error)))
    code = 0
    for entry in entries:
        found = _look(entry)
        if found != "ok":
            code = 1
        fds.write(1, os.fsencode(f"{entry.pw_uid}: {entry.pw_name}, {entry.pw_dir}, {found}\n"))
    return code


def _look(entry: pwd.struct_passwd) -> str:
    home = _stat(entry.pw_dir)
    if home is None or not stat.S_ISDIR(home.st_mode):
        return f"home dir  doesn't exist (passwd: {entry.pw_dir})"
    if home.st_uid != entry.pw_uid:
        return f"home dir is owned by {_who(home.st_uid)}"
    if home.st_mode & _SHARED_WRITE:
        return "home dir is writable by others"
    if home.st_mode & stat.S_ISVTX:
        return "home dir has the sticky bit set"
    return _look_at_maildir(f"{entry.pw_dir}/Maildir", entry.pw_uid)


def _look_at_maildir(path: str, uid: int) -> str:
    maildir = _stat(path)
    if maildir is None or not stat.S_ISDIR(maildir.st_mode):
        return f"{path} doesn't exist"
    if maildir.st_uid != uid:
        return f"{path} is owned by {_who(maildir.st_uid)}"
    return f"{path} is writable by others" if maildir.st_mode & _SHARED_WRITE else "ok"


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except OSError:  # where even root sees nothing, mail cannot be delivered either
        return None


def _who(uid: int) -> str:
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = "nobody known"
    return f"{uid}, who is {name}"
