"""What is strange about an address in a header, and how its domain is shown.

A domain is shown in its own letters when that cannot mislead: every label is of one script (Chinese, Japanese and Korean letters go
together), and a label that is not Latin stands below a top-level domain that is not Latin either. Else it is shown as it travels, in
ASCII ("xn--..."), and a warning says what it would have looked like.
Source   RFC 5890, UTS 39; spec reliability 2.2 row 39, 2.4 row 79
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from mta.formats.address_list import Entry
from webadmin.webmail import decode

NUL = "The sender's address holds a NUL byte: it may have been forged."
SEVERAL = "The message names more than one sender."
ODD = "The sender's field is malformed: it could be read as another address."
DIRECTION = "The sender's name uses invisible marks that change the direction of writing."
OTHER_ADDRESS = "The sender's name looks like another address: {}"
STRANGE = "The sender's address holds characters that cannot be told apart from others, or not seen at all."
LOOKALIKE = "The domain of this address imitates other letters: it would be shown as {}"

_EAST_ASIAN = {"CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "KATAKANA-HIRAGANA", "IDEOGRAPHIC"}
_LABEL_MAX = 63
_SEEMS_ADDRESS = re.compile(r"[^\s@<>\"',;:()]+@[^\s@<>\"',;:()]+\.[^\s@<>\"',;:()]+")


@dataclass(frozen=True, slots=True)
class Person:
    """One entry of an address field, as text."""

    name: str  # "" when none is given
    address: str  # as it travels, in ASCII where there is an ASCII form
    shown: str  # the address for the eye
    warnings: tuple[str, ...] = ()

    @property
    def short(self) -> str:
        return self.name or self.shown or "(no address)"


def person(entry: Entry) -> Person:
    name = decode.header(entry.name)
    address = decode.one_line(decode.text(entry.address, None)[0])
    shown, lookalike = _shown(address)
    warnings = list(_warnings(entry, name, address))
    if lookalike:
        warnings.append(LOOKALIKE.format(lookalike))
    return Person(name if name.lower() != address.lower() else "", address, shown, tuple(warnings))


def _warnings(entry: Entry, name: str, address: str) -> list[str]:
    found = []
    if b"\0" in entry.name or b"\0" in entry.address:
        found.append(NUL)
    elif entry.is_odd:
        found.append(ODD)
    if decode.DIRECTION.search(decode.words(entry.name[: decode.HEADER_MAX]) + decode.text(entry.address, None)[0]):
        found.append(DIRECTION)
    claimed = _SEEMS_ADDRESS.search(unicodedata.normalize("NFKC", name))
    if claimed is not None and claimed[0].lower() != address.lower():
        found.append(OTHER_ADDRESS.format(claimed[0]))
    if any(_is_strange(letter) for letter in address):
        found.append(STRANGE)
    return found


def _is_strange(letter: str) -> bool:
    """Neither ASCII nor a letter, mark or digit: blanks and dots of other scripts, invisible characters."""
    return not letter.isascii() and (unicodedata.category(letter)[0] not in "LMN" or letter == "\ufffd")


def _shown(address: str) -> tuple[str, str]:
    """-> (what to show, what a domain that misleads would have looked like or "")"""
    address = "".join("\ufffd" if _is_strange(letter) else letter for letter in address)
    box, at, domain = address.rpartition("@")
    if not at or (domain.isascii() and "xn--" not in domain.lower()):
        return address, ""
    labels = [_unpunycode(label) for label in domain.split(".")]
    unicode_domain = ".".join(labels)
    if _misleads(labels):
        return f"{box}@{_ascii(domain)}", unicode_domain
    return f"{box}@{unicode_domain}", ""


def _unpunycode(label: str) -> str:
    """A label that is no valid punycode stays."""
    if not label.lower().startswith("xn--") or len(label) > _LABEL_MAX:
        return label
    try:
        found = label[4:].encode("ascii").decode("punycode")
    except (UnicodeError, ValueError, OverflowError):
        return label
    return found if found.isprintable() and not found.isascii() else label


def _ascii(domain: str) -> str:
    return ".".join(_punycode(label) for label in domain.split("."))


def _punycode(label: str) -> str:
    if label.isascii() or len(label) > _LABEL_MAX:
        return label
    mapped = unicodedata.normalize("NFKC", label).lower()
    return mapped if mapped.isascii() else "xn--" + mapped.encode("punycode").decode("ascii")


def _misleads(labels: list[str]) -> bool:
    top_is_latin = _scripts(labels[-1]) <= {"LATIN"}
    for label in labels:
        scripts = _scripts(label)
        if len(scripts) > 1 or not label.isprintable() or unicodedata.normalize("NFKC", label) != label:
            return True
        if scripts and scripts not in ({"LATIN"}, {"EAST ASIAN"}) and top_is_latin:
            return True
    return False


def _scripts(label: str) -> set[str]:
    """Scripts of its letters; digits and hyphens have none."""
    found = set()
    for letter in label:
        if unicodedata.category(letter)[0] not in "LM":
            continue
        word = unicodedata.name(letter, "UNKNOWN").split()[0]
        if word == "COMBINING":
            continue
        found.add("EAST ASIAN" if word in _EAST_ASIAN else word)
    return found
