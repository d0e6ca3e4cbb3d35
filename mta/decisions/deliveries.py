"""qmail-send's log, followed from line to line: what became of each message and of each delivery?

Events of formats/qmaillog with their times go in; out come records, in the order in which things were decided:
  Born      a message was taken from the queue; its birth is the time of its "info msg" line
  Attempt   a delivery ended. INTERRUPTED: qmail-send itself ended before it heard the answer; the delivery will be tried again
  Bounced   a bounce of it was queued, as another message (qp); qp 0: it was a bounce of a bounce, and was thrown away
  Ended     the message has left the queue
Queue numbers and delivery numbers are used again: a message is its number and its birth, a delivery its number since qmail-send began.
What is not known, because it stood in a log that is gone, is None.

State     dump() gives what must be remembered between two logs as a value for JSON; load() goes on from there
Memory    messages in the queue, and deliveries under way
Source    qmail-log(5), qmail-send.c; matchup(1) for births, mangled reports and restarts
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mta.formats.qmaillog import BounceMsg, Delivery, EndMsg, Event, Exiting, InfoMsg, Mangled, NewMsg, Starting, TripleBounce

SUCCESS, DEFERRAL, FAILURE, INTERRUPTED = b"success", b"deferral", b"failure", b"interrupted"
MANGLED = b"report mangled"


@dataclass(slots=True)
class Message:
    """In the queue. Counts are of the deliveries that have ended. is_renewed: "new msg" was said of its number again."""

    messnum: int
    birth_ns: int
    size_bytes: int | None = None
    sender: bytes | None = None
    qp: int | None = None
    uid: int | None = None
    successes: int = 0
    deferrals: int = 0
    failures: int = 0
    is_renewed: bool = False


@dataclass(frozen=True, slots=True)
class Born:
    message: Message


@dataclass(frozen=True, slots=True)
class Attempt:
    message: Message
    number: int
    channel: bytes
    recipient: bytes
    started_ns: int
    finished_ns: int
    outcome: bytes
    report: bytes


@dataclass(frozen=True, slots=True)
class Bounced:
    message: Message
    at_ns: int
    qp: int


@dataclass(frozen=True, slots=True)
class Ended:
    message: Message
    at_ns: int


@dataclass(frozen=True, slots=True)
class Running:
    """A delivery under way."""

    messnum: int
    channel: bytes
    recipient: bytes
    started_ns: int


Record = Born | Attempt | Bounced | Ended
_NOTHING: tuple[Record, ...] = ()


class Deliveries:
    """messages may be filled from outside with those that wanted() asks for: a caller that keeps them elsewhere need not dump them."""

    __slots__ = ("_last", "messages", "running")

    def __init__(self) -> None:
        self.messages: dict[int, Message] = {}
        self.running: dict[int, Running] = {}
        self._last = 0

    def wanted(self, events: Iterable[Event]) -> set[int]:
        """Numbers of messages that the events are about, or that have deliveries under way, and that are not known here."""
        found = {event.messnum for event in events if type(event) in _ABOUT_MESSAGES}  # type: ignore[union-attr]
        return {*found, *(running.messnum for running in self.running.values())}.difference(self.messages)

    def feed(self, now_ns: int, event: Event) -> Sequence[Record]:
        match event:
            case Delivery(number, outcome, report):
                return self._end_delivery(now_ns, number, outcome, report)
            case Starting():
                return self._start_delivery(now_ns, event)
            case InfoMsg():
                return self._born(now_ns, event)
            case EndMsg(messnum):
                message = self.messages.pop(messnum, None)
                return (Ended(message, now_ns),) if message is not None else _NOTHING
            case NewMsg(messnum):
                return self._renewed(now_ns, messnum)
            case Mangled(number):
                return self._end_delivery(now_ns, number, DEFERRAL, MANGLED)
            case BounceMsg(messnum, qp):
                return self._bounced(now_ns, messnum, qp)
            case TripleBounce(messnum):
                return self._bounced(now_ns, messnum, 0)
            case Exiting():
                return self._restart(now_ns)
        return _NOTHING

    def _born(self, now_ns: int, info: InfoMsg) -> Sequence[Record]:
        old = self.messages.get(info.messnum)
        if old is not None and (old.size_bytes, old.qp, old.uid) == (info.size_bytes, info.qp, info.uid):
            old.is_renewed = False  # the same one, taken up again after a crash before it was preprocessed
            return _NOTHING
        interrupted = self._interrupt(now_ns, info.messnum)
        old = self.messages.get(info.messnum)
        message = Message(info.messnum, now_ns, info.size_bytes, info.sender, info.qp, info.uid)
        self.messages[info.messnum] = message
        return (*interrupted, Ended(old, now_ns), Born(message)) if old is not None else (Born(message),)

    def _renewed(self, now_ns: int, messnum: int) -> Sequence[Record]:
        records = self._interrupt(now_ns, messnum)
        if messnum in self.messages:
            self.messages[messnum].is_renewed = True
        return records

    def _interrupt(self, now_ns: int, messnum: int) -> Sequence[Record]:
        """The number has a new message: what was under way for the old one will never be heard of."""
        numbers = [number for number, running in self.running.items() if running.messnum == messnum]
        return [record for number in numbers for record in self._end_delivery(now_ns, number, INTERRUPTED, b"")]

    def _known(self, now_ns: int, messnum: int) -> tuple[Message, Sequence[Record]]:
        """The message, made up where its birth was not seen, and the records of that."""
        old = self.messages.get(messnum)
        if old is not None and not old.is_renewed:
            return old, _NOTHING
        message = self.messages[messnum] = Message(messnum, now_ns)
        return message, (Ended(old, now_ns), Born(message)) if old is not None else (Born(message),)

    def _start_delivery(self, now_ns: int, event: Starting) -> Sequence[Record]:
        # Numbers only grow while qmail-send lives: another one has started, and nothing is left of what the old one had under way.
        ended = self._restart(now_ns) if event.delivery <= self._last else _NOTHING
        _, born = self._known(now_ns, event.messnum)
        self._last = event.delivery
        self.running[event.delivery] = Running(event.messnum, event.channel, event.recipient, now_ns)
        return (*ended, *born) if ended else born

    def _end_delivery(self, now_ns: int, number: int, outcome: bytes, report: bytes) -> Sequence[Record]:
        running = self.running.pop(number, None)
        if running is None:  # it began in a log that is gone
            return _NOTHING
        message, born = self._known(running.started_ns, running.messnum)
        if outcome == SUCCESS:
            message.successes += 1
        elif outcome == FAILURE:
            message.failures += 1
        elif outcome == DEFERRAL:
            message.deferrals += 1
        attempt = Attempt(message, number, running.channel, running.recipient, running.started_ns, now_ns, outcome, report)
        return (*born, attempt) if born else (attempt,)

    def _bounced(self, now_ns: int, messnum: int, qp: int) -> Sequence[Record]:
        message, born = self._known(now_ns, messnum)
        return (*born, Bounced(message, now_ns, qp))

    def _restart(self, now_ns: int) -> Sequence[Record]:
        records = [record for number in list(self.running) for record in self._end_delivery(now_ns, number, INTERRUPTED, b"")]
        self._last = 0
        return records

    # -- between two logs ----------------------------------------------------------------------------------------------------------

    def dump(self, *, with_messages: bool = True) -> dict[str, Any]:
        """Octets as the characters of Latin-1."""
        return {
            "last": self._last,
            "running": {str(number): _texts(asdict(running)) for number, running in self.running.items()},
            "messages": [_texts(asdict(message)) for message in self.messages.values()] if with_messages else [],
        }

    @classmethod
    def load(cls, value: dict[str, Any]) -> Deliveries:
        """{}: from the beginning. Raises KeyError, TypeError, ValueError for what dump() never gives."""
        self = cls()
        if value:
            self._last = int(value["last"])
            self.running = {int(number): Running(**_octets(running)) for number, running in value["running"].items()}
            self.messages = {int(message["messnum"]): Message(**_octets(message)) for message in value["messages"]}
        return self


_ABOUT_MESSAGES = frozenset((InfoMsg, NewMsg, Starting, EndMsg, BounceMsg, TripleBounce))


def _texts(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value.decode("latin-1") if isinstance(value, bytes) else value for name, value in fields.items()}


def _octets(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value.encode("latin-1") if isinstance(value, str) else value for name, value in fields.items()}
