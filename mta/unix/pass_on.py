"""Hand the message on descriptor 0 on to other addresses, from a program that a dot-qmail line runs: forward, condredirect.

Nothing of the message is kept: it passes in pieces. unix/forward does the same for those who hold the message as a file in queue/mess.
Loaded by programs that run per message: builtins only.
Source   forward.c, condredirect.c
"""

from __future__ import annotations

import os

from mta.errors import Permanent, Temporary
from mta.formats.error_str import error_str
from mta.unix import queue_call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PIECE = 1 << 16


def variable(env: Mapping[bytes, bytes], name: bytes) -> bytes:
    """What qmail-local sets for its commands. Raises Permanent when it did not start us."""
    if name not in env:
        raise Permanent(f"{name.decode()} not set")
    return env[name]


def send(env: Mapping[bytes, bytes], fd: int, sender: bytes, recipients: Sequence[bytes]) -> int:
    """The line DTLINE and all there is to read -> the number under which the log knows the new message. Raises Permanent, Temporary."""
    head = variable(env, b"DTLINE")
    call = queue_call.open_(env[b"QMAIL_HOME"], env)
    call.write(head)
    try:
        while piece := os.read(fd, _PIECE):
            call.write(piece)
    except OSError as error:
        call.abandon()
        raise Temporary(f"unable to read message: {error_str(error.errno)}") from error
    failure = call.commit(sender, recipients)
    if failure is not None:
        raise failure
    return call.qp
