"""checkpassword: run a program as the user whose password is right.

Usage    checkpassword PROGRAM [ARGUMENT ...], behind qmail-popup, or qmail-smtpd with AUTH
Reads    fd 3 (formats/checkpassword); environment CHECKPASSWORD_SOURCES, words that say where users are, asked in order until one knows
         the user ("system" without it):
         system   users of this machine, their hashes (/etc/shadow)
         file     users of this machine who have their password's text in HOME/Maildir/.password, a line: APOP and CRAM-MD5 need that
         virtual  mailboxes of the virtual domains, by way of the login broker, which slows down whoever guesses;
                  CHECKPASSWORD_SERVICE is the service they must be allowed to use: pop3 (without it), smtp, imap, webmail
Does     becomes the user (of a virtual mailbox: its owner), goes to the home directory, sets USER, HOME and SHELL, and becomes PROGRAM,
         looked for in PATH
Exits    as PROGRAM; 1 wrong, or no such user; 2 fd 3 says nothing sensible, or no PROGRAM; 111 that cannot be told or done now
Limits   512 octets on fd 3; 256 of a password; root is nobody's mailbox. Unknown users take as long as wrong passwords
Runs as  root
Source   checkpassword(8), checkpassword.c; checkpw
"""

from __future__ import annotations

import errno
import os
import pwd
from dataclasses import dataclass

from mta.decisions import password
from mta.errors import Permanent, Temporary
from mta.formats import checkpassword, login_call
from mta.formats.checkpassword import Attempt
from mta.unix import accounts, crypt, login, pathexec, shadow
from mta.unix.fds import Fds

TELLING = 3
WRONG, MISUSE, TROUBLE = 1, 2, 111
SHELL = b"/bin/sh"
_PIECE = 1 << 10
_PASSWORD_FILE = b"Maildir/.password"


@dataclass(frozen=True, slots=True)
class _User:
    name: bytes
    uid: int
    gid: int
    home: bytes
    shell: bytes


class _Wrong(Exception):
    """The user is known, and this is not the password."""


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    if not argv:
        return MISUSE
    try:
        attempt = checkpassword.read(_record(fds[TELLING]))
    except checkpassword.TooLong:
        return WRONG
    except ValueError:
        return MISUSE
    except OSError:
        return TROUBLE
    try:
        user = _check(attempt, env)
        if user is None:
            crypt.verify(attempt.secret, crypt.DUMMY)
            return WRONG
        accounts.drop(user.uid, user.gid)
        os.chdir(user.home)
        changed = {**env, b"USER": user.name, b"HOME": user.home, b"SHELL": user.shell}
        pathexec.become(argv, changed, {n: fds[n] for n in (0, 1, 2) if n in fds}, env.get(b"PATH"))
    except _Wrong:
        return WRONG
    except (Temporary, OSError):
        return TROUBLE


def _record(fd: int) -> bytes:
    """Raises OSError."""
    found = b""
    while len(found) <= checkpassword.RECORD_MAX and (piece := os.read(fd, _PIECE)):
        found += piece
    os.close(fd)
    return found


def _check(attempt: Attempt, env: dict[bytes, bytes]) -> _User | None:
    """The first source that knows the user decides. None: none does. Raises _Wrong, Temporary."""
    for word in env.get(b"CHECKPASSWORD_SOURCES", b"system").split():
        source = _SOURCES.get(word)
        if source is None:
            raise Temporary(f"no such source: {word.decode('latin-1')}")
        user = source(attempt, env)
        if user is not None:
            return user
    return None


def _system(attempt: Attempt, _env: dict[bytes, bytes]) -> _User | None:
    entry = _entry(attempt.name)
    if entry is None:
        return None
    stored = shadow.crypted(attempt.name)
    if stored is None:
        stored = os.fsencode(entry.pw_passwd)
    if not crypt.verify(attempt.secret, stored):
        raise _Wrong
    return _user(entry)


def _file(attempt: Attempt, _env: dict[bytes, bytes]) -> _User | None:
    entry = _entry(attempt.name)
    text = None if entry is None else _password_text(entry)
    if entry is None or text is None:
        return None
    if not password.proves(attempt.secret, attempt.challenge, text):
        raise _Wrong
    return _user(entry)


def _virtual(attempt: Attempt, env: dict[bytes, bytes]) -> _User | None:
    service = env.get(b"CHECKPASSWORD_SERVICE", login_call.POP3)
    try:
        found = login.check(env[b"QMAIL_HOME"], service, attempt.name, attempt.secret, env.get(b"TCPREMOTEIP", b""))
    except Permanent:  # the broker does not say whether there is such a mailbox
        return None
    return _User(found.name, found.uid, found.gid, found.dir, SHELL)


_SOURCES = {b"system": _system, b"file": _file, b"virtual": _virtual}


def _entry(name: bytes) -> pwd.struct_passwd | None:
    try:
        entry = pwd.getpwnam(os.fsdecode(name))
    except KeyError:
        return None
    return entry if entry.pw_uid else None


def _user(entry: pwd.struct_passwd) -> _User:
    return _User(os.fsencode(entry.pw_name), entry.pw_uid, entry.pw_gid, os.fsencode(entry.pw_dir), os.fsencode(entry.pw_shell))


def _password_text(entry: pwd.struct_passwd) -> bytes | None:
    """The first line of the user's file, read with the user's rights; None: there is no such file. Raises Temporary."""
    is_root = os.geteuid() == 0
    if is_root:
        os.setegid(entry.pw_gid)
        os.seteuid(entry.pw_uid)
    try:
        fd = os.open(os.path.join(os.fsencode(entry.pw_dir), _PASSWORD_FILE), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            return os.read(fd, _PIECE).partition(b"\n")[0]
        finally:
            os.close(fd)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return None
        raise Temporary("unable to read the password", str(error)) from error
    finally:
        if is_root:
            os.seteuid(0)
            os.setegid(0)
