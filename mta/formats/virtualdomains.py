"""control/virtualdomains: which addresses are handed to a local user under a prefix.

Lines    "user@domain:prepend", "domain:prepend", ".suffix:prepend", ":prepend" (everything else), "domain:" (an exception: remote).
Example  b"example.org:example.org\\n" hands joe@example.org to the local address example.org-joe@example.org
Source   qmail-send(8), qmail-control(5)
"""

from __future__ import annotations

from mta.formats import control

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def read(data: bytes) -> dict[bytes, bytes]:
    """{lower-case key: prepend}; the last of several equal keys wins."""
    return control.map_(control.lines(data))


def domain_keys(domain: bytes) -> Iterable[bytes]:
    """The keys that may decide for a domain, in the order in which they are tried. domain in lower case."""
    yield domain
    yield from control.dot_suffixes(domain)
    yield b""


def find(table: Mapping[bytes, bytes], address: bytes) -> tuple[bytes, bytes] | None:
    """-> (the key that decides, its prepend), or None. The address must have an "@"."""
    lowered = control.lower(address)
    if lowered in table:
        return lowered, table[lowered]
    return find_domain(table, lowered.rpartition(b"@")[2])


def find_domain(table: Mapping[bytes, bytes], domain: bytes) -> tuple[bytes, bytes] | None:
    """The same for keys of a whole domain only, as bounces use it."""
    for key in domain_keys(control.lower(domain)):
        if key in table:
            return key, table[key]
    return None
