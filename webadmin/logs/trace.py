"""Everything known of one message, in the order in which it happened: how it came in, each attempt, what it became, and what comes next.

Ties     a message and what other logs say of it meet by qp, the number the queue writer gave it. Numbers are used again, so of several rows
         with the same qp the one nearest in time is taken, within limits: APART for what belongs together in seconds, LONG where a stopped
         qmail-send may lie between
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from mta.decisions import retry
from mta.decisions.deliveries import Deliveries
from webadmin.logs import words
from webadmin.logs.analyse import MAIL
from webadmin.logs.bulk import when
from webadmin.models import Accepted, Delivery, LogPosition, Message

DELIVERIES_MAX = 1000
APART = timedelta(minutes=5)
LONG = timedelta(days=2)
_COPIES = re.compile(r"qp_(\d{1,18})")  # qmail-local's "did_0+1+0/qp_2203/": forwarded as another message


@dataclass(frozen=True, slots=True)
class Step:
    """kind: accepted, origin (it is a copy or a bounce of another message), born, success, deferral, failure, interrupted, running, copy,
    bounced, discarded, ended, next. text: a sentence, without its end. delivery, accepted, message (another one): the rows it is about."""

    at: datetime
    kind: str
    text: str
    delivery: Delivery | None = None
    accepted: Accepted | None = None
    message: Message | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """deliveries: how many there are; more than DELIVERIES_MAX are not all among the steps."""

    message: Message
    steps: tuple[Step, ...]
    deliveries: int


def trace(message: Message, now: datetime | None = None) -> Trace:
    """A few questions, each answered by an index."""
    now = now or timezone.now()
    found = message.deliveries.order_by("finished_at", "id")
    attempts = list(found[:DELIVERIES_MAX])
    steps = [*_arrival(message), *_attempts(attempts), *_bounce(message)]
    steps += _ending(message) if message.ended_at is not None else _present(message, attempts, now)
    order = {"accepted": 0, "origin": 1, "born": 2, "ended": 4, "next": 5}
    steps.sort(key=lambda step: (step.at, order.get(step.kind, 3)))
    return Trace(message, tuple(steps), len(attempts) if len(attempts) < DELIVERIES_MAX else found.count())


# -- how it came in ----------------------------------------------------------------------------------------------------------------


def _arrival(message: Message) -> Iterator[Step]:
    accepted = _accepted(message)
    if accepted is not None:
        who = f" as {accepted.user}" if accepted.user else ""
        how = f"{accepted.helo}, {accepted.protocol}{who}"
        number = f"{accepted.recipients} recipient{'' if accepted.recipients == 1 else 's'}"
        text = f"{accepted.service} took it from {accepted.ip} ({how}) for {number}"
        yield Step(accepted.at, "accepted", text, accepted=accepted)
    else:
        yield from _origin(message)
    if message.qp is None:
        yield Step(message.born_at, "born", "first seen here: the log of its arrival is gone")
    else:
        text = f"qmail-send took it from the queue: {message.size_bytes} octets from <{message.sender}>, qp {message.qp}, uid {message.uid}"
        yield Step(message.born_at, "born", text)


def _accepted(message: Message) -> Accepted | None:
    """The server logs when the queue has answered, which may be just after qmail-send has seen the message."""
    if message.qp is None:
        return None
    rows = Accepted.objects.filter(qp=message.qp, at__gte=message.born_at - LONG, at__lte=message.born_at + APART)
    return min(rows, key=lambda row: (row.sender != message.sender, abs(row.at - message.born_at)), default=None)


def _origin(message: Message) -> Iterator[Step]:
    """The message whose bounce, or whose forwarded copy, this one is."""
    if message.qp is None:
        return
    since, until = message.born_at - LONG, message.born_at + APART
    bounced = Message.objects.filter(bounce_qp=message.qp, bounced_at__gte=since, bounced_at__lte=until).order_by("-bounced_at").first()
    if bounced is not None and bounced.bounced_at is not None:
        yield Step(bounced.bounced_at, "origin", "it is the bounce of another message", message=bounced)
        return
    near = Delivery.objects.filter(finished_at__gte=message.born_at - APART, finished_at__lte=until).exclude(message=message)
    for delivery in near.filter(report__contains=f"qp_{message.qp}").select_related("message").order_by("finished_at"):
        if str(message.qp) in _COPIES.findall(delivery.report):
            text = f"it is a copy that the delivery to {delivery.recipient} sent on"
            yield Step(delivery.started_at, "origin", text, delivery=delivery, message=delivery.message)
            return


# -- what was tried ----------------------------------------------------------------------------------------------------------------

_SAID = {
    "success": "delivered to {0}",
    "deferral": "not delivered to {0} yet",
    "failure": "not delivered to {0}, for good",
    "interrupted": "the delivery to {0} was broken off when qmail-send ended; it is tried again",
}


def _attempts(attempts: list[Delivery]) -> Iterator[Step]:
    for attempt in attempts:
        text = _SAID[attempt.outcome].format(f"{attempt.recipient} ({attempt.channel})")
        report = attempt.report.replace("_", " ").replace("/", " ").strip()
        yield Step(attempt.finished_at, attempt.outcome, f"{text}: {report}" if report else text, delivery=attempt)
    yield from _copies(attempts)


def _copies(attempts: list[Delivery]) -> Iterator[Step]:
    """What became of forwarded mail: messages of their own."""
    qps = {int(qp): attempt for attempt in attempts if attempt.outcome == "success" for qp in _COPIES.findall(attempt.report)}
    if not qps:
        return
    since = min(attempt.started_at for attempt in qps.values()) - APART
    until = max(attempt.finished_at for attempt in qps.values()) + LONG
    for qp, copy in _nearest(Message.objects.filter(qp__in=qps, born_at__gte=since, born_at__lte=until), qps):
        yield Step(copy.born_at, "copy", f"sent on as message {copy.messnum}", delivery=qps[qp], message=copy)


def _nearest(rows: QuerySet[Message], qps: dict[int, Delivery]) -> Iterator[tuple[int, Message]]:
    by_qp: dict[int, list[Message]] = {}
    for row in rows:
        assert row.qp is not None
        by_qp.setdefault(row.qp, []).append(row)
    for qp, found in by_qp.items():
        yield qp, min(found, key=lambda row: abs(row.born_at - qps[qp].finished_at))


# -- how it ended, or goes on ------------------------------------------------------------------------------------------------------


def _bounce(message: Message) -> Iterator[Step]:
    if message.bounced_at is None:
        return
    if not message.bounce_qp:
        yield Step(message.bounced_at, "discarded", "a bounce of it would be the third in a row, and was thrown away")
        return
    at = message.bounced_at
    bounces = Message.objects.filter(qp=message.bounce_qp, born_at__gte=at - APART, born_at__lte=at + LONG).order_by("born_at")
    yield Step(at, "bounced", f"a bounce was sent to <{message.sender or 'postmaster'}>", message=bounces.first())


def _ending(message: Message) -> Iterator[Step]:
    assert message.ended_at is not None
    yield Step(message.ended_at, "ended", "it left the queue")


def _present(message: Message, attempts: list[Delivery], now: datetime) -> Iterator[Step]:
    """What is under way, and what waits for its time."""
    running = list(_running(message))
    yield from running
    busy = {step.text for step in running}
    for attempt in {(attempt.channel, attempt.recipient): attempt for attempt in attempts}.values():
        if attempt.outcome in ("deferral", "interrupted") and _under_way(attempt.recipient, attempt.channel) not in busy:
            yield Step(max(now, _next_try(message, attempt)), "next", f"to be tried again: {attempt.recipient} ({attempt.channel})")


def _under_way(recipient: str, channel: str) -> str:
    return f"the delivery to {recipient} ({channel}) is under way"


def _running(message: Message) -> Iterator[Step]:
    """As the analysis left it: at most a minute old."""
    later = Q(messnum=message.messnum, born_at__gt=message.born_at)
    position = LogPosition.objects.filter(service=MAIL).first()
    if position is None or Message.objects.filter(later).exists():
        return
    try:
        state = Deliveries.load(position.state)
    except (KeyError, TypeError, ValueError):  # of another version; the next analysis writes a new one
        return
    for running in state.running.values():
        if running.messnum == message.messnum:
            recipient, _ = words.recipient(running.channel, running.recipient)
            yield Step(when(running.started_ns), "running", _under_way(recipient, running.channel.decode()))


def _next_try(message: Message, attempt: Delivery) -> datetime:
    """qmail-send's own reckoning, from the birth and the last attempt."""
    born_s, tried_s = int(message.born_at.timestamp()), int(attempt.started_at.timestamp())
    return datetime.fromtimestamp(retry.next_retry(born_s, tried_s, attempt.channel.encode()), UTC)
