"""maildir2mbox: move mail from a Maildir to an mbox.

Usage    maildir2mbox, with MAILDIR, MAIL (the mbox) and MAILTMP in the environment; MAILTMP is overwritten, and must lie on the file system
         of MAIL
Steps    1 list the messages, oldest first; none: done  2 lock MAIL, made if needed  3 copy it to MAILTMP, and the messages behind it
         4 fsync, rename MAILTMP to MAIL, sync the directory  5 remove the messages, note it in maildirsize
Reads    MAILDIR/new, MAILDIR/cur; a message of this very second is left for the next time
Writes   MAIL (formats/mbox); the From_ line has the sender of the Return-Path line that begins a message, and the time of its file
Exits    0; 111 anything else: MAIL and the messages are then what they were
Limits   names count from MAILDIR. Whoever waits for the lock of MAIL without looking whether it still is MAIL writes into the old one
Crash    between 4 and 5: the messages are in both places
Runs as  the mailbox's user
Source   maildir2mbox(1), maildir2mbox.c
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from mta.formats import date822, mbox
from mta.formats.error_str import error_str
from mta.unix import clock, lock, maildir_reader
from mta.unix.fds import Fds
from mta.unix.maildir_reader import Entry, Maildir

_PIECE = 1 << 16
_RETURN_PATH = b"Return-Path: <"
_DASHES = bytes.maketrans(b" \t", b"--")
_VARIABLES = (b"MAIL", b"MAILTMP", b"MAILDIR")


class _Fatal(Exception):
    def __init__(self, text: bytes, error: OSError | None = None) -> None:
        super().__init__()
        self.text = text if error is None else b"%b: %b" % (text, error_str(error.errno).encode())


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    try:
        for name in _VARIABLES:
            if name not in env:
                raise _Fatal(name + b" not set")
        doomed, maildir = _move(env[b"MAILDIR"], env[b"MAIL"], env[b"MAILTMP"])
    except _Fatal as fatal:
        fds.say(b"maildir2mbox: fatal: %b\n" % fatal.text)
        return 111
    if maildir.remove(doomed):
        _complain(maildir, doomed, fds)
    return 0


def _move(folder: bytes, mail: bytes, temporary: bytes) -> tuple[list[Entry], Maildir]:
    """Steps 1 to 4 -> the messages that are in the mbox now."""
    maildir = Maildir(folder)
    messages = _list(folder)
    if messages:
        mail, temporary = os.path.join(folder, mail), os.path.join(folder, temporary)
        held = _lock(mail)
        try:
            _rewrite(maildir, messages, mail, temporary)
        finally:
            os.close(held)
    return messages, maildir


def _list(folder: bytes) -> list[Entry]:
    if not os.path.isdir(folder):
        raise _Fatal(b"unable to chdir to " + folder, _error(folder))
    now_s = clock.now_s()
    maildir_reader.clean_tmp(folder, now_s)
    try:
        return [entry for entry in maildir_reader.entries(folder) if entry.mtime_ns // 10**9 < now_s]
    except OSError as error:
        name = os.path.basename(error.filename or b"")
        raise _Fatal(b"unable to scan $MAILDIR/" + name, error) from error


def _error(folder: bytes) -> OSError:
    """Why it is no directory we can enter."""
    try:
        os.listdir(folder)
    except OSError as error:
        return error
    return OSError()


def _lock(mail: bytes) -> int:
    """-> a descriptor that holds the lock of what is the mbox then."""
    while True:
        try:
            fd = os.open(mail, os.O_WRONLY | os.O_NONBLOCK | os.O_APPEND | os.O_CREAT, 0o600)
            lock.wait_exclusive(fd)
            if os.path.samestat(os.fstat(fd), os.stat(mail)):
                return fd
        except OSError as error:
            raise _Fatal(b"unable to lock " + mail, error) from error
        os.close(fd)


def _rewrite(maildir: Maildir, messages: list[Entry], mail: bytes, temporary: bytes) -> None:
    try:
        old = os.open(mail, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        raise _Fatal(b"unable to read " + mail, error) from error
    try:
        new = _create(temporary, old)
        try:
            _fill(new, temporary, _pieces(old, mail))
            for entry in messages:
                _fill(new, temporary, _message(maildir, entry))
            _finish(new, temporary, mail)
        except _Fatal:
            os.unlink(temporary)
            raise
        finally:
            os.close(new)
    finally:
        os.close(old)


def _create(temporary: bytes, old: int) -> int:
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_NONBLOCK | os.O_CREAT, 0o600)
    except OSError as error:
        raise _Fatal(b"unable to create " + temporary, error) from error
    if os.path.samestat(os.fstat(fd), os.fstat(old)):  # the original would empty the mbox now
        os.close(fd)
        raise _Fatal(b"MAIL and MAILTMP are one file")
    os.ftruncate(fd, 0)
    return fd


def _fill(fd: int, name: bytes, pieces: Iterator[bytes]) -> None:
    for piece in pieces:
        view = memoryview(piece)
        try:
            while view:
                view = view[os.write(fd, view) :]
        except OSError as error:
            raise _Fatal(b"unable to write to " + name, error) from error


def _finish(fd: int, temporary: bytes, mail: bytes) -> None:
    try:
        os.fsync(fd)
    except OSError as error:
        raise _Fatal(b"unable to write to " + temporary, error) from error
    try:
        os.rename(temporary, mail)
    except OSError as error:
        raise _Fatal(b"unable to move %b to %b" % (temporary, mail), error) from error
    folder = os.open(os.path.dirname(mail), os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _message(maildir: Maildir, entry: Entry) -> Iterator[bytes]:
    """What belongs into the mbox. A message that somebody has removed meanwhile is nothing."""
    try:
        fd = maildir.open(entry)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _Fatal(b"unable to read $MAILDIR/" + entry.path, error) from error
    quoter = mbox.Quoter()
    is_first = True
    try:
        for piece in _pieces(fd, b"$MAILDIR/" + entry.path):
            if is_first:
                yield _from_line(piece, entry)
                is_first = False
            yield quoter.feed(piece)
        yield (_from_line(b"", entry) if is_first else b"") + quoter.end()
    finally:
        os.close(fd)


def _pieces(fd: int, name: bytes) -> Iterator[bytes]:
    while True:
        try:
            piece = os.read(fd, _PIECE)
        except OSError as error:
            raise _Fatal(b"unable to read " + name, error) from error
        if not piece:
            return
        yield piece


def _from_line(begin: bytes, entry: Entry) -> bytes:
    line, newline, _ = begin.partition(b"\n")
    sender = b"XXX"
    if newline and line.startswith(_RETURN_PATH):
        path = line[len(_RETURN_PATH) :]
        sender = b"MAILER-DAEMON" if path.startswith(b">") else path[:-1].translate(_DASHES)
    return b"From %b %b\n" % (sender, date822.mbox(entry.mtime_ns // 10**9))


def _complain(maildir: Maildir, doomed: list[Entry], fds: Fds) -> None:
    """Of those that are still there."""
    for entry in doomed:
        try:
            os.unlink(os.path.join(maildir.path, entry.path))
        except FileNotFoundError:
            continue
        except OSError as error:
            why = error_str(error.errno).encode()
            fds.say(b"maildir2mbox: warning: $MAILDIR/%b will be delivered twice; unable to unlink: %b\n" % (entry.path, why))


def guard() -> None:
    """In a process of our own: what we make is nobody else's."""
    os.umask(0o077)
