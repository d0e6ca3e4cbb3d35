"""Folders as people see them: names, order, and the word that stands for a folder in a URL.

Slug     INBOX, or the directory's name without its dot: letters, digits, "_", "-" and "." stand for themselves, any other octet (and a
         first dot) is "~" and two hex digits. It is compared with the slugs of the folders there are; nothing is ever made of it.
Special  Drafts, Sent, Archive, Junk and Trash are always shown and made when first needed.
"""

from __future__ import annotations

from dataclasses import dataclass

from mta.formats import folder_name

_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")
_INBOX_SLUG = "INBOX"
_SPECIAL = {
    folder_name.INBOX: ("Inbox", "inbox"),
    folder_name.DRAFTS: ("Drafts", "draft"),
    folder_name.SENT: ("Sent", "sent"),
    folder_name.ARCHIVE: ("Archive", "archive"),
    folder_name.JUNK: ("Junk", "junk"),
    folder_name.TRASH: ("Trash", "trash"),
}
OWN = frozenset((folder_name.DRAFTS, folder_name.SENT))  # folders of mail one has written


@dataclass(frozen=True, slots=True)
class Folder:
    directory: bytes
    slug: str
    name: str  # of its last level, or of all levels where one above it is missing
    path: str  # all levels
    icon: str
    depth: int
    is_there: bool  # else it is a special folder that was not needed yet

    @property
    def is_special(self) -> bool:
        return self.directory in _SPECIAL

    @property
    def is_own(self) -> bool:
        return self.directory in OWN

    @property
    def is_drafts(self) -> bool:
        return self.directory == folder_name.DRAFTS

    @property
    def is_trash(self) -> bool:
        return self.directory == folder_name.TRASH


def slug(directory: bytes) -> str:
    if not directory:
        return _INBOX_SLUG
    name = directory[1:]
    found = "".join(chr(b) if b in _PLAIN and (i or b != 46) else f"~{b:02X}" for i, b in enumerate(name))
    return f"~{name[0]:02X}{found[1:]}" if found == _INBOX_SLUG else found


def folders(directories: list[bytes]) -> list[Folder]:
    """Special ones first, then the others by name, sub-folders below their parent."""
    there = set(directories)
    special = [_special(d, d in there) for d in _SPECIAL]
    others = sorted(
        (d for d in directories if d not in _SPECIAL), key=lambda d: [level.decode().casefold() for level in folder_name.read(d)]
    )
    return special + [_other(d, there) for d in others]


def _special(directory: bytes, is_there: bool) -> Folder:
    name, icon = _SPECIAL[directory]
    return Folder(directory, slug(directory), name, name, icon, 0, is_there)


def _other(directory: bytes, there: set[bytes]) -> Folder:
    levels = [level.decode() or "(no name)" for level in folder_name.read(directory)]
    parts = directory.split(b".")
    has_parents = all(b".".join(parts[:n]) in there for n in range(2, len(parts)))
    path = " / ".join(levels)
    return Folder(
        directory, slug(directory), levels[-1] if has_parents else path, path, "folder", len(levels) - 1 if has_parents else 0, True
    )


def by_slug(found: list[Folder], wanted: str) -> Folder | None:
    return next((f for f in found if f.slug == wanted), None)
