"""The database of fastforward: a cdb that says what becomes of the mail for an address.

Records   ":" target -> instructions, each ended by a NUL; "?" target -> the address that becomes the sender of what is forwarded
Targets   user@host, @host for everyone there, user@ for that user anywhere; in small letters
Instructions  "&address" forward; "|command" run by sh; "!command" run by sh with the lines of a delivery before the message;
          "/path" or "./path" the addresses of a compiled list (formats/maillist)
Example   b":list@" -> b"&bo@example.org\\0|archive\\0"; b"?list@" -> b"owner-list@example.org"
Limits    instructions to forward of 900 octets, 800 when we write them; longer ones are passed over, as is whatever lacks its NUL
Written   by setforward and newaliases.   Read by fastforward, printforward.
Crash     written to another name, synced, renamed.
Loaded by programs that run per message: builtins only.
Source    fastforward(1), setforward(1), fastforward.c
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

TARGET, OWNER = b":", b"?"
FORWARD, COMMAND, PRELINE = b"&", b"|", b"!"
COMMANDS = (COMMAND, PRELINE)
PATHS = (b"/", b".")
ADDRESS_MAX = 800
FORWARD_MAX = 900  # its "&" and its NUL counted


class Refused(ValueError):
    """What is written cannot be compiled. text: why; exit_: of the compiler, 100 for good, 111 where somebody may just be editing it."""

    def __init__(self, text: bytes, exit_: int) -> None:
        super().__init__(text.decode("latin-1"))
        self.text = text
        self.exit = exit_


def key(kind: bytes, target: bytes) -> bytes:
    return (kind + target).lower()


def write(instructions: Iterable[bytes]) -> bytes:
    return b"".join(instruction + b"\0" for instruction in instructions)


def read(data: bytes) -> list[bytes]:
    """The instructions of a record. What no program of ours writes is passed over."""
    return [i for i in data.split(b"\0")[:-1] if i.startswith((*COMMANDS, *PATHS)) or (i.startswith(FORWARD) and len(i) < FORWARD_MAX)]


def exact(get: Callable[[bytes], bytes | None], kind: bytes, address: bytes) -> bytes | None:
    """What the database says of this very address. get: of the cdb; what it raises passes through."""
    return get(key(kind, address))


def wild(get: Callable[[bytes], bytes | None], kind: bytes, address: bytes) -> bytes | None:
    """... or of everyone at its host, or else of its user at any host."""
    found = exact(get, kind, address)
    user, at, host = address.rpartition(b"@")
    if found is None and at:
        found = exact(get, kind, b"@" + host)
    if found is None and at:
        found = exact(get, kind, user + b"@")
    return found
