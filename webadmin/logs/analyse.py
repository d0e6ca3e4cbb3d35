"""New lines of every service's log -> rows.

Reads    $QMAIL_HOME/service/NAME/log/main, in order, from where the last run stopped (unix/multilog_reader); NAME qmail-send by
         decisions/deliveries, the others by formats/serverlog
Writes   models/logs. A piece of a log (at most 1 MB) is one transaction: its rows, and how far it was read. So a run that ends at any
         moment leaves the rows of whole pieces, and the next one goes on behind them; nothing is counted twice
Limits   damaged lines, lines cut off by a crash and files removed too early are counted and passed over
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from mta.decisions import deliveries
from mta.decisions.deliveries import Deliveries
from mta.errors import Temporary
from mta.formats import qmaillog, serverlog, tai64n
from mta.formats.qmaillog import Event, Note
from mta.unix import multilog_reader
from mta.unix.multilog_reader import Piece, Position
from webadmin.logs.bulk import when
from webadmin.logs.rows import Rows
from webadmin.models import LogPosition, Message
from webadmin.runs import Run

MAIL = "qmail-send"
FREE = frozenset(("webadmin", "webmail", "celery-worker", "celery-beat"))  # their libraries log in many ways
_LABEL = tai64n.LABEL_LEN
_END_NS = 7_258_118_400 * 10**9  # 2200: a time beyond it stands in a damaged line
_ASK = 500  # messages looked up in one question
_CACHE = "PRAGMA cache_size = -65536"  # in KiB: the indexes of addresses are written all over

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Totals:
    """Of one run."""

    lines: int = 0
    odd_lines: int = 0
    services: int = 0
    troubles: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        text = f"{_counted(self.lines, 'line')} of {_counted(self.services, 'log')}"
        if self.odd_lines:
            text += f", {self.odd_lines} of them damaged or unknown"
        return "; ".join((text, *self.troubles))


def _counted(number: int, what: str) -> str:
    return f"1 {what}" if number == 1 else f"{number:,} {what}s"


def directories() -> list[tuple[str, bytes]]:
    """Name of the service, its log."""
    top = os.path.join(os.fsencode(settings.QMAIL_HOME), b"service")
    try:
        names = sorted(os.listdir(top))
    except FileNotFoundError:
        return []
    found = [(name.decode("utf-8", "replace"), os.path.join(top, name, b"log", b"main")) for name in names if name[:1] != b"."]
    return [(name, path) for name, path in found if os.path.isdir(path)]


def analyse(run: Run | None = None) -> Totals:
    """Raises Temporary when a log cannot be read, after the others were."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(_CACHE)
    totals, logs = Totals(), [(path, _load(name)) for name, path in directories()]
    todo = _Progress(run, sum(_waiting(path, row) for path, row in logs))
    for path, row in logs:
        totals.services += 1
        try:
            _follow(path, row, totals, todo)
        except OSError as error:
            totals.troubles.append(f"{row.service}: {error.strerror}")
    if run is not None:
        run.summary = str(totals)
    if totals.troubles:
        raise Temporary(str(totals))
    return totals


def _load(service: str) -> LogPosition:
    return LogPosition.objects.get_or_create(service=service)[0]


def _waiting(path: bytes, row: LogPosition) -> int:
    try:
        return multilog_reader.waiting(path, Position.load(row.position))
    except OSError:  # reading it will say why
        return 0


@dataclass(slots=True)
class _Progress:
    """In octets."""

    run: Run | None
    total: int
    done: int = 0

    def add(self, size_bytes: int) -> None:
        self.done += size_bytes
        if self.run is not None:
            self.run.progress(min(self.done, self.total), self.total)


