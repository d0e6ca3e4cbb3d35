"""Questions and orders of the control plane, on run/qmail-send/orders (formats/ask), so that nobody touches the queue under qmail-send.

status                 counts
list OFFSET LIMIT      messages, those due next first
show NUMBER            one message: envelope, recipients, last reports
head NUMBER            its first 64 KiB
retry NUMBER | all     due now
bounce NUMBER          every recipient still to do has failed; the sender is told
delete NUMBER          gone without a word to anybody
Answers are b"K" and JSON (texts in Latin-1), or b"D"/b"Z" and a line. Orders that change something are logged with the uid that gave them.
Runs as  part of qmail-send; answers root, tawny and its own user only, as the kernel names them
"""

from __future__ import annotations

import json
import os
import selectors
import socket
from collections.abc import Callable, Iterable
from typing import Any

from mta.errors import MailError, Permanent, Temporary
from mta.formats import ask as ask_format
from mta.formats import info, qmaillog, recipients
from mta.programs.qmail.qmail_send import bounces, finish
from mta.programs.qmail.qmail_send.core import Core, exists, read_file
from mta.unix import ask

SOCKET = b"run/qmail-send/orders"
HEAD_SIZE = 1 << 16
RETURNED = b"Returned to its sender by the administrator of this host. (#5.0.0)\n"
LIST_MAX = 1000


