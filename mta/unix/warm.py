"""Start programs as forks of a process that has them loaded already: a millisecond instead of a cold interpreter's start.

Where bin/NAME is somebody else's program (an original qmail binary, a wrapper), that is what runs: ours are told by the line they contain.
"""

from __future__ import annotations

import fcntl
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

OURS = b"from mta import runner"  # stands in every bin/NAME that deploy/prepare writes
_HEAD = 4096


def foreign_program(home: bytes, name: bytes, mark: bytes = OURS) -> bytes | None:
    """Path of bin/NAME when it is not our own script (or there is none): run it by exec. None: it is ours, or missing.
    mark: what stands in ours."""
    path = os.path.join(home, b"bin", name)
    try:
        with open(path, "rb") as file:
            return None if mark in file.read(_HEAD) else path
    except PermissionError:  # the original's programs have mode 0711; a script of ours must be readable to run at all
        return path
    except OSError:
        return None


def rewire(fds: Mapping[int, int]) -> None:
    """Make the descriptors what a program's manual calls them, inheritable. What lay under these numbers is closed."""
    above = max(fds) + 1
    safe = {target: fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, above) for target, fd in fds.items()}
    for target, fd in safe.items():
        os.dup2(fd, target, inheritable=True)
        os.close(fd)
