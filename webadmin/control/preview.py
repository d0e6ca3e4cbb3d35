"""What a change of control files would do, before it is done: the difference, what is compiled from it, whose mail goes another way. Pure.

Limits   a difference of 500 lines is shown, and none of files that differ in more than 20 000 lines; 200 routes; 100 keys; no passwords
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mta.formats import cdb, control, install_call, rcpthosts, tcprules, users_assign
from mta.formats.control_files import BY_NAME, Reread
from webadmin.mirror import masks, routes
from webadmin.mirror.routes import Route

DIFF_MAX, COMPARED_MAX, ROUTES_MAX, KEYS_MAX = 500, 20_000, 200, 100
_WHEN = {
    Reread.START: "qmail-send reads it when it starts: restart qmail-send afterwards.",
    Reread.HUP: "qmail-send reads it again at once.",
    Reread.RUN: "It counts for the next message or connection.",
    Reread.SERVER: "The server reads it when it starts: restart the server afterwards.",
}


@dataclass(frozen=True, slots=True)
class Compiled:
    """How a compiled file changes: keys, and of each whether it comes ("+"), goes ("-") or says something else ("~")."""

    path: str
    keys: list[tuple[str, str]]
    more: int  # keys that are not shown


@dataclass(frozen=True, slots=True)
class FileChange:
    """value: of the file afterwards, None: it goes."""

    path: str
    diff: str
    compiled: Compiled | None
    when: str


@dataclass(frozen=True, slots=True)
class Preview:
    files: list[FileChange]
    routes: list[Route]
    more_routes: int

    @property
    def is_empty(self) -> bool:
        return not self.files


def preview(before: Mapping[str, bytes | None], after: Mapping[str, bytes | None]) -> Preview:
    """before: all files by path; after: those that are to be set, None: removed."""
    changed = [path for path in sorted(after) if before.get(path) != after[path]]
    files = [_file(path, before.get(path), after[path]) for path in changed]
    found = [*_addresses(before, after), *routes.changes(before, after)]
    return Preview(files, found[:ROUTES_MAX], max(0, len(found) - ROUTES_MAX))


def _file(path: str, before: bytes | None, after: bytes | None) -> FileChange:
    file = BY_NAME.get(path.removeprefix("control/"))
    words = diff(*(masks.masked(path, data or b"") for data in (before, after)))
    if not words and before:
        words = "@@ only a password is another @@"
    return FileChange(path, words, _compiled(path, before, after), _WHEN[file.reread] if file else "")


# -- the difference ----------------------------------------------------------------------------------------------------------------


def diff(before: bytes, after: bytes) -> str:
    """Unified; what is the same at both ends is set aside first, so that one line in a hundred thousand is found at once."""
    old, new = _lines(before), _lines(after)
    start = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    start = max(0, start - 3)
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    end = max(0, end - 3)
    old, new = old[start : len(old) - end], new[start : len(new) - end]
    if max(len(old), len(new)) > COMPARED_MAX:
        return f"@@ {len(old)} lines become {len(new)} others @@"
    found = list(difflib.unified_diff(old, new, lineterm="", n=3))[2:]
    if start and found:
        found[0] = f"@@ from line {start + 1} @@"
    if len(found) > DIFF_MAX:
        found = [*found[:DIFF_MAX], f"@@ and {len(found) - DIFF_MAX} lines more @@"]
    return "\n".join(found)


def _lines(data: bytes) -> list[str]:
    rows = data.decode("utf-8", "backslashreplace").split("\n")
    if rows[-1] == "":
        rows.pop()
    return rows


# -- what is compiled --------------------------------------------------------------------------------------------------------------


def _compiled(path: str, before: bytes | None, after: bytes | None) -> Compiled | None:
    target = install_call.compiled_path(path.encode("utf-8", "replace"))
    if target is None:
        return None
    old, new = _records(path, before), _records(path, after)
    keys = [
        (_key(key), "+" if key not in old else "-" if key not in new else "~")
        for key in sorted({*old, *new})
        if old.get(key) != new.get(key)
    ]
    return Compiled(target.decode(), keys[:KEYS_MAX], max(0, len(keys) - KEYS_MAX))


def _records(path: str, data: bytes | None) -> dict[bytes, bytes]:
    """Keys of the compiled file; of one that cannot be compiled, none."""
    if data is None:
        return {}
    try:
        if path == "users/assign":
            return dict(cdb.records(users_assign.compile_(data)))
        if path.encode() in install_call.COMPILED_LISTS:
            return dict(cdb.records(rcpthosts.compile_more(data)))
        return dict(cdb.records(tcprules.compile_(data)))
    except ValueError:
        return {}


def _key(key: bytes) -> str:
    text = key.rstrip(b"\0").decode("utf-8", "backslashreplace")
    return text or "(the empty key)"


# -- whose mail ------------------------------------------------------------------------------------------------------------------


def _addresses(before: Mapping[str, bytes | None], after: Mapping[str, bytes | None]) -> Iterator[Route]:
    """Single addresses in virtualdomains; routes.changes() tells of domains."""
    path = "control/virtualdomains"
    if path not in after:
        return
    old, new = (control.map_(control.lines(files.get(path) or b"")) for files in (before, after))
    for key in sorted({k for k in {*old, *new} if b"@" in k and old.get(k) != new.get(k)}):
        yield Route(key.decode("utf-8", "replace"), _words(old.get(key)), _words(new.get(key)))


def _words(user: bytes | None) -> str:
    if user is None:
        return "as its domain"
    return f"handed to {user.decode('utf-8', 'replace')}" if user else "an exception: not virtual"
