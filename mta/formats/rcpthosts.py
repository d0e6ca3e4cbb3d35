"""control/rcpthosts and control/morercpthosts(.cdb): the domains mail is accepted for.

Lines    "domain", or ".suffix" for every name below it (but not the name itself); case does not matter.
         morercpthosts.cdb holds the lines of morercpthosts as keys with empty data and counts only where rcpthosts exists.
Limits   a missing rcpthosts means "everything" to the original, an open relay; our servers refuse to start then.
Source   qmail-smtpd(8), qmail-newmrh(8), rcpthosts.c
"""

from __future__ import annotations

from mta.formats import cdb, control

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def keys(domain: bytes) -> Iterable[bytes]:
    """The keys under which a recipient's domain may stand, in the order in which they are tried."""
    lowered = control.lower(domain)
    yield lowered
    yield from control.dot_suffixes(lowered)


def compile_more(data: bytes) -> bytes:
    """morercpthosts -> morercpthosts.cdb, byte for byte as qmail-newmrh writes it (leading blanks are kept)."""
    entries = (control.lower(raw).rstrip(b" \t\n") for raw in data.split(b"\n"))
    return cdb.write((entry, b"") for entry in entries if entry and not entry.startswith(b"#"))
