"""The identification protocol: who at the other end has opened this connection? The answer is worth as much as the machine it comes from.

Question  "RPORT , LPORT" CR LF, the ports of the connection as the asked machine sees them: its own first
Answer    one line; what stands behind its third ":" is the name, blanks and CR left out
Example   b"6191 , 25\\r\\n" -> b"6191, 25 : USERID : UNIX : joe\\r\\n"
Limits    998 octets of a name
Loaded by programs that others exec for each connection: builtins only.
Source    RFC 1413, RFC 931, remoteinfo.c
"""

from __future__ import annotations

PORT = 113
NAME_MAX = 998
_COLONS = 3
_LEFT_OUT = b" \t\r"


def question(remote_port: int, local_port: int) -> bytes:
    return b"%d , %d\r\n" % (remote_port, local_port)


class Answer:
    """feed() what comes until name is known."""

    __slots__ = ("_colons", "_found", "name")

    def __init__(self) -> None:
        self._colons = 0
        self._found = b""
        self.name: bytes | None = None

    def feed(self, data: bytes) -> None:
        line, newline, _ = data.partition(b"\n")
        text = line.translate(None, _LEFT_OUT)
        while text and self._colons < _COLONS:
            _, colon, text = text.partition(b":")
            self._colons += len(colon)
        self._found += text
        if newline or len(self._found) >= NAME_MAX:
            self.name = self._found[:NAME_MAX]
