"""Contents of files for people's eyes: passwords are left out, and that one stood there is said. Pure.

vpasswd                  a hash appears as "password" and the first digits of its own hash, enough to see that it changed
smtproutes, authsenders  the password of a login appears as a word, for a digit of a hash would help to guess it
"""

from __future__ import annotations

from hashlib import sha256

from mta.formats import smtproutes

_LOGINS = ("control/smtproutes", "control/authsenders")


def masked(path: str, data: bytes) -> bytes:
    """path: as the control plane names it, or the name of a file of a domain."""
    if path in _LOGINS:
        return smtproutes.masked(data)
    return b"\n".join(map(_account, data.split(b"\n"))) if path == "vpasswd" else data


def has_passwords(path: str, data: bytes) -> bool:
    return masked(path, data) != data


def _account(line: bytes) -> bytes:
    fields = line.split(b":")
    if len(fields) > 1 and fields[1]:
        fields[1] = b"(password %b)" % sha256(fields[1]).hexdigest()[:6].encode()
    if len(fields) > 7:
        fields[7:] = [b"(clear)"]
    return b":".join(fields)
