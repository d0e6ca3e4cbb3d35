"""Below domains/, as the owner of the directory: write a domain's files, make and retire mailboxes. Runs in a child that gave up root.

Everything is opened by name relative to a descriptor, without following links; files are replaced whole (unix/atomic). All steps of one
question are done under .vpasswd.lock, in their order, which the asker chose so that a stop between two of them does no harm.
"""

from __future__ import annotations

import os
import stat
import time

from mta.errors import MailError, Permanent
from mta.formats import ask, install_call, stale_policy, vpasswd
from mta.formats.install_call import Line, Mailbox, Make, Put, Remove, Retire, RetireDomain, Step
from mta.programs.servers.installer import vpasswd_line
from mta.unix import atomic, lock
from mta.unix.disk import REAL

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILES = (b"vpasswd", b".qmailadmin-limits", stale_policy.FILE_NAME)


def read(leaf: int, directory: bytes, mode: bytes) -> list[bytes]:
    """leaf: descriptor of the domain's directory, which vpasswd calls directory. -> K (PATH DATA)... or Z TEXT."""
    try:
        os.fchdir(leaf)
        found = [ask.YES]
        wanted = _FILES if mode == install_call.BYTES else (*_FILES, b"vpasswd.cdb")
        names = [n for n in sorted(os.listdir(b".")) if n in wanted or n.startswith(b".qmail-")]
        for path in names + _mailbox_files(directory):
            data = _regular(path)
            if data is not None:
                found += [path, data if mode == install_call.BYTES else install_call.digest(data)]
        return found
    except OSError as error:
        return [ask.NOT_NOW, f"{os.fsdecode(error.filename or b'')}: {error.strerror}".encode()]


def _mailbox_files(directory: bytes) -> list[bytes]:
    """The .qmail of each mailbox of vpasswd whose directory lies in this one."""
    try:
        found = vpasswd.read(_regular(b"vpasswd") or b"")
    except vpasswd.BadLine:  # whoever asked reads the file, too, and tells the line
        return []
    inside = (install_call.inside(directory, account.dir) for account in found)
    return [path + b"/.qmail" for path in inside if path is not None]


def _regular(path: bytes) -> bytes | None:
    """None for what is missing or no file: nothing of the mirror."""
    *above, name = path.split(b"/")
    try:
        directory = _walk(above)
        try:
            fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)
        finally:
            os.close(directory)
    except (FileNotFoundError, NotADirectoryError):
        return None
    with open(fd, "rb") as file:
        return file.read() if stat.S_ISREG(os.fstat(fd).st_mode) else None


def _walk(parts: list[bytes]) -> int:
    """-> a descriptor of a directory below the working directory."""
    fd = os.open(b".", _DIRECTORY)
    for part in parts:
        try:
            below = os.open(part, _DIRECTORY, dir_fd=fd)
        finally:
            os.close(fd)
        fd = below
    return fd


def carry_out(parent: int, leaf: int, name: bytes, domain: bytes, removed: bytes, steps: list[bytes]) -> bytes:
    """parent: of the domain's directory name, leaf: that itself or -1. -> list: K WHAT WORD..., or D or Z and TEXT. WHAT is for the log."""
    os.umask(0o077)
    try:
        wanted = [install_call.read_step(step) for step in steps]
        if leaf < 0:
            if wanted[:1] != [Make()]:
                raise Permanent(f"there is no directory of {domain.decode()}")
            os.mkdir(name, 0o700, dir_fd=parent)
            os.fsync(parent)
            leaf = os.open(name, _DIRECTORY, dir_fd=parent)
        elif wanted[:1] == [Make()] and os.listdir(leaf):
            raise Permanent(f"there is a directory of {domain.decode()} with something in it: move it away first")
        os.fchdir(leaf)
        with lock.held(b".vpasswd.lock"):
            found = [_check(step) for step in wanted]
            done = [_step(step, place, leaf, parent, name, domain, removed) for step, place in zip(wanted, found, strict=True)]
            words = [word for word in done if word is not None]
        return install_call.write_list([ask.YES, _summary(wanted), *words])
    except MailError as error:
        return install_call.write_list([ask.NO if isinstance(error, Permanent) else ask.NOT_NOW, error.text.encode()])
    except OSError as error:
        text = f"{os.fsdecode(error.filename or domain)}: {error.strerror}"
        return install_call.write_list([ask.NOT_NOW, text.encode()])


def _summary(steps: list[Step]) -> bytes:
    return b", ".join(b" ".join(part for part in (type(step).__name__.lower().encode(), _object(step)) if part) for step in steps)


def _object(step: Step) -> bytes:
    match step:
        case Put(path) | Remove(path) | Mailbox(path) | Retire(path) | Line(path):
            return path
        case Make() | RetireDomain():
            return b""


