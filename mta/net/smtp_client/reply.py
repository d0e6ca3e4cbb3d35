"""Bytes from a mail server -> its replies.

Grammar  lines "CODE-text", then "CODE text" or "CODE": three digits, the same in all lines, the first of them 1 to 5. A line may end in
         LF alone (the original takes it, too); a CR anywhere is dropped.
Example  b"250-mx.example.org\\r\\n250 SIZE\\r\\n" is Reply(250, (b"250-mx.example.org", b"250 SIZE"))
Limits   64 KiB a reply. What breaks the grammar or the limit is a reply with code 0: after it nothing of this connection can be trusted.
Source   RFC 5321 4.2, qmail-remote.c smtpcode
"""

from __future__ import annotations

import re
from dataclasses import dataclass

REPLY_MAX = 1 << 16
SHOWN_MAX = 5000  # octets of a reply that a report repeats
GARBLED = 0

_LINE = re.compile(rb"[1-5][0-9][0-9]")


@dataclass(frozen=True, slots=True)
class Reply:
    code: int  # GARBLED: not a reply of SMTP
    lines: tuple[bytes, ...]  # without CR and LF

    @property
    def shown(self) -> bytes:
        """As reports repeat it."""
        return b"".join(line + b"\n" for line in self.lines)[:SHOWN_MAX].replace(b"\0", b"?")


class Replies:
    """Collects input and hands out replies."""

    __slots__ = ("_buffer", "_lines", "_size")

    def __init__(self) -> None:
        self._buffer = b""
        self._lines: list[bytes] = []
        self._size = 0

    def __len__(self) -> int:
        """Octets that wait to be taken."""
        return len(self._buffer) + self._size

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def next(self) -> Reply | None:
        """The next whole reply, or None: wait for more."""
        while (end := self._buffer.find(b"\n")) >= 0:
            line = self._buffer[:end].replace(b"\r", b"")
            self._buffer = self._buffer[end + 1 :]
            self._lines.append(line)
            self._size += end + 1
            if not _LINE.match(line) or line[:3] != self._lines[0][:3] or self._size > REPLY_MAX:
                return self._take(GARBLED)
            if line[3:4] != b"-":
                return self._take(int(line[:3]))
        if len(self) > REPLY_MAX:
            self._lines.append(self._buffer.replace(b"\r", b""))
            self._buffer = b""
            return self._take(GARBLED)
        return None

    def _take(self, code: int) -> Reply:
        lines, self._lines, self._size = tuple(self._lines), [], 0
        return Reply(code, lines)
