"""Maildir++ folders: the name of a directory, and the names of the folders people see.

Directory  "." and the levels of the folder with "." between them: .Work.2024 is 2024 below Work. b"" stands for the Maildir itself, INBOX.
Levels     written in modified UTF-7, as Courier up to version 4, Dovecot and most others do; read as well in UTF-8 (Courier 5). A directory
           that is neither is shown byte by byte as Latin-1. In records a level is UTF-8.
UTF-7      printable ASCII stands for itself, "&" is written "&-"; all else is UTF-16BE in base64 with "," for "/", between "&" and "-".
Example    (b"Entw\\xc3\\xbcrfe", b"R&D") is b".Entw&APw-rfe.R&-D"
Limits     a directory's name has 255 octets; a level is not empty and holds no ".", "/" or control byte
Source     Courier maildir(7) and imapd, RFC 3501 5.1.3
"""

from __future__ import annotations

import binascii
import re

NAME_MAX = 255
INBOX = b""
DRAFTS, SENT, TRASH, JUNK, ARCHIVE = b".Drafts", b".Sent", b".Trash", b".Junk", b".Archive"
SPECIAL = (DRAFTS, SENT, TRASH, JUNK, ARCHIVE)
_SHIFTED = re.compile(rb"&([A-Za-z0-9+,]*)-")
_DIRECT = re.compile(r"[\x20-\x7e]+|[^\x20-\x7e]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def read(directory: bytes) -> tuple[bytes, ...]:
    """b".A.B" -> its levels; () for INBOX. Never raises."""
    return tuple(_level(level) for level in directory[1:].split(b".")) if directory else ()


def write(levels: tuple[bytes, ...]) -> bytes:
    """Raises ValueError: no folder may have this name."""
    directory = b"".join(b"." + encode(_checked(level)) for level in levels)
    if len(directory) > NAME_MAX:
        raise ValueError("name too long")
    return directory


def _checked(level: bytes) -> bytes:
    text = level.decode()  # UnicodeDecodeError is a ValueError
    if not text.strip() or text != text.strip():
        raise ValueError("empty name, or blanks around it")
    if "." in text or "/" in text or _CONTROL.search(text):
        raise ValueError("dot, slash or control character in a name")
    return level


def _level(raw: bytes) -> bytes:
    try:
        return decode(raw)
    except ValueError:
        pass
    try:
        raw.decode()
    except ValueError:
        return raw.decode("latin-1").encode()
    return raw


def encode(text: bytes) -> bytes:
    """UTF-8 -> modified UTF-7. Raises ValueError for what is not UTF-8."""
    out = []
    for run in _DIRECT.findall(text.decode()):
        if " " <= run[0] <= "~":
            out.append(run.encode().replace(b"&", b"&-"))
        else:
            base64 = binascii.b2a_base64(run.encode("utf-16-be"), newline=False).rstrip(b"=")
            out.append(b"&" + base64.replace(b"/", b",") + b"-")
    return b"".join(out)


def decode(raw: bytes) -> bytes:
    """Modified UTF-7 -> UTF-8. Raises ValueError for anything else."""
    if raw.translate(None, bytes(range(32, 127))):
        raise ValueError("not printable ASCII")
    out = []
    at = 0
    while (found := raw.find(b"&", at)) >= 0:
        out.append(raw[at:found])
        shifted = _SHIFTED.match(raw, found)
        if shifted is None:
            raise ValueError("a shift that does not end")
        out.append(_unshift(shifted[1]))
        at = shifted.end()
    return b"".join(out) + raw[at:]


def _unshift(base64: bytes) -> bytes:
    if not base64:
        return b"&"
    if len(base64) % 4 == 1:
        raise ValueError("base64 cut short")
    data = binascii.a2b_base64(base64.replace(b",", b"/") + b"=" * (-len(base64) % 4))
    text = data.decode("utf-16-be")  # UnicodeDecodeError is a ValueError: odd octets, half a surrogate pair
    if _CONTROL.search(text) or "/" in text:
        raise ValueError("a control character or slash in disguise")
    return text.encode()
