"""generations/N/manifest: what a generation of the configuration holds, and why it was made.

Lines    four comments: number, time, who, why; then "SHA-256  PATH" for each file, sorted.
         `cd generations/7; sha256sum -c manifest` tells which were edited by hand since.
Example  b"# generation 7\\n# when 2026-11-21T10:00:00Z\\n# who ada\\n# why domain_add example.org\\n2c26...  control/me\\n"
Written  by the installer.   Read by webadmin, by people, by sha256sum(1).
Crash    it is complete before the generation gets its number.
"""

from __future__ import annotations

import calendar
import time
from dataclasses import dataclass

TEXT_MAX = 200


@dataclass(frozen=True, slots=True)
class Manifest:
    number: int
    when_s: int
    who: bytes
    why: bytes
    digests: dict[bytes, bytes]  # path -> SHA-256 in hexadecimal


def write(m: Manifest) -> bytes:
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(m.when_s)).encode()
    head = b"# generation %d\n# when %b\n# who %b\n# why %b\n" % (m.number, when, one_line(m.who), one_line(m.why))
    return head + b"".join(b"%b  %b\n" % (m.digests[path], path) for path in sorted(m.digests))


def head(data: bytes) -> bytes:
    """The four comments, for lists of generations."""
    return b"".join(line + b"\n" for line in data.split(b"\n", 4)[:4])


def read(data: bytes) -> Manifest:
    """A whole manifest or its head. Raises ValueError."""
    lines = data.split(b"\n")
    number, when, who, why = (_value(line, name) for line, name in zip(lines, (b"generation", b"when", b"who", b"why"), strict=False))
    if not number.isdigit():
        raise ValueError("manifest without its number")
    digests = {}
    for line in lines[4:]:
        if line:
            value, separator, path = line.partition(b"  ")
            if not separator or len(value) != 64:
                raise ValueError("manifest line is not a digest and a path")
            digests[path] = value
    return Manifest(int(number), _seconds(when), who, why, digests)


def _value(line: bytes, name: bytes) -> bytes:
    prefix = b"# %b " % name
    if not line.startswith(prefix):
        raise ValueError(f"manifest without its line {name.decode()}")
    return line[len(prefix) :]


def _seconds(text: bytes) -> int:
    return calendar.timegm(time.strptime(text.decode("latin-1"), "%Y-%m-%dT%H:%M:%SZ"))


def one_line(text: bytes) -> bytes:
    """Free text made fit to stand in a line: control octets are shown as "?"."""
    return bytes(byte if byte >= 32 and byte != 127 else 63 for byte in text[:TEXT_MAX])
