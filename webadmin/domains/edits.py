"""Lines into and out of control files, and nothing else in them touched: comments, order and blanks stay. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable

from mta.formats import control, users_assign
from mta.formats.users_assign import Assignment

MORE_FROM = 50  # lines of rcpthosts from which on vpopmail puts new domains into morercpthosts
EMPTY_ASSIGN = b".\n"
_ROW = re.compile(rb"[^\n]*\n|[^\n]+")


def add_line(data: bytes | None, line: bytes) -> bytes:
    """At the end."""
    data = data or b""
    if data and not data.endswith(b"\n"):
        data += b"\n"
    return data + line + b"\n"


def remove_lines(data: bytes, is_meant: Callable[[bytes], bool]) -> bytes:
    """Without the lines that is_meant says (asked with blanks at their end cut, and never about comments)."""
    kept = []
    for row in _ROW.findall(data):
        line = row.rstrip(b" \t\n")
        if line.startswith(b"#") or not line or not is_meant(line):
            kept.append(row)
    return b"".join(kept)


def remove_name(data: bytes, name: bytes) -> bytes:
    """The line that is this domain (locals, rcpthosts, morercpthosts)."""
    return remove_lines(data, lambda line: control.lower(line) == name)


def remove_key(data: bytes, name: bytes) -> bytes:
    """The lines "name:..." (virtualdomains)."""
    return remove_lines(data, lambda line: b":" in line and control.lower(line.partition(b":")[0]) == name)


def has_name(data: bytes | None, name: bytes) -> bool:
    return name in control.set_(control.lines(data or b""))


def add_to_rcpthosts(rcpthosts: bytes | None, more: bytes | None, name: bytes) -> tuple[bytes | None, bytes | None]:
    """-> (rcpthosts, morercpthosts) with the domain in one of them."""
    if has_name(rcpthosts, name) or has_name(more, name):
        return rcpthosts, more
    if rcpthosts is not None and len(control.lines(rcpthosts)) >= MORE_FROM:
        return rcpthosts, add_line(more, name)
    return add_line(rcpthosts, name), more


def assign_local(name: bytes) -> bytes:
    """The wildcard of a virtual domain: mail for joe@NAME is for the local user NAME-joe."""
    return name + b"-"


def add_assignment(data: bytes | None, assignment: Assignment) -> bytes:
    """Before the closing dot. Raises ValueError where there is none."""
    data = EMPTY_ASSIGN if data is None else data
    at = _closing(data)
    return data[:at] + users_assign.write_line(assignment) + data[at:]


def remove_assignment(data: bytes, name: bytes) -> bytes:
    """The line "+NAME-:..." """
    at = _closing(data)
    prefix = b"+%b:" % assign_local(name)
    lines = data[:at].split(b"\n")[:-1]
    return b"".join(line + b"\n" for line in lines if not control.lower(line).startswith(prefix)) + data[at:]


def _closing(data: bytes) -> int:
    if data.startswith(b"."):
        return 0
    at = data.find(b"\n.")
    if at < 0:
        raise ValueError('users/assign does not end in a line "."')
    return at + 1
