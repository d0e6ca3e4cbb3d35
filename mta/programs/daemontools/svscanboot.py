"""svscanboot: supervise the services of this instance, from the start of the machine on.

Usage    svscanboot [DIR]; without DIR the instance's service/. init runs it, or a unit of systemd's
Does     1 tells every supervise that is left over from before to stop its service and leave (svc -dx)  2 starts svscan DIR, with nothing in
         its environment but PATH  3 becomes readproctitle, which shows what svscan and the services complain of to ps
Writes   nothing: descriptors 0, 1 and 2 are /dev/null
Exits    0 when svscan and all that it started are gone; 111 no process to be had, or readproctitle cannot be run
Runs as  root, or the one user of an instance
Source   svscanboot(8), svscanboot.sh
"""

from __future__ import annotations

import os

from mta.unix import exec_
from mta.unix.fds import Fds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

_FOLDERS = b"/command:/usr/local/bin:/usr/local/sbin:/bin:/sbin:/usr/bin:/usr/sbin:/usr/X11R6/bin"
_DOTS = 400


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    home = env[b"QMAIL_HOME"]
    folder = argv[0] if argv else home + b"/service"
    bare = {b"PATH": home + b"/bin:" + _FOLDERS}
    null = os.open("/dev/null", os.O_RDWR)
    try:
        stopping = _start(home + b"/bin/svc", [b"svc", b"-dx", *_services(folder)], {**env, **bare}, {0: null, 1: null, 2: null})
        os.waitpid(stopping, 0)
        reading, writing = os.pipe()
        _start(home + b"/bin/svscan", [b"svscan", folder], bare, {0: null, 1: writing, 2: writing})
        title = [b"readproctitle", b"service", b"errors:", b"." * _DOTS]
        exec_.become(home + b"/bin/readproctitle", title, bare, {0: reading, 1: null, 2: null})
    except OSError:  # there is nobody to tell
        return 111


def _services(folder: bytes) -> list[bytes]:
    """folder/* and folder/*/log, as a shell would list them."""
    try:
        names = sorted(name for name in os.listdir(folder) if not name.startswith(b"."))
    except OSError:  # svscan will say so
        return []
    found = [os.path.join(folder, name) for name in names]
    return found + [path + b"/log" for path in found if os.path.isdir(path + b"/log")]


def _start(path: bytes, argv: list[bytes], env: dict[bytes, bytes], fds: dict[int, int]) -> int:
    pid = os.fork()
    if pid == 0:
        _be(path, argv, env, fds)
    return pid


def _be(path: bytes, argv: list[bytes], env: dict[bytes, bytes], fds: dict[int, int]) -> NoReturn:
    try:
        exec_.become(path, argv, env, fds)
    except OSError:  # the pipe ends, and with it readproctitle
        pass
    finally:
        os._exit(111)
