"""Logging in to a relay: what is said for each mechanism.

Mechanisms  CRAM-MD5, PLAIN, LOGIN, in the order in which we like them
Source      RFC 4954, RFC 4616 (PLAIN), RFC 2195 (CRAM-MD5); LOGIN as everybody has it
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from binascii import Error

from mta.formats.smtproutes import Login

CRAM, PLAIN, LOGIN = b"CRAM-MD5", b"PLAIN", b"LOGIN"
MECHANISMS = (CRAM, PLAIN, LOGIN)


def choose(offered: bytes) -> bytes | None:
    """offered: the words behind AUTH in the EHLO reply. None: nothing we know."""
    words = offered.upper().split()
    return next((mechanism for mechanism in MECHANISMS if mechanism in words), None)


def begin(mechanism: bytes, login: Login) -> bytes:
    """The command."""
    if mechanism == PLAIN:
        return b"AUTH PLAIN %b\r\n" % b64encode(b"\0%b\0%b" % (login.user, login.password))
    return b"AUTH %b\r\n" % mechanism


def answer(mechanism: bytes, login: Login, asked: int, challenge: bytes) -> bytes | None:
    """To the asked-th 334 of a server, counted from 0; challenge: its text. None: that is no question we know."""
    if mechanism == LOGIN and asked < 2:
        return b"%b\r\n" % b64encode((login.user, login.password)[asked])
    if mechanism == CRAM and asked == 0:
        try:
            digest = hmac.new(login.password, b64decode(challenge, validate=True), hashlib.md5).hexdigest()
        except Error:
            return None
        return b"%b\r\n" % b64encode(b"%b %b" % (login.user, digest.encode()))
    return None