def _check(step: Step) -> range | None:
    """Before the first step is done: does each file stand as the asker thinks? -> where its line stands. Raises Permanent."""
    if isinstance(step, Put | Remove) and not install_call.is_met(step.old, _regular(step.path)):
        raise Permanent(f"{step.path.decode('utf-8', 'replace')} was changed by somebody else meanwhile: look at Drift first")
    if isinstance(step, Mailbox):
        _check_free(step.dir)
    return vpasswd_line.find(step) if isinstance(step, Line) else None


def _check_free(path: bytes) -> None:
    """A directory left there by somebody would show their mail, or forward to them, for a new owner. Raises Permanent."""
    try:
        fd = _walk(path.split(b"/"))
    except FileNotFoundError:
        return
    try:
        is_fresh = os.listdir(fd) in ([], ["Maildir"]) and not any(_entries(fd, b"Maildir/" + sub) for sub in (b"new", b"cur"))
    finally:
        os.close(fd)
    if not is_fresh:
        raise Permanent(f"there is still something in {path.decode('utf-8', 'replace')}/: move it away first")


def _entries(fd: int, path: bytes) -> list[str]:
    try:
        below = os.open(path, _DIRECTORY, dir_fd=fd)
    except FileNotFoundError:
        return []
    try:
        return os.listdir(below)
    finally:
        os.close(below)


def _step(step: Step, place: range | None, leaf: int, parent: int, name: bytes, domain: bytes, removed: bytes) -> bytes | None:
    """-> where something was moved to, if it was."""
    os.fchdir(leaf)
    match step:
        case Put(b"vpasswd", data):
            vpasswd_line.replace(data, vpasswd.compile_(data))
        case Line(user, line):
            assert place is not None
            vpasswd_line.edit(user, line, place)
        case Put(path, data):
            atomic.replace(_enter(path), data, mode=0o600)
        case Remove(path):
            atomic.remove(_enter(path))
        case Mailbox(path):
            _make_mailbox(path)
        case Retire(path, line):
            file = _enter(path)
            if not os.path.lexists(file):  # a mailbox that never got its directory
                return b""
            kept = _free_name(removed, file + b"@" + domain)
            atomic.replace(os.path.join(removed, kept + b".line"), line, mode=0o600)
            return _move(os.open(b".", _DIRECTORY), file, removed, kept)
        case RetireDomain():
            return _move(parent, name, removed, _free_name(removed, domain))
        case Make():
            pass
    return None


def _enter(path: bytes) -> bytes:
    """Go to the directory of a file below the domain. -> the file's own name."""
    *above, name = path.split(b"/")
    fd = _walk(above)
    os.fchdir(fd)
    os.close(fd)
    return name


def _make_mailbox(path: bytes) -> None:
    """DIR/Maildir/{new,cur,tmp}, each 0700; what is there stays (a second try after a crash)."""
    name = _enter(path)
    for part in (name, name + b"/Maildir", *(name + b"/Maildir/" + sub for sub in (b"new", b"cur", b"tmp"))):
        try:
            os.mkdir(part, 0o700)
        except FileExistsError:
            pass
    for directory in (name + b"/Maildir", name, b"."):
        REAL.sync_dir(directory)


def _free_name(removed: bytes, name: bytes) -> bytes:
    """YYYYMMDDHHMMSS-NAME, with a number where two go in one second."""
    first = kept = b"%b-%b" % (time.strftime("%Y%m%d%H%M%S", time.gmtime()).encode(), name)
    number = 1
    while os.path.lexists(os.path.join(removed, kept)):
        kept = b"%b.%d" % (first, number)
        number += 1
    return kept


def _move(parent: int, name: bytes, removed: bytes, kept: bytes) -> bytes:
    try:
        os.rename(name, os.path.join(removed, kept), src_dir_fd=parent)
    except OSError as error:
        if error.errno == 18:  # EXDEV
            raise Permanent("removed/ and domains/ lie on two file systems: make removed a link to a directory beside domains") from error
        raise
    os.fsync(parent)
    REAL.sync_dir(removed)
    return kept


def restore(parent: int, name: bytes, removed: bytes, kept: bytes) -> bytes:
    """removed/kept -> name in the directory parent. -> list: K, the line kept beside it, its .qmail if it has one; or Z and TEXT."""
    try:
        line = atomic.read(os.path.join(removed, kept + b".line")) or b""
        os.rename(os.path.join(removed, kept), name, dst_dir_fd=parent)
        os.fsync(parent)
        atomic.remove(os.path.join(removed, kept + b".line"))
        os.fchdir(parent)
        dotqmail = _regular(name + b"/.qmail")
        return install_call.write_list([ask.YES, line] if dotqmail is None else [ask.YES, line, dotqmail])
    except OSError as error:
        return install_call.write_list([ask.NOT_NOW, f"{os.fsdecode(kept)}: {error.strerror}".encode()])
