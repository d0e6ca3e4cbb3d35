"""What a person types into To, Cc and Bcc, checked.

Read      addresses parted by commas, semicolons or line ends, each with or without a name.
Refused   an entry without an address, two addresses without a comma, a box that is no plain word of ASCII, a domain that cannot exist.
          A domain in other letters is written in ASCII (IDNA).
Limits    100 recipients in all
Source    RFC 5321 4.1.2, RFC 5891; spec reliability 2.2 row 26
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import idna

from mta.formats import address_list
from mta.formats.address_list import Entry

RECIPIENTS_MAX = 100
_BOX = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}")
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_DOMAIN_MAX = 253
_CONTROL = re.compile("[\x00-\x1f\x7f]")
_ADDRESS_WORD = re.compile(r"\S+@\S+\.\S+")


@dataclass(frozen=True, slots=True)
class Recipient:
    name: str
    address: str  # ASCII


def read(text: str) -> tuple[list[Recipient], list[str]]:
    """-> (recipients, one sentence for each entry that is wrong)"""
    found: list[Recipient] = []
    wrong: list[str] = []
    for entry in _entries(text):
        try:
            found.append(_recipient(entry))
        except ValueError as error:
            wrong.append(str(error))
    return found, wrong


def _entries(text: str) -> list[Entry]:
    return address_list.read(text.replace("\r", "\n").replace("\n", ",").encode("utf-8", "replace"))


def _recipient(entry: Entry) -> Recipient:
    name, address = entry.name.decode(), entry.address.decode()
    if not address:
        raise ValueError(f"“{name[:60]}” is not an address: it has no @.")
    if entry.is_odd or (_ADDRESS_WORD.search(name) and name.strip("<>").lower() != address.lower()):
        raise ValueError(f"“{name[:60]} {address[:60]}”: put a comma between addresses.")
    if _CONTROL.search(name):
        raise ValueError(f"The name of {address[:60]} holds a control character.")
    return Recipient("" if name.lower() == address.lower() else name, check(address))


def check(address: str) -> str:
    """The address in ASCII. Raises ValueError with a sentence."""
    box, _, domain = address.rpartition("@")
    if not _BOX.fullmatch(box):
        raise ValueError(f"“{address[:80]}”: what stands before the @ is not a plain mailbox name.")
    return f"{box}@{_domain(address, domain)}"


def _domain(address: str, domain: str) -> str:
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError) as error:
            raise ValueError(f"“{address[:80]}”: no domain can have this name.") from error
    labels = domain.split(".")
    if len(labels) < 2 or len(domain) > _DOMAIN_MAX or not all(_LABEL.fullmatch(label) for label in labels) or labels[-1].isdigit():
        raise ValueError(f"“{address[:80]}”: what stands behind the @ is not a full domain name.")
    return domain


def lenient(text: str) -> list[Recipient]:
    """As far as it can be read, for a draft: what is no address becomes a name without one."""
    found = []
    for entry in _entries(text):
        try:
            found.append(_recipient(entry))
        except ValueError:
            words = b" ".join(w for w in (entry.name, entry.address) if w).decode("utf-8", "replace")
            found.append(Recipient(_CONTROL.sub(" ", words), ""))
    return found


_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")


def shown(recipient: Recipient) -> str:
    """As it stands in a form."""
    name = recipient.name
    if not recipient.address:
        return name
    if not name:
        return recipient.address
    if any(c in name for c in '",;:<>()@[]\\.'):
        name = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{name} <{recipient.address}>"


def shown_all(found: list[Recipient]) -> str:
    return ", ".join(map(shown, found))
