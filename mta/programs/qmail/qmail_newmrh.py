"""qmail-newmrh: compile control/morercpthosts.

Reads    control/morercpthosts (formats/rcpthosts)
Writes   control/morercpthosts.tmp, synced, renamed to control/morercpthosts.cdb; then the directory is synced
Exits    0 compiled; 111 anything else: morercpthosts.cdb is then what it was
Limits   both files are held in memory; two at a time wait for each other
Runs as  root
Source   qmail-newmrh(8), qmail-newmrh.c
"""

from __future__ import annotations

import os

from mta.formats import rcpthosts
from mta.formats.error_str import error_str
from mta.unix import cdbfile
from mta.unix.fds import Fds

_STEPS = {
    "open": b"unable to write to control/morercpthosts.tmp",
    "write": b"unable to write to control/morercpthosts.tmp",
    "move": b"unable to move control/morercpthosts.tmp to control/morercpthosts.cdb",
}


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    home = env[b"QMAIL_HOME"]
    try:
        with cdbfile.one_compiler(home + b"/control"):
            trouble = _compile(home + b"/control")
    except OSError as error:
        act = b"read control/morercpthosts" if os.path.isdir(home) else b"chdir to " + home
        trouble = b"unable to %b: %b" % (act, error_str(error.errno).encode())
    if trouble:
        fds.say(b"qmail-newmrh: fatal: %b\n" % trouble)
        return 111
    return 0


def _compile(control: bytes) -> bytes:
    """-> what went wrong; b"" when nothing did."""
    try:
        with open(control + b"/morercpthosts", "rb") as file:
            text = file.read()
    except OSError as error:
        return b"unable to read control/morercpthosts: " + error_str(error.errno).encode()
    try:
        cdbfile.replace(control + b"/morercpthosts.tmp", control + b"/morercpthosts.cdb", rcpthosts.compile_more(text))
    except cdbfile.NotReplaced as error:
        return b"%b: %b" % (_STEPS[error.step], error_str(error.why.errno).encode())
    return b""
