"""Octets of a file in a form, and back as they were.

UTF-8 is shown as what it is; anything else as Latin-1, of which every octet is a character. A hidden field remembers which it was.
"""

from __future__ import annotations

from django import forms
from django.core.exceptions import ValidationError

CHARSETS = [("utf-8", "utf-8"), ("latin-1", "latin-1")]


class CharsetField(forms.ChoiceField):
    def __init__(self) -> None:
        super().__init__(choices=CHARSETS, widget=forms.HiddenInput)


def editable(data: bytes) -> tuple[str, str]:
    """-> (the text for a form, the character set in which it comes back octet by octet)."""
    try:
        return data.decode(), "utf-8"
    except UnicodeDecodeError:
        return data.decode("latin-1"), "latin-1"


def latin(text: str) -> str:
    """Octets that came through JSON as Latin-1 (our servers' answers) -> for the eye: UTF-8 where it is."""
    return text.encode("latin-1", "replace").decode("utf-8", "backslashreplace").replace("\0", "\\x00")


def typed(text: str, charset: str) -> bytes:
    """What a browser sends has CR LF at the end of its lines. Raises ValidationError."""
    try:
        return text.replace("\r\n", "\n").encode(charset)
    except UnicodeEncodeError as error:
        character = text.replace("\r\n", "\n")[error.start]
        raise ValidationError(
            f"“{character}” cannot be saved: this file is in Latin-1, as some of its octets are no UTF-8.", code="octets"
        ) from None
