"""The rows one piece of a log makes: gathered while it is read, then saved all together. Nothing here reads a log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mta.decisions import deliveries
from mta.decisions.deliveries import INTERRUPTED, Attempt, Born, Bounced, Ended, Record
from mta.formats import serverlog
from webadmin.logs import bulk, words
from webadmin.logs.bulk import HOUR_NS
from webadmin.models import Accepted, Delivery, HourCount, Login, Message, Notice, Refused
from webadmin.models.logs import ADDRESS_MAX, NAME_MAX

_DELIVERY = (
    "message_id", "number", "channel", "recipient", "domain", "started_at", "finished_at", "outcome", "delay_s", "xdelay_s", "report",
)  # fmt: skip
_ACCEPTED = ("service", "at", "ip", "qp", "sender", "size_bytes", "recipients", "helo", "protocol", "user")
_REFUSED = ("service", "at", "ip", "sender", "recipient", "command", "reply", "why")
_LOGIN = ("at", "outcome", "service", "name", "ip", "why")
_NOTICE = ("service", "at", "word", "text")
_MESSAGE = (
    "messnum", "born_at", "ended_at", "size_bytes", "sender", "sender_domain", "qp", "uid", "successes", "deferrals", "failures",
)  # fmt: skip
_KEY = ("messnum", "born_at")
_CHANGES = ("ended_at", "successes", "deferrals", "failures")  # of a message already in the rows
_LOGIN_COUNT = {b"ok": HourCount.What.LOGIN_OK, b"deny": HourCount.What.LOGIN_DENY}

READERS = frozenset(("pop3d", "imapd"))  # what these refuse is no mail

MessageKey = tuple[int, int]  # queue number, birth in microseconds


def _key(message: deliveries.Message) -> MessageKey:
    return message.messnum, message.birth_ns // 1000


@dataclass(slots=True)
class Rows:
    """service: whose log it is."""

    service: str
    _at: Callable[[int], Any] = field(default_factory=bulk.clock)
    _messages: dict[MessageKey, deliveries.Message] = field(default_factory=dict)
    _ended: dict[MessageKey, int] = field(default_factory=dict)
    _bounced: dict[MessageKey, tuple[int, int]] = field(default_factory=dict)
    _attempts: list[Attempt] = field(default_factory=list)
    _accepted: list[tuple[Any, ...]] = field(default_factory=list)
    _refused: list[tuple[Any, ...]] = field(default_factory=list)
    _logins: list[tuple[Any, ...]] = field(default_factory=list)
    _notices: list[tuple[Any, ...]] = field(default_factory=list)
    _counts: dict[bulk.CountKey, tuple[int, int]] = field(default_factory=dict)

    # -- gathering -----------------------------------------------------------------------------------------------------------------

    def mail(self, record: Record) -> None:
        message = record.message
        key = _key(message)
        self._messages[key] = message
        match record:
            case Attempt():
                self._attempts.append(record)
                if record.outcome != INTERRUPTED:
                    _, domain = words.recipient(record.channel, record.recipient)
                    self._count(record.finished_ns, record.outcome.decode(), domain, message.size_bytes or 0)
            case Born():
                self._count(message.birth_ns, HourCount.What.SENT, _sender(message)[1], message.size_bytes or 0)
            case Bounced():
                self._bounced[key] = record.at_ns, record.qp
                self._count(record.at_ns, HourCount.What.BOUNCED, _sender(message)[1], message.size_bytes or 0)
            case Ended():
                self._ended[key] = record.at_ns

    def server(self, now_ns: int, event: serverlog.Event) -> None:
        at = self._at(now_ns)
        match event:
            case serverlog.Queued():
                self._accepted.append((self.service, at, *_queued(event)))
                self._count(now_ns, HourCount.What.ACCEPTED, "", event.size_bytes)
            case serverlog.Refused():
                self._refused.append((self.service, at, *_refused(event)))
                if self.service not in READERS:
                    self._count(now_ns, HourCount.What.REFUSED, "", 0)
            case serverlog.Login():
                name = words.text(event.name, ADDRESS_MAX).lower()
                outcome, service = event.outcome.decode(), words.text(event.service, NAME_MAX)
                self._logins.append((at, outcome, service, name, words.text(event.ip, NAME_MAX), words.text(event.why)))
                if event.outcome in _LOGIN_COUNT:
                    self._count(now_ns, _LOGIN_COUNT[event.outcome], "", 0)
            case serverlog.Note(_, word, text) if word != b"status":
                self.notice(now_ns, word, text)

    def notice(self, now_ns: int, word: bytes, text: bytes) -> None:
        self._notices.append((self.service, self._at(now_ns), word.decode(), words.text(text)))

    def _count(self, at_ns: int, what: str, domain: str, size_bytes: int) -> None:
        hour = at_ns // HOUR_NS
        for key in ((hour, what, ""), (hour, what, domain)) if domain else ((hour, what, ""),):
            number, size = self._counts.get(key, (0, 0))
            self._counts[key] = number + 1, size + size_bytes

    # -- saving --------------------------------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Inside the transaction that also keeps how far the log was read."""
        if self._messages:
            ids = bulk.save(Message, _MESSAGE, (self._message(*pair) for pair in self._messages.items()), _KEY, _CHANGES)
            bulk.insert(Delivery, _DELIVERY, (self._delivery(ids, attempt) for attempt in self._attempts))
            self._save_bounces(ids)
        for model, names, rows in (
            (Accepted, _ACCEPTED, self._accepted),
            (Refused, _REFUSED, self._refused),
            (Login, _LOGIN, self._logins),
            (Notice, _NOTICE, self._notices),
        ):
            if rows:
                bulk.insert(model, names, rows)
        if self._counts:
            bulk.add_counts(self._counts)

    def _message(self, key: MessageKey, message: deliveries.Message) -> bulk.Row:
        sender, domain = _sender(message)
        ended_at = self._at(self._ended[key]) if key in self._ended else None
        return (
            *self._key_columns(message),
            ended_at,
            message.size_bytes,
            sender,
            domain,
            message.qp,
            message.uid,
            message.successes,
            message.deferrals,
            message.failures,
        )

    def _key_columns(self, message: deliveries.Message) -> bulk.Row:
        return message.messnum, self._at(message.birth_ns)

    def _delivery(self, ids: dict[bulk.Row, int], attempt: Attempt) -> bulk.Row:
        started_ns, finished_ns = attempt.started_ns, attempt.finished_ns
        return (
            ids[_texts(self._key_columns(attempt.message))],
            attempt.number,
            attempt.channel.decode(),
            *words.recipient(attempt.channel, attempt.recipient),
            self._at(started_ns),
            self._at(finished_ns),
            attempt.outcome.decode(),
            max(0, finished_ns - attempt.message.birth_ns) / 1e9,
            max(0, finished_ns - started_ns) / 1e9,
            words.text(attempt.report),
        )

    def _save_bounces(self, ids: dict[bulk.Row, int]) -> None:
        for key, (at_ns, qp) in self._bounced.items():
            id_ = ids[_texts(self._key_columns(self._messages[key]))]
            Message.objects.filter(pk=id_).update(bounced_at=bulk.when(at_ns), bounce_qp=qp)


def _texts(row: bulk.Row) -> bulk.Row:
    return tuple(map(str, row))


def _sender(message: deliveries.Message) -> tuple[str | None, str]:
    return (None, words.NO_DOMAIN) if message.sender is None else words.address(message.sender)


def _queued(event: serverlog.Queued) -> tuple[Any, ...]:
    sender, _ = words.address(event.sender)
    helo, user = words.text(event.helo, ADDRESS_MAX), words.text(event.user, ADDRESS_MAX)
    ip, protocol = words.text(event.ip, NAME_MAX), words.text(event.protocol, 16)
    return ip, event.qp, sender, event.size_bytes, event.recipients, helo, protocol, user


def _refused(event: serverlog.Refused) -> tuple[Any, ...]:
    sender, _ = words.address(event.sender)
    recipient, _ = words.address(serverlog.recipient(event))
    command = words.text(event.command, ADDRESS_MAX)
    return words.text(event.ip, NAME_MAX), sender, recipient, command, words.text(event.reply), words.text(event.why)
