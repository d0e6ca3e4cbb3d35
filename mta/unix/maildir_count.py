"""How much a Maildir holds: the messages of new/ and cur/, and of every folder ".NAME" but .Trash.

Rules    files marked T do not count; the size of one is what its name says (S=), else what the file system says
Loaded by programs that run per message: builtins only.
Source   Courier maildirquota(7)
"""

from __future__ import annotations

import os
import stat

from mta.formats import maildirname

_TRASH = b".Trash"


def folders(maildir: bytes) -> list[bytes]:
    """Paths of all new/ and cur/ that count."""
    tops = [maildir]
    with os.scandir(maildir) as scan:
        tops += [item.path for item in scan if item.name[:1] == b"." and item.name != _TRASH and item.is_dir(follow_symlinks=False)]
    return [os.path.join(top, name) for top in sorted(tops) for name in (b"new", b"cur")]


def count(paths: list[bytes]) -> tuple[int, int]:
    """Of folders -> (octets, messages). A stat for each name without S=. Raises OSError."""
    octets = messages = 0
    for folder in paths:
        try:
            names = os.listdir(folder)
        except FileNotFoundError:  # not every directory with a dot is a folder
            continue
        for name in names:
            size = None if name.startswith(b".") or b"T" in maildirname.split(name)[1] else _size(folder, name)
            if size is not None:
                octets += size
                messages += 1
    return octets, messages


def _size(folder: bytes, name: bytes) -> int | None:
    """None: it is no message, or gone."""
    size = maildirname.size(name)
    if size is not None:
        return size
    try:
        st = os.lstat(os.path.join(folder, name))
    except FileNotFoundError:
        return None
    return st.st_size if stat.S_ISREG(st.st_mode) else None
