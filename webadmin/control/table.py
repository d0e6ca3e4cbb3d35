"""The control files as people look them up: what each is for, what it says, or what holds without it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mta.formats import control
from mta.formats.control_files import BY_NAME, ControlFile, Kind
from webadmin.mirror import masks
from webadmin.models import ConfigFile

_HERE = frozenset((Kind.LINE, Kind.INTEGER, Kind.LIST, Kind.MAP, Kind.RULES))  # of kinds that are edited in the browser
_MEANINGS = {
    "assign": "Which user answers for which local address; compiled to users/cdb. Virtual domains have a line each.",
    "include": "Users qmail-pw2u takes, and no others.",
    "exclude": "Users qmail-pw2u leaves out.",
    "mailnames": "Other names of users, for qmail-pw2u.",
    "subusers": "Users of users, for qmail-pw2u.",
    "append": "Lines qmail-pw2u puts at the end of users/assign.",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One file: a row, a file we know of, or both."""

    folder: str
    name: str
    file: ControlFile | None
    row: ConfigFile | None
    default: str  # what holds without it

    @property
    def path(self) -> str:
        return f"{self.folder}/{self.name}"

    @property
    def meaning(self) -> str:
        if self.folder == "users":
            return _MEANINGS.get(self.name, "")
        return self.file.meaning if self.file else "A file of your own: none of our programs reads it."

    @property
    def is_edited_here(self) -> bool:
        return self.file is None or (self.file.kind in _HERE and not self.has_passwords)

    @property
    def has_passwords(self) -> bool:
        """They stay on the machine."""
        return self.row is not None and masks.has_passwords(self.path, self.row.value)

    @property
    def shown(self) -> bytes:
        """Its value for people's eyes."""
        return b"" if self.row is None else masks.masked(self.path, self.row.value)

    @property
    def summary(self) -> str:
        """Its value in one line."""
        if self.row is None:
            return self.default
        if self.file is not None and self.file.kind in (Kind.LINE, Kind.INTEGER):
            return _text(control.line(self.row.value)) or "(empty)"
        found = control.lines(self.shown)
        if self.path == "users/assign":
            found = [line for line in self.row.value.split(b"\n") if line[:1] in (b"=", b"+")]
        first = _text(found[0]) if found else ""
        return "(no entries)" if not found else first if len(found) == 1 else f"{first} and {len(found) - 1:,} more"

    @property
    def unit(self) -> str:
        return self.file.unit if self.file else ""


def entries(rows: Mapping[str, ConfigFile]) -> list[Entry]:
    """rows: by path. Those of the table, and what else is there, by name."""
    paths = {f"control/{name}" for name in BY_NAME} | set(rows) | {"users/assign"}
    me = _text(control.line(rows["control/me"].value)) if "control/me" in rows else ""
    return [entry(path, rows.get(path), me) for path in sorted(paths)]


def entry(path: str, row: ConfigFile | None, me: str) -> Entry:
    folder, _, name = path.partition("/")
    file = BY_NAME.get(name) if folder == "control" else None
    return Entry(folder, name, file, row, _default(file, me))


def _default(file: ControlFile | None, me: str) -> str:
    if file is None or file.kind not in _HERE:
        return ""
    if file.is_me and me:
        return me
    return file.default if file.kind is not Kind.LIST else ""


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")
