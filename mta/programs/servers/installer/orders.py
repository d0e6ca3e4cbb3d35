"""What the checking child tells the installer to do: ask lists in a pipe, from a process that owns nothing, so their names are looked at
once more here.

refuse TEXT; read-control MODE NUMBER; read-domain MODE (NAME REL)...; install WHO WHY (PATH OLD PRESENT DATA)...; rollback WHO WHY NUMBER;
generations; removed; domain WHO NAME REL STEP...; restore WHO NAME REL
REL      a directory relative to domains/. PRESENT is b"+", or b"-" for a file to be without. NUMBER in decimal, 0: in force.
"""

from __future__ import annotations

from mta.unix.generations import FOLDERS

NAME_MAX = 64
DEPTH_MAX = 8
_NAME = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


def is_control_path(path: bytes) -> bool:
    """b"control/me", b"users/assign": one of the two folders and a plain name in it."""
    folder, slash, name = path.partition(b"/")
    return bool(slash) and folder in FOLDERS and 0 < len(name) <= NAME_MAX and _NAME.issuperset(name) and name[:1] not in b".-"


def is_relative(path: bytes) -> bool:
    """A path that only goes down: no empty part, none that begins with a dot, no NUL."""
    parts = path.split(b"/")
    return len(parts) <= DEPTH_MAX and b"\0" not in path and all(p and not p.startswith(b".") and len(p) <= 255 for p in parts)
