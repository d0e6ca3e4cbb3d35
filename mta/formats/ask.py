"""Questions between our own processes over a Unix socket: a list of byte strings there, a list back, in order, any number on a connection.

Grammar  netstring(netstring(word) netstring(argument) ...), both ways. The first word of an answer is b"K" (here it is), b"D" (no, and it
         will not change) or b"Z" (not now); after D and Z follows one line of text.
Example  b"25:4:rcpt,14:joe@example.org,," is answered b"4:1:K,,"
Limits   64 MiB a question or answer
"""

from __future__ import annotations

from mta.formats import netstring

SIZE_MAX = 1 << 26
YES, NO, NOT_NOW = b"K", b"D", b"Z"


def write(words: list[bytes]) -> bytes:
    return netstring.write(b"".join(map(netstring.write, words)))


def read(buffer: bytes) -> tuple[list[bytes], int] | None:
    """-> (words, octets used), or None: wait for more. Raises ValueError on anything that is not a question."""
    colon = buffer.find(b":", 0, 12)
    if colon < 0:
        if len(buffer) >= 12 or (not buffer.rstrip(b":").isdigit() and buffer):
            raise ValueError("not a netstring")
        return None
    if not buffer[:colon].isdigit() or int(buffer[:colon]) > SIZE_MAX:
        raise ValueError("not a netstring of a size we take")
    end = colon + 1 + int(buffer[:colon])
    if len(buffer) <= end:
        return None
    if buffer[end : end + 1] != b",":
        raise ValueError("netstring without its comma")
    return netstring.read_all(buffer[colon + 1 : end]), end + 1
