"""qbiff: announce a message on the terminals of its recipient.

Usage    qbiff, as a command in a dot-qmail file, beside a line that delivers the message
Reads    fd 0 the message; USER, SENDER, LOCAL as qmail-local sets them (qmail-command(8)); /var/run/utmp
Writes   to each terminal USER is logged in on, has made his own, and lets be written to ("biff y" sets mode 0100):
         a bell, "*** TO <LOCAL> FROM <SENDER>", and 74 octets of subject and text
Exits    always 0: no message is lost because a terminal is
Limits   control characters of the message never reach the terminal
Runs as  the user whose mail it is
Source   qbiff(1), qbiff.c, biff(1)
"""

from __future__ import annotations

import os

from mta.formats import header822, utmp
from mta.unix.fds import Fds

UTMP = b"/var/run/utmp"
DEV = b"/dev"

_TEXT_MAX = 78
_INDENT = b"    "
_WANTS_BIFF = 0o100
_ANNOUNCED_IN = (b"USER", b"SENDER", b"LOCAL")
_ENDS = b" \t\r\n"
_PIECE = 1 << 16


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    if all(name in env for name in _ANNOUNCED_IN) and len(env[b"USER"]) <= utmp.USER_MAX:
        try:
            terminals = list(utmp.lines(_read(UTMP), env[b"USER"]))
            if terminals:
                _announce(terminals, _notice(env, fds))
        except OSError:  # no utmp, or a message that cannot be read: nothing is announced
            pass
    return 0


def _read(path: bytes) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _notice(env: dict[bytes, bytes], fds: Fds) -> bytes:
    """Raises OSError."""
    head = b"*** TO <%b> FROM <%b>" % (env[b"LOCAL"], env[b"SENDER"])
    text = (_INDENT + _beginning(fds[0]))[:_TEXT_MAX]
    return b"\r\n\a%b\r\n%b\r\n" % (_shown(head, ord("_")), _shown(text, ord("/")))


def _beginning(fd: int) -> bytes:
    """As much of subject and body as is shown, or more. Raises OSError."""
    splitter = header822.Splitter()
    text = b""
    while len(text) < _TEXT_MAX:
        piece = os.read(fd, _PIECE)
        fields, body = splitter.feed(piece) if piece else splitter.close()
        for field in fields:
            if header822.name(field) == b"subject":
                text += field.partition(b":")[2].lstrip(_ENDS)
        text += body
        if not piece:
            break
    return text


def _shown(text: bytes, instead: int) -> bytes:
    return bytes(c if 32 <= c <= 126 else instead for c in text)


def _announce(terminals: list[bytes], notice: bytes) -> None:
    for line in terminals:
        if not line or line.startswith(b"/") or b"." in line:  # never leave /dev
            continue
        try:
            fd = os.open(os.path.join(DEV, line), os.O_WRONLY | os.O_NONBLOCK | os.O_APPEND | os.O_NOCTTY)
        except OSError:  # it is gone, or not ours
            continue
        try:
            st = os.fstat(fd)
            if st.st_mode & _WANTS_BIFF and st.st_uid == os.getuid():
                os.write(fd, notice)
        except OSError:  # nobody reads there
            pass
        finally:
            os.close(fd)
