"""The lines of a message again, as the log files have them, for those who trust only these. Read on request; bounded.

Limits   LINES_MAX lines; 64 MB of each log; what multilog has removed is gone
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

from django.conf import settings
from django.utils import timezone

from mta.unix import multilog_reader
from webadmin.logs.analyse import MAIL
from webadmin.logs.bulk import when
from webadmin.logs.trace import Trace

LINES_MAX = 500
_BEFORE = timedelta(minutes=1)  # between "new msg" and "info msg"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_END = re.compile(r"delivery (\d{1,18}): ")


@dataclass(frozen=True, slots=True)
class Line:
    service: str
    at: datetime
    text: str


def lines(trace: Trace) -> list[Line]:
    """In order of time. Raises OSError when a log cannot be read."""
    found = [*_arrival(trace), *islice(_mail(trace), LINES_MAX)]
    return sorted(found, key=lambda line: line.at)


def _arrival(trace: Trace) -> Iterator[Line]:
    for accepted in (step.accepted for step in trace.steps if step.accepted is not None):
        pattern = re.compile(rb".* qp %d .*" % accepted.qp, re.DOTALL)
        moment = timedelta(seconds=1)
        yield from islice(_find(accepted.service, pattern, accepted.at - moment, accepted.at + moment), 1)


def _mail(trace: Trace) -> Iterator[Line]:
    """Numbers are used again: the end of a delivery is ours when its time is, too; before our "new msg" all is of an older message."""
    message, n = trace.message, trace.message.messnum
    ends = {(d.number, d.finished_at) for step in trace.steps if (d := step.delivery) is not None and d.message_id == message.pk}
    pattern = re.compile(
        rb"new msg %d|info msg %d: .*|end msg %d|bounce msg %d .*|triple bounce: discarding bounce/%d|starting delivery \d+: msg %d to .*|"
        rb"delivery (\d{1,18}): .*" % (n, n, n, n, n, n),
        re.DOTALL,
    )
    waiting: list[Line] = []
    for line in _find(MAIL, pattern, message.born_at - _BEFORE, message.ended_at or timezone.now()):
        end = _END.match(line.text)
        if line.at < message.born_at:
            waiting = [line] if line.text.startswith("new msg") else []
        elif end is None or (int(end[1]), line.at) in ends:
            yield from waiting
            waiting = []
            yield line


def _find(service: str, pattern: re.Pattern[bytes], since: datetime, until: datetime) -> Iterator[Line]:
    directory = os.path.join(os.fsencode(settings.QMAIL_HOME), b"service", service.encode(), b"log", b"main")
    for at_ns, text in multilog_reader.find(directory, pattern, _ns(since), _ns(until) + 999):
        yield Line(service, when(at_ns), text.decode("utf-8", "replace"))


def _ns(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1) * 1000
