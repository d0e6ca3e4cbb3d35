"""What the compilers of text into a file for fast reading do last: put the file in its place, or say why not.

The temporary file lies beside the file and has the name the user gave; it is gone when anything fails.
Source   newaliases.c, setforward.c, setmaillist.c, newinclude.c, ofmipname.c
"""

from __future__ import annotations

import os

from mta.unix import cdbfile, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mta.unix.fds import Fds

_PIECE = 1 << 16


def install(fds: Fds, program: bytes, temporary: bytes, path: bytes, data: bytes) -> int:
    """Exit code: 0, or 111 once it has been said why. The old file stands until the new one is complete, on disk, and readable for all."""
    try:
        cdbfile.replace(temporary, path, data)
    except cdbfile.NotReplaced as error:
        if error.step == "open":
            return say.fatal(fds, program, b"unable to create " + temporary, error.why)
        _forget(temporary)
        step = b"write to " + temporary if error.step == "write" else b"move %b to %b" % (temporary, path)
        return say.fatal(fds, program, b"unable to " + step, error.why)
    return 0


def read_all(fd: int) -> bytes:
    """All there is to read. Raises OSError."""
    pieces = []
    while piece := os.read(fd, _PIECE):
        pieces.append(piece)
    return b"".join(pieces)


def _forget(path: bytes) -> None:
    try:
        os.unlink(path)
    except OSError:  # the first error is the one that was told; it may not even be there any more
        pass
