"""utmp: who is logged in, and on which terminal. Records of 384 octets, as Linux has them.

Record   type (2), padding (2), process (4), line[32], id[4], user[32], host[256], exit (4), session (4), time (8), address (16),
         unused (20)
Types    7 is a user's session; line is its terminal's name below /dev
Written  by login programs.   Read by whoever wants to tell a user something.
Crash    a record cut short at the end is none
Loaded by programs that run per message: builtins only.
Source   utmp(5)
"""

from __future__ import annotations

from struct import Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

USER_PROCESS = 7
USER_MAX = 32
_RECORD = Struct("=hxxi32s4s32s308x")
SIZE = _RECORD.size


def lines(data: bytes, user: bytes) -> Iterator[bytes]:
    """The terminals a user is logged in on."""
    for at in range(0, len(data) - SIZE + 1, SIZE):
        type_, _, line, _, name = _RECORD.unpack_from(data, at)
        if type_ == USER_PROCESS and name.split(b"\0", 1)[0] == user:
            yield line.split(b"\0", 1)[0]
