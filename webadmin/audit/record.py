"""Write one row of the audit log. Every act does, once, in its own transaction: no change without its row, no row without its change.

Never recorded: passwords and their hashes. Contents are shown as text; octets that are none as \\\\xNN, a NUL as \\\\x00.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256

from django.db.models import QuerySet

from webadmin.access import Actor
from webadmin.models import AuditRow

CONTENTS_MAX = 64 << 10  # octets of a file shown in full
Facts = Mapping[str, object]


def record(who: Actor, act: str, kind: str, name: str, before: Facts | None = None, after: Facts | None = None) -> AuditRow:
    """before and after: what JSON can hold; None where there was, or is, nothing."""
    words = " ".join((who.name, who.origin, act, kind, name, _text(before), _text(after))).lower()
    return AuditRow.objects.create(
        who=who.name[:150], origin=who.origin[:64], act=act, kind=kind, name=name[:320], before=before, after=after, words=words
    )


def _text(facts: Facts | None) -> str:
    return "" if facts is None else json.dumps(facts, ensure_ascii=False)


def shown(contents: bytes | None) -> str | None:
    """Contents of a file for the log; a large one by its size and SHA-256."""
    if contents is None:
        return None
    if len(contents) > CONTENTS_MAX:
        return f"{len(contents)} octets, SHA-256 {sha256(contents).hexdigest()}"
    return contents.decode("utf-8", "backslashreplace").replace("\0", "\\x00")


def search(rows: QuerySet[AuditRow], text: str) -> QuerySet[AuditRow]:
    """Rows that hold every word of text, in any of their columns."""
    for word in text.lower().split():
        rows = rows.filter(words__contains=word)
    return rows
