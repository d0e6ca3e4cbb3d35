"""Passwords of mailboxes: hash one, make one up. (Those of operators are Django's.)"""

from __future__ import annotations

import secrets
import string

from django.core.exceptions import ValidationError

from mta.unix import crypt

RANDOM_LENGTH = 12  # vpopmail's for -r
_LETTERS = string.ascii_letters + string.digits


def hashed(password: str) -> str:
    """-> for the crypt field. Raises ValidationError, Temporary."""
    try:
        return crypt.make(password.encode(), secrets.token_bytes(crypt.SALT_BYTES)).decode()
    except ValueError:  # also from octets of a terminal that are no UTF-8
        sentence = f"A password has 1 to {crypt.PASSWORD_MAX} octets of UTF-8 and no NUL."
        raise ValidationError(sentence, code="password_too_long" if password else "password") from None


def stored(text: str) -> str:
    """A hash somebody brings along, as it goes into vpasswd. Raises ValidationError."""
    if not text.isascii() or not all(c.isprintable() and c != ":" for c in text) or len(text) > 128:
        raise ValidationError("This is not a crypt(3) hash: up to 128 printable characters without a colon.", code="crypt")
    return text


def random_password(length: int = RANDOM_LENGTH) -> str:
    """Letters and digits."""
    return "".join(secrets.choice(_LETTERS) for _ in range(max(1, length)))
