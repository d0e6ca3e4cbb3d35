"""svc: control supervised services.

Usage    svc -udopchaitkx DIR ...: up, down, once, pause, continue, HUP, ALRM, INT, TERM, KILL, exit
Writes   the letters, each once, in the order given, to DIR/supervise/control; a warning to fd 2 for each DIR where that is not possible
Exits    0 even then; 100 unknown option; 111 the working directory cannot be opened
Runs as  root, or the owner of the services
Source   svc(8), svc.c
"""

from __future__ import annotations

import errno
import os

from mta.formats.sgetopt import BadOption, Options
from mta.unix import say
from mta.unix.cwd import Kept
from mta.unix.fds import Fds

NAME = b"svc"
LETTERS = "udopchaitkx"
_HELP = b"svc options: u up, d down, o once, x exit, p pause, c continue, h hup, a alarm, i interrupt, t term, k kill\n"


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    options = Options(argv, LETTERS)
    try:
        letters = b"".join(dict.fromkeys(letter for letter, _ in options))
    except BadOption as error:
        fds.say(b"svc: %b\n%b" % (error.text, _HELP))
        return 100
    step = b"open current directory"
    try:
        with Kept() as cwd:
            step = b"set directory"
            for folder in options.operands:
                _control(folder, letters, fds)
                cwd.back()
    except OSError as error:
        return say.fatal(fds, NAME, b"unable to " + step, error)
    return 0


def _control(folder: bytes, letters: bytes, fds: Fds) -> None:
    step = b"unable to chdir to "
    try:
        os.chdir(folder)
        step = b"unable to control "
        fd = os.open(b"supervise/control", os.O_WRONLY | os.O_NONBLOCK)
        step = b"error writing commands to "
        try:
            os.set_blocking(fd, True)
            os.write(fd, letters)
        finally:
            os.close(fd)
    except OSError as error:
        if error.errno == errno.ENXIO and step == b"unable to control ":  # nobody reads the FIFO
            say.warning(fds, NAME, b"%b%b: supervise not running" % (step, folder))
        else:
            say.warning(fds, NAME, step + folder, error)
