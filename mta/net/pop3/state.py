"""What a POP3 session knows, and what a verb may ask its edge to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Profile:
    """Whose words are spoken. The classic profile keeps what is odd about qmail-pop3d: STAT counts deleted messages, sizes are those of
    the files, TOP may lack its number, an empty line ends every message, there is no CAPA."""

    is_classic: bool
    line_max: int
    errors_max: int  # wrong commands before the connection is closed; 0: no limit


CLASSIC = Profile(is_classic=True, line_max=8192, errors_max=0)
RFC = Profile(is_classic=False, line_max=255, errors_max=20)  # RFC 2449 4: a command has at most 255 octets

FAILURES_MAX = 3  # wrong passwords on one connection


@dataclass(frozen=True, slots=True)
class Login:
    """The session until somebody has logged in."""

    profile: Profile
    banner: bytes  # classic: <pid.time@host>, an offer of APOP. Without APOP nothing may look so: clients would try it, and give up
    can_stls: bool = False
    is_tls: bool = False
    requires_tls: bool = False  # no password in clear
    name: bytes | None = None
    failures: int = 0
    errors: int = 0


@dataclass(frozen=True, slots=True)
class Session:
    """The session after login. sizes and uids are those of the messages as they were then, whose numbers are counted from 1."""

    profile: Profile
    sizes: Sequence[int]
    uids: Sequence[bytes]
    left_octets: int  # of the messages not deleted
    deleted: int = 0  # bit i stands for message i + 1
    last: int = 0
    errors: int = 0

    def is_deleted(self, index: int) -> bool:
        return bool(self.deleted >> index & 1)


class Effect:
    """Something only the edge can do."""

    __slots__ = ()


class Close(Effect):
    """Send what is waiting and close."""


class StartTls(Effect):
    """Send the reply, throw away every byte that came before the handshake, then begin TLS."""


@dataclass(frozen=True, slots=True)
class Check(Effect):
    """Is this who it says? secret: the password, or with APOP the digest."""

    name: bytes
    secret: bytes


@dataclass(frozen=True, slots=True)
class Send(Effect):
    """Reply OK and the message, or verbs.NOT_OPENED. body_lines: how much of the body; None: all of it."""

    index: int
    body_lines: int | None


class Commit(Effect):
    """Remove what is marked as deleted, move what was new to cur; then verbs.committed."""


LoginStep = tuple[Login, bytes, Effect | None]
Step = tuple[Session, bytes, Effect | None]