class Orders:
    """waiting: how many messages of todo/ are not preprocessed yet."""

    def __init__(self, core: Core, sock: socket.socket, uids: Iterable[int], waiting: Callable[[], int]) -> None:
        self._core = core
        self._sock = sock
        self._uids = frozenset(uids)
        self._waiting = waiting
        self._selector: selectors.BaseSelector | None = None
        sock.setblocking(False)

    # -- sockets -------------------------------------------------------------------------------------------------------------------

    def register(self, selector: selectors.BaseSelector) -> None:
        self._selector = selector
        selector.register(self._sock, selectors.EVENT_READ, self._accept)

    def _accept(self) -> None:
        try:
            sock, _ = self._sock.accept()
        except OSError:
            return
        if ask.peer_uid(sock) not in self._uids:
            sock.close()
            return
        # An answer may be larger than the socket takes at once: then a slow asker costs at most this long.
        sock.settimeout(2)
        assert self._selector is not None
        buffer = bytearray()
        self._selector.register(sock, selectors.EVENT_READ, lambda: self._read(sock, buffer))

    def _read(self, sock: socket.socket, buffer: bytearray) -> None:
        try:
            data = sock.recv(1 << 16)
            buffer += data
            while buffer and (found := ask_format.read(bytes(buffer))) is not None:
                words, used = found
                del buffer[:used]
                sock.sendall(ask_format.write(self._answer(ask.peer_uid(sock), words)))
        except (OSError, ValueError):
            data = b""
        if not data:
            assert self._selector is not None
            self._selector.unregister(sock)
            sock.close()

    def _answer(self, uid: int, words: list[bytes]) -> list[bytes]:
        try:
            return [ask_format.YES, self.obey(uid, words)]
        except MailError as error:
            return [ask_format.NO if isinstance(error, Permanent) else ask_format.NOT_NOW, error.text.encode()]
        except OSError as error:
            return [ask_format.NOT_NOW, f"the queue cannot be read: {error.strerror}".encode()]

    # -- verbs ---------------------------------------------------------------------------------------------------------------------

    def obey(self, uid: int, words: list[bytes]) -> bytes:
        """One question or order. Raises Permanent, Temporary, OSError."""
        match words:
            case [b"status"]:
                return _json(self._status())
            case [b"list", offset, limit] if offset.isdigit() and limit.isdigit():
                return _json(self._list(int(offset), min(int(limit), LIST_MAX)))
            case [b"retry", b"all"]:
                return self._retry_all(uid)
            case [verb, number] if number.isdigit() and verb in self._of_one:
                return self._of_one[verb](self, uid, self._known(int(number)))
        raise Permanent("qmail-send does not know that order")

    def _known(self, messnum: int) -> int:
        core = self._core
        if messnum in core.direct or exists(core, core.paths.info(messnum)) or exists(core, core.paths.todo(messnum)):
            return messnum
        raise Permanent("there is no such message in the queue any more")

    def _status(self) -> dict[str, Any]:
        core = self._core
        return {
            "messages": len(self._numbers()),
            "waiting": self._waiting(),
            "is_exiting": core.is_exiting,
            **{
                c.name.decode(): {"running": len(c.running), "limit": c.limit, "scheduled": len(c.schedule), "is_alive": c.is_alive}
                for c in core.channels
            },
        }

    def _numbers(self) -> set[int]:
        core = self._core
        found = set(core.done.due) | set(core.direct)
        for channel in core.channels:
            found |= channel.schedule.due.keys() | channel.active.keys()
        return found

    def _next(self, messnum: int) -> int:
        """When it is due next; 0: now."""
        return min((c.schedule.due.get(messnum, 0) for c in self._core.channels if messnum in c.schedule.due), default=0)

    def _list(self, offset: int, limit: int) -> dict[str, Any]:
        numbers = sorted(self._numbers(), key=lambda n: (self._next(n), n))
        found = []
        for messnum in numbers[offset : offset + limit]:
            try:
                found.append(self._summary(messnum))
            except (OSError, ValueError):  # finished while we looked
                continue
        return {"total": len(numbers), "messages": found}

    def _summary(self, messnum: int) -> dict[str, Any]:
        core = self._core
        direct = core.direct.get(messnum)
        if direct is not None:
            sender, birth_s = direct.sender, direct.birth_s
        else:
            data, birth_s = read_file(core, core.paths.info(messnum))
            sender = info.read(data)
        found = self._recipients(messnum)
        return {
            "messnum": messnum,
            "birth": birth_s,
            "sender": _text(sender),
            "size": core.disk.stat(core.paths.mess(messnum)).st_size,
            "recipients": len(found),
            "left": sum(not r["is_done"] for r in found),
            "first": found[0]["address"] if found else "",
            "next": self._next(messnum),
            "is_active": core.is_active(messnum),
            "is_bouncing": exists(core, core.paths.bounce(messnum)),
            "expires": birth_s + core.controls.queuelifetime_s,
        }

    def _recipients(self, messnum: int) -> list[dict[str, Any]]:
        core = self._core
        last = core.last_reports.get(messnum, {})
        found = []
        for channel in core.channels:
            under_way = {d.recipient.address for d in channel.running.values() if d.job.messnum == messnum}
            direct = core.direct.get(messnum)
            if direct is not None and direct.channel is channel:
                found += [self._recipient(channel.name, a, False, True, last) for a in under_way]
                continue
            try:
                data, _ = read_file(core, core.paths.channel(channel.name, messnum))
            except FileNotFoundError:
                continue
            found += [self._recipient(channel.name, r.address, r.is_done, r.address in under_way, last) for r in recipients.read(data)]
        return found

    @staticmethod
    def _recipient(channel: bytes, address: bytes, is_done: bool, is_under_way: bool, last: dict[bytes, Any]) -> dict[str, Any]:
        report = last.get(address)
        return {
            "channel": channel.decode(),
            "address": _text(address),
            "is_done": is_done,
            "is_under_way": is_under_way,
            "report": _text(report.text) if report else "",
            "reported": report.when_s if report else 0,
        }

    def _show(self, _uid: int, messnum: int) -> bytes:
        core = self._core
        next_by = {c.name.decode(): c.schedule.due.get(messnum) for c in core.channels}
        return _json({**self._summary(messnum), "all_recipients": self._recipients(messnum), "next_by_channel": next_by})

    def _head(self, _uid: int, messnum: int) -> bytes:
        fd = self._core.disk.open(self._core.paths.mess(messnum), os.O_RDONLY)
        try:
            return self._core.disk.read(fd, HEAD_SIZE)
        finally:
            self._core.disk.close(fd)

    def _retry(self, uid: int, messnum: int) -> bytes:
        now_s = self._core.now_s
        for channel in self._core.channels:
            if messnum in channel.schedule.due:
                channel.schedule.add(messnum, now_s)
        self._log(uid, b"message %d is due now" % messnum)
        return b"{}"

    def _retry_all(self, uid: int) -> bytes:
        self._core.all_due(self._core.now_s)
        self._log(uid, b"every message is due now")
        return b"{}"

    def _bounce(self, uid: int, messnum: int) -> bytes:
        core = self._core
        self._must_rest(messnum)
        for r in self._recipients(messnum):
            if not r["is_done"] and not bounces.append(core, messnum, r["address"].encode("latin-1"), RETURNED):
                raise Temporary("the bounce could not be written: is the disk full?")
        self._log(uid, b"message %d is returned to its sender" % messnum)
        self._drop_channels(messnum)
        core.done.add(messnum, core.now_s)
        return b"{}"

    def _delete(self, uid: int, messnum: int) -> bytes:
        core = self._core
        self._must_rest(messnum)
        self._log(uid, b"message %d is deleted" % messnum)
        self._drop_channels(messnum)
        self._unlink(core.paths.bounce(messnum))
        core.done.discard(messnum)
        core.say(qmaillog.end_msg(messnum))
        finish.remove(core, messnum, core.now_s)
        return b"{}"

    def _must_rest(self, messnum: int) -> None:
        core = self._core
        if core.is_active(messnum):
            raise Temporary("a delivery of this message is under way: try again in a moment")
        if exists(core, core.paths.todo(messnum)):
            raise Temporary("this message is just coming in: try again in a moment")

    def _drop_channels(self, messnum: int) -> None:
        """# -local -remote, in memory and on disk."""
        for channel in self._core.channels:
            self._unlink(self._core.paths.channel(channel.name, messnum))
            channel.schedule.discard(messnum)

    def _unlink(self, path: bytes) -> None:
        try:
            self._core.disk.unlink(path)
        except FileNotFoundError:
            pass

    def _log(self, uid: int, text: bytes) -> None:
        self._core.say.warning(b"by order of uid %d: %b" % (uid, text))

    _of_one: dict[bytes, Callable[[Orders, int, int], bytes]] = {
        b"show": _show,
        b"head": _head,
        b"retry": _retry,
        b"bounce": _bounce,
        b"delete": _delete,
    }


def _text(data: bytes) -> str:
    return data.decode("latin-1")


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode("ascii")