def _follow(path: bytes, row: LogPosition, totals: Totals, todo: _Progress) -> None:
    reader = _Mail(row) if row.service == MAIL else _Server()
    for piece in multilog_reader.pieces(path, Position.load(row.position)):
        lines, odd = timed(piece.data)
        rows = Rows(row.service)
        unknown = reader.read(lines, rows)
        odd += 0 if row.service in FREE else unknown
        _commit(row, piece, reader, rows, lines, odd)
        totals.lines += len(lines)
        totals.odd_lines += odd
        todo.add(len(piece.data))


def timed(data: bytes) -> tuple[list[tuple[int, bytes]], int]:
    """Whole lines -> their times in nanoseconds and what stands behind these; how many lines have no time."""
    found: list[tuple[int, bytes]] = []
    odd = 0
    for line in data.replace(b"\0", b"?").split(b"\n")[:-1]:
        try:
            at_ns = tai64n.read(line[:_LABEL])
        except ValueError:
            at_ns = -1
        if 0 <= at_ns < _END_NS and line[_LABEL : _LABEL + 1] == b" ":
            found.append((at_ns, line[_LABEL + 1 :]))
        else:
            odd += 1
    return found, odd


class _Server:
    """Lines that stand for themselves."""

    def read(self, lines: list[tuple[int, bytes]], rows: Rows) -> int:
        """-> how many lines were of no known kind."""
        unknown = 0
        for at_ns, line in lines:
            event = serverlog.read(line)
            if event is None:
                unknown += 1
            else:
                rows.server(at_ns, event)
        return unknown

    def state(self) -> dict[str, object]:
        return {}


class _Mail:
    """qmail-send's. Messages in the queue are remembered by their rows, deliveries under way by the state."""

    def __init__(self, row: LogPosition) -> None:
        try:
            self._deliveries = Deliveries.load(row.state)
        except (KeyError, TypeError, ValueError):  # of another version of ours
            _log.warning("the state of %s is not one of ours: deliveries under way are forgotten", row.service)
            self._deliveries = Deliveries()

    def read(self, lines: list[tuple[int, bytes]], rows: Rows) -> int:
        events, odd = [], 0
        for at_ns, line in lines:
            event = qmaillog.read(line)
            if event is not None:
                events.append((at_ns, event))
            elif isinstance(note := serverlog.read(line), serverlog.Note):  # of qmail-start and those it starts
                rows.server(at_ns, note)
            else:
                odd += 1
        self._recall(event for _, event in events)
        for at_ns, event in events:
            if isinstance(event, Note):
                rows.notice(at_ns, event.word, event.text)
            for record in self._deliveries.feed(at_ns, event):
                rows.mail(record)
        return odd

    def _recall(self, events: Iterable[Event]) -> None:
        wanted = sorted(self._deliveries.wanted(events))
        for i in range(0, len(wanted), _ASK):
            for row in Message.objects.filter(messnum__in=wanted[i : i + _ASK], ended_at=None).order_by("born_at"):
                self._deliveries.messages[row.messnum] = _message(row)

    def state(self) -> dict[str, object]:
        return self._deliveries.dump(with_messages=False)


def _message(row: Message) -> deliveries.Message:
    birth_ns = (row.born_at - when(0)) // _MICROSECOND * 1000
    sender = None if row.sender is None else row.sender.encode()
    known = (row.messnum, birth_ns, row.size_bytes, sender, row.qp, row.uid)
    return deliveries.Message(*known, row.successes, row.deferrals, row.failures)


_MICROSECOND = when(1000) - when(0)


def _commit(row: LogPosition, piece: Piece, reader: _Mail | _Server, rows: Rows, lines: list[tuple[int, bytes]], odd: int) -> None:
    with transaction.atomic():
        if not LogPosition.objects.filter(pk=row.pk, commits=row.commits).update(commits=row.commits + 1):
            raise Temporary(f"somebody else reads the log of {row.service}, too")
        rows.save()
        row.commits += 1
        row.position, row.state = piece.position.dump(), reader.state()
        row.lines += len(lines)
        row.odd_lines += odd
        row.read_at = timezone.now()
        row.newest_at = when(lines[-1][0]) if lines else row.newest_at
        row.save()
