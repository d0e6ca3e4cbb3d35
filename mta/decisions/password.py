"""Does a secret prove that somebody knows a password of which we have the text? The password itself, an APOP digest or a CRAM-MD5 response.

Rules    a secret that looks like a digest of this challenge is one; digests may be written in capitals. Comparisons take constant time.
Limits   an empty password lets nobody in
Source   RFC 1939 7, RFC 2195, RFC 2104
"""

from __future__ import annotations

import hashlib
import hmac


def proves(secret: bytes, challenge: bytes, password: bytes) -> bool:
    """challenge: b"" when there was none."""
    if not password:
        return False
    if hmac.compare_digest(secret, password):
        return True
    return any(_answers(digest, text, password) for digest, text in ((secret, challenge), (challenge, secret)))


def _answers(digest: bytes, challenge: bytes, password: bytes) -> bool:
    if not challenge.startswith(b"<"):
        return False
    apop = hashlib.md5(challenge + password, usedforsecurity=False).hexdigest()
    cram = hmac.new(password, challenge, "md5").hexdigest()
    given = digest.lower()
    return hmac.compare_digest(given, apop.encode()) | hmac.compare_digest(given, cram.encode())
