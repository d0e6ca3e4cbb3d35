"""Columns for what files hold: octets as they are. A text column of PostgreSQL takes no NUL, and no octets that are not UTF-8."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models

if TYPE_CHECKING:
    _Octets = models.BinaryField[bytes, bytes]
    _OctetsOrNone = models.BinaryField[bytes | None, bytes | None]
else:
    _Octets = _OctetsOrNone = models.BinaryField


def _as_bytes(self: models.BinaryField, value: bytes | memoryview | None, expression: object, connection: object) -> bytes | None:  # type: ignore[type-arg]
    """PostgreSQL's driver hands out memoryviews."""
    return None if value is None else bytes(value)


class OctetsField(_Octets):
    from_db_value = _as_bytes


class OctetsOrNoneField(_OctetsOrNone):
    """None: there is no such file."""

    from_db_value = _as_bytes
