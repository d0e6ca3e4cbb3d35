"""What a client session knows, and what a step may ask its edge to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from mta.decisions.remote_tls import Tls
from mta.formats.smtproutes import Login


@dataclass(frozen=True, slots=True)
class Profile:
    """How we speak."""

    uses_ehlo: bool = True  # else HELO at once, and with it no extension at all
    uses_pipelining: bool = True  # where offered
    adds_newline: bool = True  # to a last line without one, else the message is refused


MODERN = Profile()
ORIGINAL = Profile(uses_ehlo=False, adds_newline=False)  # as notqmail 1.09: what the recorded dialogs were spoken with


@dataclass(frozen=True, slots=True)
class Envelope:
    sender: bytes
    recipients: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """What MAIL tells of a message."""

    size_bytes: int | None  # as sent, dots not counted; None: not known
    has_8bit: bool


class Stage(Enum):
    """The replies a session may wait for."""

    GREETING = "greeting"
    EHLO = "EHLO"
    HELO = "HELO"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH"
    RSET = "RSET"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    FINAL = "the message"
    NOBODY = "the message nobody was to get"


Command = tuple[Stage, bytes]


@dataclass(frozen=True, slots=True)
class Session:
    profile: Profile
    ip: bytes  # of the server, as reports name it
    name: bytes  # of the server
    helohost: bytes
    envelope: Envelope
    facts: Facts
    tls: Tls = Tls.NEVER
    is_tls: bool = False
    login: Login | None = None  # who we are to this server
    is_logged_in: bool = False
    mechanism: bytes = b""  # the AUTH under way
    asked: int = 0  # questions of the server within it
    is_reused: bool = False  # the connection has carried a message before, and may have died since
    offers: Mapping[bytes, bytes] = field(default_factory=dict)  # keyword of the EHLO reply, upper case -> its parameters
    expected: tuple[Stage, ...] = (Stage.GREETING,)  # replies to what has been sent, in order
    waiting: tuple[Command, ...] = ()  # commands to send one at a time
    answered: int = 0  # recipients
    accepted: int = 0
    is_critical: bool = False  # the end of the message has been sent, its answer has not come
    is_settled: bool = False  # the last report is out; what still comes is only listened to
    is_refused: bool = False  # the server said no to the message itself, by its answer to DATA or to the end of it


class Act(Enum):
    """Something only the edge can do."""

    START_TLS = "begin TLS, then steps.tls_started"
    SEND_MESSAGE = "send the message; steps.end_sent just before its last bytes"
    KEEP = "done, and the connection is fit for another message"
    CLOSE = "done: close"
    REPLACE = "nothing has happened yet: the connection was stale, use a new one"


@dataclass(frozen=True, slots=True)
class Step:
    """What follows from a reply. Without an act: wait for the next reply."""

    session: Session
    send: bytes = b""
    report: bytes = b""
    act: Act | None = None
