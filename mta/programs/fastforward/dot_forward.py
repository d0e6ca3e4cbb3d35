"""dot-forward: forward the message as the user's .forward file says.

Usage    dot-forward [-nN] FILE ..., as a command in a dot-qmail file: |dot-forward .forward
         -n show what would be done, on fd 2; -N do it (default)
Reads    the first FILE that exists and says something (formats/dot_forward); control/defaulthost, defaultdomain, plusdomain, else me; fd 0
         the message; NEWSENDER, DTLINE, UFLINE, RPLINE, USER, HOST as qmail-local sets them
Writes   DTLINE and the message to the queue, once, to all addresses; "dot-forward: info: qp N" to fd 2. Commands get UFLINE, RPLINE, DTLINE
         and the message on their fd 0 before that, and not at all if something in the file cannot be done.
Exits    0 the rest of the dot-qmail file is to deliver the message, for the user is in the file, or there is none; 99 it is not, for the
         file says it all; 100 usage, a command that says so, or the queue will never take it; 111 try again: what the file says cannot be
         understood or done, something cannot be read, a command failed
Limits   the file is held in memory, of the message nothing
Runs as  the user whose mail it is
Source   dot-forward(1)
"""

from __future__ import annotations

import os

from mta.errors import MailError, Permanent, Temporary
from mta.formats import dot_forward
from mta.formats.dot_forward import ADDRESS
from mta.formats.error_str import error_str
from mta.formats.sendmail_list import PROGRAM
from mta.formats.sgetopt import BadOption, Options
from mta.unix import address_defaults, inner, pass_on
from mta.unix.controls import Unreadable
from mta.unix.fds import Fds

_USAGE = b"dot-forward: usage: dot-forward [ -nN ] file ...\n"
_SHELL = b"/bin/sh"
_DELIVER_HERE, _STOP = 0, 99
_DONE = 0
_FOR_GOOD = frozenset((64, 65, 70, 76, 77, 78, 100, 112))


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    is_shown = False
    options = Options(argv, "nN")
    try:
        for letter, _ in options:
            is_shown = letter == b"n"
    except BadOption as error:
        fds.say(b"dot-forward: %b\n%b" % (error.text, _USAGE))
        return Permanent.exit
    env = {b"UFLINE": b"", b"RPLINE": b"", b"DTLINE": b"", b"NEWSENDER": b"", **env}
    try:
        forward = _first(options.operands, env, fds if is_shown else None)
        if is_shown:
            return _show(forward, fds)
        return _do(forward, env, fds)
    except MailError as error:
        fds.say(b"dot-forward: fatal: %b\n" % error.text.encode("latin-1", "replace"))
        return error.exit


def _first(paths: list[bytes], env: dict[bytes, bytes], shown: Fds | None) -> dot_forward.Forward:
    """What the first file says that says anything; without one: deliver here. Raises Temporary."""
    try:
        defaults = address_defaults.load(env[b"QMAIL_HOME"])
    except Unreadable as error:
        raise Temporary(str(error)) from error
    for path in paths:
        text = _read(path)
        if text is None:
            continue
        try:
            found = dot_forward.read(text, defaults, user=env.get(b"USER", b""), host=env.get(b"HOST", b""))
        except dot_forward.Refused as error:
            raise Temporary(error.text.decode("latin-1")) from error
        if not found.is_empty:
            return found
        if shown is not None:
            shown.say(b"skipping empty file %b\n" % path)
    nothing = dot_forward.Forward()
    nothing.is_direct = True
    return nothing


def _read(path: bytes) -> bytes | None:
    """None: no such file. Raises Temporary."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Temporary(f"unable to open {path.decode('latin-1')}: {error_str(error.errno)}") from error


def _show(forward: dot_forward.Forward, fds: Fds) -> int:
    words = {PROGRAM: b"pipe through", ADDRESS: b"forward"}
    for kind, text in forward.steps:
        fds.say(b"%b %b\n" % (words[kind], text))
    if forward.is_direct:
        fds.say(b"direct delivery\n")
    return _DELIVER_HERE if forward.is_direct else _STOP


def _do(forward: dot_forward.Forward, env: dict[bytes, bytes], fds: Fds) -> int:
    """Exit code. Raises Permanent, Temporary."""
    for command in forward.all_(PROGRAM):
        code = _run(command, env, fds)
        if code != _DONE:
            return Permanent.exit if code in _FOR_GOOD else Temporary.exit
    addresses = forward.all_(ADDRESS)
    if addresses:
        qp = _send(addresses, env, fds)
        fds.say(b"dot-forward: info: qp %d\n" % qp)
    return _DELIVER_HERE if forward.is_direct else _STOP


def _run(command: bytes, env: dict[bytes, bytes], fds: Fds) -> int:
    """Exit code of a command; it need not read what it gets. Raises Temporary."""
    feed = inner.Feed([_SHELL, b"-c", command], env, fds)
    try:
        feed.copy(env[b"UFLINE"] + env[b"RPLINE"] + env[b"DTLINE"], fds[0])
    except BrokenPipeError:
        pass
    except OSError as error:
        feed.kill()  # before it sees an end: half a message must not be delivered
        raise Temporary(f"unable to read message: {error_str(error.errno)}") from error
    code = feed.end()
    try:
        os.lseek(fds[0], 0, os.SEEK_SET)
    except OSError as error:
        raise Temporary(f"unable to rewind input: {error_str(error.errno)}") from error
    return code


def _send(addresses: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    try:
        return pass_on.send(env, fds[0], env[b"NEWSENDER"], addresses)
    except MailError as error:
        raise type(error)(f"unable to forward message: {error.text}") from error
