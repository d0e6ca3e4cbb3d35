"""Names of domains: what a person types -> the name as it stands in the files, lower case and in A-labels.

Rules    vpopmail's: at least 3 characters, a dot, a last label of 2 to 63 characters, letters, digits, "-" and ".", no "-" at an end of a
         label, no ".."; at most 96 octets; and never a number as the last label, which would be an address and no name.
Source   ecosystem 6.2, RFC 5891 (IDNA 2008) with the mapping of UTS 46
"""

from __future__ import annotations

import idna
from django.core.exceptions import ValidationError

NAME_MAX = 96  # vpopmail.h MAX_PW_DOMAIN


def domain_name(text: str) -> str:
    """Raises ValidationError."""
    typed = text.strip().rstrip(".")
    if not typed:
        raise ValidationError("Give the name of a domain, such as example.org.", code="domain_name")
    if len(typed) > 1024:
        raise _bad("it is too long")
    name = _to_ascii(typed)
    labels = name.split(".")
    if len(labels) < 2 or len(name) < 3:
        raise _bad("it needs at least one dot, as in example.org")
    if len(name) > NAME_MAX:
        raise _bad(f"it may have {NAME_MAX} characters at most", code="domain_too_long")
    if not 2 <= len(labels[-1]) <= 63 or labels[-1].isdigit():
        raise _bad("its last part must be a top-level domain such as org")
    return name


def _to_ascii(typed: str) -> str:
    if typed.isascii():
        name = typed.lower()
        for label in name.split("."):
            _check_label(label)
        return name
    try:
        return idna.encode(typed, uts46=True, std3_rules=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError):
        raise _bad("it holds characters that no domain can have") from None


def _check_label(label: str) -> None:
    if not label:
        raise _bad("it has two dots in a row, or begins with one")
    if len(label) > 63:
        raise _bad("a part between dots may have 63 characters at most")
    if not frozenset("abcdefghijklmnopqrstuvwxyz0123456789-").issuperset(label):
        raise _bad("use letters, digits, hyphens and dots only")
    if label.startswith("-") or label.endswith("-"):
        raise _bad("no part of it may begin or end with a hyphen")
    if label.startswith("xn--"):
        try:
            idna.ulabel(label)
        except (idna.IDNAError, UnicodeError):
            raise _bad(f"{label} is no valid internationalised name") from None


def _bad(why: str, code: str = "domain_name") -> ValidationError:
    return ValidationError(f"This is not the name of a domain: {why}.", code=code)


def shown(name: str) -> str:
    """The name in its own script, where that is what its owner typed; else as it stands."""
    try:
        return idna.decode(name) if "xn--" in name else name
    except (idna.IDNAError, UnicodeError):
        return name
