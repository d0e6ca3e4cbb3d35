"""Which messages have which files: of one message by looking, of all by listing the directories, for at the start of a large queue five
looks at each message take many seconds.

Order    mess/ is listed before todo/, for the writer makes mess/N before todo/N. So a message that comes while this goes on is in todo/,
         or not in mess/ either.
Source   qmail-send.c pqstart, which looks at each
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from mta.programs.qmail.qmail_send.core import Core, exists
from mta.unix.queuedir import SPLIT, numbers


@dataclass(frozen=True, slots=True)
class Files:
    """Numbers of messages."""

    mess: Container[int]
    todo: Container[int]
    channels: dict[bytes, Container[int]]


def of(core: Core, messnum: int) -> Files:
    """Of one message. Raises OSError."""

    def here(path: bytes) -> tuple[int, ...]:
        return (messnum,) if exists(core, path) else ()

    mess = here(core.paths.mess(messnum))
    todo = here(core.paths.todo(messnum))
    return Files(mess, todo, {c.name: here(core.paths.channel(c.name, messnum)) for c in core.channels})


def of_all(core: Core) -> Files | None:
    """None: some directory cannot be listed."""
    try:
        mess = _listed(core, [b"mess/%d" % i for i in range(SPLIT)])
        todo = _listed(core, [b"todo"])
        return Files(mess, todo, {c.name: _listed(core, [b"%b/%d" % (c.name, i) for i in range(SPLIT)]) for c in core.channels})
    except OSError:
        return None


def _listed(core: Core, folders: list[bytes]) -> frozenset[int]:
    return frozenset(n for folder in folders for n in numbers(core.disk.listdir(core.paths.folder(folder))))
