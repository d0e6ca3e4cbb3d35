"""Names for the clients of ofmipd: who sends under which name and address.

Text     "address:Full Name:new@address:", one a line; lines with fewer colons, empty ones and those that begin with "#" say nothing, and
         so does what stands behind the third colon
Records  of the cdb: address, as ofmipd has it after rewriting, -> b"Full Name\\0new@address"
Example  b"joe@pc.example.org:Joe Smith:joe@example.org:\\n"
Written  by the administrator.   Read by ofmipname, the cdb by ofmipd.
Source   ofmipname(8)
"""

from __future__ import annotations


def compile_(text: bytes) -> list[tuple[bytes, bytes]]:
    """-> the records, in order."""
    found = []
    for line in text.split(b"\n"):
        parts = line.split(b":", 3)
        if len(parts) == 4 and not line.startswith(b"#"):
            found.append((parts[0], parts[1] + b"\0" + parts[2]))
    return found
