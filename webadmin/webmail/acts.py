"""What a person does to mail: mark, move, delete, take back, send. Views call these and say what came of it.

Nothing is ever deleted at once but from Trash; a move is remembered in the session, so that the next page can offer to take it back.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable

from mta.formats import folder_name
from mta.unix import queue_call
from webadmin.webmail import build, door, drafts
from webadmin.webmail.door import Visit
from webadmin.webmail.index import Row
from webadmin.webmail.mailboxes import Folder

log = logging.getLogger(__name__)

MARKS = {"read": (b"S", b""), "unread": (b"", b"S"), "flag": (b"F", b""), "unflag": (b"", b"F")}
_UNDO = "undo"
_LOCK = b"tawny-webmail.lock"
_PIECE = 1 << 18


def rows(visit: Visit, folder: Folder, keys: Iterable[str]) -> list[Row]:
    """Those that are still there."""
    if not folder.is_there:
        return []
    found = (visit.index.find(folder.directory, key) for key in dict.fromkeys(keys))
    return [row for row in found if row is not None]


def mark(visit: Visit, folder: Folder, chosen: list[Row], word: str) -> int:
    """word: of MARKS. -> how many. Raises OSError."""
    add, remove = MARKS[word]
    disk = visit.mailbox.folder(folder.directory)
    done = 0
    for row in chosen:
        try:
            disk.set_flags(row.entry, add, remove)
        except FileNotFoundError:
            continue
        done += 1
    return done


def move(visit: Visit, folder: Folder, chosen: list[Row], target: bytes) -> int:
    """-> how many. The move can be taken back once. Raises OSError."""
    if target == folder.directory or not chosen:
        return 0
    disk = visit.mailbox.folder(folder.directory)
    there = visit.mailbox.make_folder(target) if target in folder_name.SPECIAL else visit.mailbox.folder(target)
    done = disk.move([row.entry for row in chosen], there)
    visit.forget_folders()
    visit.request.session[_UNDO] = {
        "from": os.fsdecode(folder.directory),
        "to": os.fsdecode(target),
        "keys": [row.key for row in chosen],
        "count": done,
        "name": next((f.name for f in visit.folders if f.directory == target), ""),
    }
    return done


def delete(visit: Visit, folder: Folder, chosen: list[Row]) -> int:
    """To Trash; from Trash for good. Raises OSError."""
    if folder.is_trash:
        return visit.mailbox.folder(folder.directory).remove([row.entry for row in chosen])
    return move(visit, folder, chosen, folder_name.TRASH)


def empty(visit: Visit, folder: Folder) -> int:
    """Everything in Trash, for good. Raises OSError."""
    disk = visit.mailbox.folder(folder.directory)
    return disk.remove(disk.entries())


def undoable(visit: Visit) -> dict[str, object] | None:
    """The move that can be taken back, offered once."""
    found = visit.request.session.get(_UNDO)
    if not isinstance(found, dict) or found.get("seen"):
        return None
    visit.request.session[_UNDO] = {**found, "seen": True}
    return found


def undo(visit: Visit) -> int:
    """Take the last move back. -> how many messages. Raises OSError."""
    found = visit.request.session.pop(_UNDO, None)
    if not isinstance(found, dict):
        return 0
    source, target = os.fsencode(found["to"]), os.fsencode(found["from"])
    there = {f.directory: f for f in visit.folders if f.is_there}
    if source not in there or target not in there:
        return 0
    chosen = rows(visit, there[source], found["keys"])
    return visit.mailbox.folder(source).move([row.entry for row in chosen], visit.mailbox.folder(target))


def send(visit: Visit, message: build.Outgoing, mark_: str, original: drafts.Original | None) -> list[str]:
    """Queue the message, keep a copy in Sent, note on the original that it was answered, forget the draft. -> what did not go well after
    the message was queued, in sentences. A message with this mark that was sent already is not sent again. Raises MailError: not queued;
    OSError."""
    with visit.mailbox.lock(_LOCK):
        sent = visit.special(folder_name.SENT)
        if sent.is_there and visit.index.find_marked(folder_name.SENT, mark_.encode()):
            return ["This message had been sent already; it was not sent again."]
        _queue(message)
        log.info("webmail: %s sent %s to %d recipients", visit.address, message.message_id, len(message.recipients))
        return _after(visit, message, mark_, original)


def _queue(message: build.Outgoing) -> None:
    call = queue_call.open_(door.home(), {**os.environb, b"QMAIL_HOME": door.home()})
    data = memoryview(build.write(message, is_copy=False))
    for at in range(0, len(data), _PIECE):
        call.write(bytes(data[at : at + _PIECE]))
    failure = call.commit(message.sender.address.encode(), [r.encode() for r in message.recipients])
    if failure is not None:
        raise failure


def _after(visit: Visit, message: build.Outgoing, mark_: str, original: drafts.Original | None) -> list[str]:
    """The message is on its way: whatever goes wrong now is told, and does not make anybody send it again."""
    trouble = []
    try:
        visit.mailbox.make_folder(folder_name.SENT).deliver([build.write(message, is_copy=True)], b"S", mark_.encode())
    except OSError as error:
        log.error("webmail: %s: no copy in Sent: %s", visit.address, error)
        trouble.append(f"It was sent, but no copy could be kept in Sent: {error.strerror}.")
    visit.forget_folders()
    try:
        _note_answer(visit, original)
        drafts.remove(visit, mark_)
    except OSError as error:
        log.error("webmail: %s: after sending: %s", visit.address, error)
        trouble.append(f"It was sent, but its draft or the original could not be marked: {error.strerror}.")
    return trouble


def _note_answer(visit: Visit, original: drafts.Original | None) -> None:
    """R on what was answered, P on what was passed on; a message that is gone is no trouble."""
    if original is None:
        return
    folder = next((f for f in visit.folders if f.slug == original.slug and f.is_there), None)
    row = visit.index.find(folder.directory, original.key) if folder is not None else None
    if folder is not None and row is not None:
        flag = b"R" if original.mode in ("reply", "all") else b"P"
        try:
            visit.mailbox.folder(folder.directory).set_flags(row.entry, flag + b"S")
        except FileNotFoundError:
            pass
