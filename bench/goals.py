"""What was to be reached, and what results/*.json say of it.

A goal is a figure of ours beside a peer's of the same run, or within a limit. Where there is no result, or the peer was missing when
it was measured, the table says so.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.measure import RESULTS

Result = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Goal:
    """file: of results/; ours and theirs: (who, what) and perhaps a unit of a series. factor: how many times better than theirs we are to
    be; limit: what we are not to go beyond. is_less: small figures are good ones."""

    asks: str
    file: str
    ours: tuple[str, ...]
    theirs: tuple[str, ...] = ()
    factor: float = 1.0
    limit: float = 0.0
    is_less: bool = False


def _beside(asks: str, file: str, what: str, factor: float, *, peer: str = "Postfix", unit: str = "", is_less: bool = False) -> Goal:
    units = (unit,) if unit else ()
    return Goal(asks, file, ("Tawny", what, *units), (peer, what, *units), factor=factor, is_less=is_less)


def _within(asks: str, file: str, what: str, limit: float) -> Goal:
    return Goal(asks, file, ("Tawny", what), limit=limit, is_less=True)


GOALS = (
    _beside("accepted, connection per message", "smtp_in", "accepted, connection per message", 2),
    _beside("accepted, connections kept", "smtp_in", "accepted, connections kept", 2),
    _within("acknowledged at half load, 99 of 100", "ack_latency", "acknowledged, 99 of 100 within", 50),
    _beside("delivered to a Maildir, connection per message", "local_delivery", "delivered, connection per message", 2),
    _beside("delivered to a Maildir, connections kept", "local_delivery", "delivered, connections kept", 3),
    _beside("CPU a message, connection per message", "smtp_in", "CPU, connection per message", 3, is_less=True),
    _beside("CPU a message, connections kept", "smtp_in", "CPU, connections kept", 3, is_less=True),
    _beside("one message to 10 000 local recipients", "many_recipients", "local", 2, unit="recipients/s"),
    _beside("one message to 10 000 remote recipients", "many_recipients", "remote", 2, unit="recipients/s"),
    _within("100 000 messages waiting: start to first delivery, cold", "deep_queue", "start to first delivery, cold", 5),
    _within("100 000 messages waiting: start to first delivery, warm", "deep_queue", "start to first delivery, warm", 5),
    _within("100 000 messages waiting: memory of qmail-send", "deep_queue", "memory of qmail-send afterwards (PSS)", 300),
    Goal(
        "100 000 messages waiting: fresh mail, beside an empty queue",
        "deep_queue",
        ("Tawny", "fresh mail delivered, 100000 waiting"),
        ("Tawny", "fresh mail delivered, empty queue"),
        factor=0.8,
    ),
    _beside("POP3, 10 000 messages: login and STAT, cold", "pop3", "login and STAT, cold", 1, peer="Dovecot", is_less=True),
    _beside("POP3, 10 000 messages: login and STAT, warm", "pop3", "login and STAT, warm", 1, peer="Dovecot", is_less=True),
    _beside("POP3: RETR, one at a time", "pop3", "RETR, one at a time", 1, peer="Dovecot"),
    _beside("POP3: RETR, 50 ahead", "pop3", "RETR, 50 ahead", 1, peer="Dovecot"),
    _within("users/assign of 100 000 entries compiled", "cdb", "users/assign compiled", 1000),
    _within("one mailbox of 1 000 x 100 changed, in effect", "cdb", "1 000 x 100: a password", 100),
    _within("one mailbox of 1 x 100 000 changed, in effect", "cdb", "1 x 100 000: a quota", 100),
    _within("idle: memory, PSS", "idle", "memory, PSS", 250),
    _within("idle: CPU", "idle", "CPU", 1),
    _within("`make run` to `ready:`, prepared", "idle", "make run to ready:", 5),
)


def table() -> str:
    rows = ["| goal | asked | measured | peer | |", "|---|---|---|---|---|"]
    results: dict[str, Result | None] = {goal.file: _load(RESULTS / f"{goal.file}.json") for goal in GOALS}
    rows += ["| " + " | ".join((goal.asks, *_row(goal, results[goal.file]))) + " |" for goal in GOALS]
    return "\n".join(rows) + "\n"


def _load(path: Path) -> Result | None:
    return json.loads(path.read_text()) if path.exists() else None


def _row(goal: Goal, result: Result | None) -> tuple[str, str, str, str]:
    ours = _series(result, goal.ours)
    asked = _asked(goal, ours)
    if ours is None:
        return asked, "not measured", "", ""
    if not goal.theirs:
        return asked, _figure(ours), "", _verdict(ours["median"] / goal.limit, is_less=True, asked=1)
    theirs = _series(result, goal.theirs)
    if theirs is None:
        return asked, _figure(ours), "was not there", ""
    ratio = ours["median"] / theirs["median"]
    return asked, _figure(ours), f"{theirs['who']} {_figure(theirs)}", _verdict(ratio, is_less=goal.is_less, asked=goal.factor)


def _series(result: Result | None, key: tuple[str, ...]) -> Result | None:
    for series in [] if result is None else result["series"]:
        if (series["who"], series["what"], series["unit"])[: len(key)] == key:
            return dict(series)
    return None


def _figure(series: Result) -> str:
    return f"{series['median']:.1f} {series['unit']}"


def _asked(goal: Goal, ours: Result | None) -> str:
    if not goal.theirs:
        return f"under {goal.limit:g} {'' if ours is None else ours['unit']}".rstrip()
    if goal.factor < 1:
        return f"{goal.factor:.0%}"
    if goal.is_less:
        return "less" if goal.factor == 1 else f"1/{goal.factor:g}"
    return "more" if goal.factor == 1 else f"{goal.factor:g} times"


def _verdict(ratio: float, *, is_less: bool, asked: float) -> str:
    """ratio: of ours to theirs, or to the limit."""
    is_reached = ratio * asked <= 1 if is_less else ratio >= asked
    return f"{ratio:.2f}: " + ("reached" if is_reached else "missed")
