"""queue-fix: put a queue in order that was moved, restored from a backup, or made by hand.

Usage    queue-fix [-Nv] [QUEUE]; without QUEUE the queue of this instance. -N show what is wrong and change nothing, -v say what is right
Does     1 makes missing folders and special files, gives all of them the mode and owner they must have (unix/queue_tree)
         2 gives each message the number of its inode, and puts it with all that belongs to it into the folders of that number (names)
         3 gives the files of messages their owners, and modes with which those who need them can read them
         Run again after it was stopped at any moment, it goes on where it was.
Writes   fd 1 a line for each thing that is, or was, not in order: PATH: WHAT
Exits    0 the queue is in order now; 1 with -N: it is not; 100 usage; 111 something could not be put in order, or qmail-send or the queue
         writer works on it: stop them first
Limits   files it does not know are named and left alone. Messages whose envelope is gone are named; qmail-send removes them in time
Runs as  root, or the one user of an instance
Source   queue-fix (Eric Huss), queue-rename, queue_repair; INTERNALS 2
"""

from __future__ import annotations

import os
import socket

from mta.errors import Temporary
from mta.formats.sgetopt import BadOption, Options
from mta.programs.queue_tools.queue_fix import names, tree
from mta.programs.queue_tools.queue_fix.report import Report
from mta.unix import queue_stopped, say
from mta.unix.fds import Fds
from mta.unix.queuedir import Paths

NAME = b"queue-fix"
_USAGE = b"queue-fix [ -Nv ] [ queue ]"
WRONG = 1


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    options = Options(argv, "Nv")
    try:
        letters = {letter for letter, _ in options}
    except BadOption as error:
        fds.say(NAME + b": " + error.text + b"\n")
        return say.usage(fds, NAME, _USAGE)
    if len(options.operands) > 1:
        return say.usage(fds, NAME, _USAGE)
    root = os.path.realpath(options.operands[0] if options.operands else env[b"QMAIL_HOME"] + b"/queue")
    report = Report(fds, is_changing=b"N" not in letters, is_verbose=b"v" in letters)
    try:
        owners = tree.Owners(os.path.dirname(root))
        if report.is_changing:
            _fix_in_peace(root, owners, report)
        else:
            _fix(root, owners, report)
    except (Temporary, OSError) as trouble:
        text = trouble.text if isinstance(trouble, Temporary) else f"{os.fsdecode(trouble.filename or root)}: {trouble.strerror}"
        return say.fatal(fds, NAME, os.fsencode(text))
    if report.has_failed:
        return 111
    return WRONG if report.found and not report.is_changing else 0


def _fix_in_peace(root: bytes, owners: tree.Owners, report: Report) -> None:
    """The tree comes first: without it there is nothing to lock. Making what is missing harms nobody who works."""
    _no_queue_writer(root)
    tree.fix(root, owners, report)
    with queue_stopped.held(Paths(root)) as is_ours:
        if not is_ours:
            raise Temporary("qmail-send is running: stop it first")
        names.fix(root, report)
        tree.fix_files(root, owners, report)


def _fix(root: bytes, owners: tree.Owners, report: Report) -> None:
    tree.fix(root, owners, report)
    names.fix(root, report)
    tree.fix_files(root, owners, report)


def _no_queue_writer(root: bytes) -> None:
    """Raises Temporary: one listens."""
    with socket.socket(socket.AF_UNIX) as sock:
        try:
            sock.connect(os.path.join(os.path.dirname(root), b"run/queue-writer"))
        except OSError:
            return
    raise Temporary("the queue writer is running: stop it first")
