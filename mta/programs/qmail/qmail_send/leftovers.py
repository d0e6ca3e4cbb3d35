"""What a power cut left of a message that was finished: mess/N is gone, and something else of it is not.

A finished message is removed in this order: local/N and remote/N, bounce/N, info/N (or todo/N), mess/N. A file system that does not keep
the order of removals in different directories (ext4 and xfs do, btrfs need not) may bring back the earlier ones. There is nothing left to
deliver then, and the next message to get the number N would be taken for this one: so what is left goes, and the log tells whose it was.
Source   INTERNALS 2 to 5, where an operating system with synchronous removals is taken for granted
"""

from __future__ import annotations

from mta.formats import info, qmaillog, recipients
from mta.formats import todo as todo_format
from mta.programs.qmail.qmail_send.core import Core, exists, read_file, short
from mta.unix.queuedir import SPLIT, numbers

_SHOWN = 10  # recipients


def listed(core: Core) -> set[int] | None:
    """Numbers of all messages with files that only we write; None: they cannot be listed."""
    folders = [b"bounce", *(b"%b/%d" % (name, i) for name in (b"info", b"local", b"remote") for i in range(SPLIT))]
    found: set[int] = set()
    try:
        for folder in folders:
            found.update(numbers(core.disk.listdir(core.paths.folder(folder))))
    except OSError:
        return None
    return found


def unlink_all(core: Core, messnum: int) -> bool:
    """Remove info/N and what belongs to it. False: something could not be removed, which was told. Nobody else writes there: where we know
    that there is nothing, nothing is looked for."""
    known, paths = core.written, core.paths
    if known is not None and messnum not in known:
        return True
    for path in (paths.channel(b"local", messnum), paths.channel(b"remote", messnum), paths.bounce(messnum), paths.info(messnum)):
        try:
            core.disk.unlink(path)
        except FileNotFoundError:
            continue
        except OSError:
            core.say.warning(b"unable to unlink " + short(path))
            return False
    if known is not None:
        known.discard(messnum)
    return True


def of_todo(core: Core, messnum: int, envelope: bytes) -> None:
    """todo/N without mess/N. envelope: what it holds."""
    try:
        todo = todo_format.read(envelope)
        _tell(core, messnum, core.paths.todo(messnum), todo.sender or b"", list(todo.recipients))
    except ValueError:
        _tell(core, messnum, core.paths.todo(messnum), b"", [])
    if unlink_all(core, messnum):
        core.clean.request(b"todo", messnum, lambda _ok: None)


def of_info(core: Core, messnum: int) -> bool:
    """info/N found at start: if it is without mess/N it is removed, and that is all. Raises OSError: it cannot be known."""
    if exists(core, core.paths.mess(messnum)):
        return False
    try:
        sender = info.read(read_file(core, core.paths.info(messnum))[0])
    except ValueError:
        sender = b""
    waiting: list[bytes] = []
    for channel in core.channels:
        path = core.paths.channel(channel.name, messnum)
        try:
            waiting += [r.address for r in recipients.read(read_file(core, path)[0]) if not r.is_done]
        except (FileNotFoundError, ValueError):
            continue
    _tell(core, messnum, core.paths.info(messnum), sender, waiting)
    unlink_all(core, messnum)
    return True


def _tell(core: Core, messnum: int, path: bytes, sender: bytes, waiting: list[bytes]) -> None:
    shown = b" ".join(qmaillog.safe(address) for address in waiting[:_SHOWN]) + (b" ..." if len(waiting) > _SHOWN else b"")
    words = (short(core.paths.mess(messnum)), short(path), qmaillog.safe(sender), shown)
    core.say.warning(b"%b is gone: removing %b, a message from <%b> to %b" % words)
