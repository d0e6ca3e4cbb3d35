"""preline: give a program the message with the lines that a delivery puts before it.

Usage    preline [-frdFRD] PROGRAM [ARGUMENT ...], as a command in a dot-qmail file: |preline procmail
         -f without the From_ line, -r without Return-Path, -d without Delivered-To; -F -R -D with them, which is the default
Reads    fd 0 the message; UFLINE, RPLINE, DTLINE as qmail-local sets them (qmail-command(8))
Writes   the lines and the message to PROGRAM's fd 0
Exits    as PROGRAM; 100 usage, not run by qmail-local, or PROGRAM cannot be run; 111 try again: PROGRAM crashed, or did not read on
Limits   nothing of the message is kept: it passes in pieces. PROGRAM may leave the last 8192 octets unread.
Runs as  the user whose mail it is
Source   preline(1), preline.c
"""

from __future__ import annotations

from mta.errors import MailError, Temporary
from mta.formats.error_str import error_str
from mta.formats.sgetopt import BadOption, Options
from mta.unix import inner
from mta.unix.fds import Fds

_LINES = (b"UFLINE", b"RPLINE", b"DTLINE")
_LETTERS = {b"f": b"UFLINE", b"r": b"RPLINE", b"d": b"DTLINE"}


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    if any(name not in env for name in _LINES):
        return _usage(fds)
    try:
        wanted, program = _arguments(argv)
    except BadOption as error:
        return _usage(fds, b"preline: %b\n" % error.text)
    if not program:
        return _usage(fds)
    try:
        return _feed(b"".join(env[name] for name in _LINES if name in wanted), program, env, fds)
    except MailError as error:
        fds.say(b"preline: fatal: %b\n" % error.text.encode())
        return error.exit


def _usage(fds: Fds, why: bytes = b"") -> int:
    fds.say(why + b"preline: usage: preline cmd [ arg ... ]\n")
    return 100


def _arguments(argv: list[bytes]) -> tuple[set[bytes], list[bytes]]:
    """-> (variables whose lines are wanted, the program). Raises BadOption."""
    wanted = set(_LINES)
    options = Options(argv, "frdFRD")
    for letter, _ in options:
        name = _LETTERS[letter.lower()]
        if letter.islower():
            wanted.discard(name)
        else:
            wanted.add(name)
    return wanted, options.operands


def _feed(head: bytes, program: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    """Exit code of the program. Raises Temporary."""

    def failed(error: OSError) -> int:
        Fds().say(b"preline: fatal: unable to run %b: %b\n" % (program[0], error_str(error.errno).encode()))
        return inner.unable(error)

    feed = inner.Feed(program, env, fds, failed)
    try:
        feed.copy(head, fds[0])
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            feed.end()
        else:
            feed.kill()  # before it sees an end: half a message must not be delivered
        raise Temporary(f"unable to copy input: {error_str(error.errno)}") from error
    return feed.end()
