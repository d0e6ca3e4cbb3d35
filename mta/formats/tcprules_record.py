"""What a cdb of tcprules says of one client: which key decides, and what the items of its record are. (The text is formats/tcprules.)

Record   items, each ended by a NUL: "D" denied, "+NAME=value" a variable; an empty record allows and sets nothing
Keys     INFO@IP, INFO@=HOST, IP, =HOST, then IP up to each of its dots from the last to the first, HOST from each of its dots on with "="
         before it, "=" for any host that has a name, and nothing. The first that is there decides
Loaded by programs that others exec for each connection: builtins only.
Source   tcprules(1), rules.c
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def items(data: bytes) -> list[bytes]:
    """The items of a record. What follows the last NUL is none."""
    return data.split(b"\0")[:-1]


def keys(ip: bytes, host: bytes | None = None, info: bytes | None = None) -> Iterator[bytes]:
    """The keys that may decide for a client, in the order in which they are tried."""
    if info is not None:
        yield info + b"@" + ip
        if host is not None:
            yield info + b"@=" + host
    yield ip
    if host is not None:
        yield b"=" + host
    at = len(ip)
    while (at := ip.rfind(b".", 0, at)) >= 0:
        yield ip[: at + 1]
    if host is not None:
        at = -1
        while (at := host.find(b".", at + 1)) >= 0:
            yield b"=" + host[at:]
        yield b"="
    yield b""


def find_record(
    get: Callable[[bytes], bytes | None], ip: bytes, host: bytes | None = None, info: bytes | None = None
) -> tuple[bytes, bytes] | None:
    """get: look-up in the cdb. -> (the key that decides, its data), or None: allowed without variables. Raises what get raises."""
    for key in keys(ip, host, info):
        data = get(key)
        if data is not None:
            return key, data
    return None
