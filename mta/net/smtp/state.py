"""What an SMTP session knows, and what a verb may ask its edge to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from mta.net.smtp.filters import NO_EXCEPTIONS, NO_FILTERS, Exceptions, Filters

STRANGER_RECIPIENTS_MAX = 100  # RFC 5321 4.5.3.1.8
CLIENT_RECIPIENTS_MAX = 1000  # of one message from our own users and relay clients


@dataclass(frozen=True, slots=True)
class Profile:
    """What one listener offers. The defaults are qmail-smtpd's own: no extension but PIPELINING and 8BITMIME."""

    has_size: bool = False
    has_starttls: bool = False
    has_auth: bool = False
    requires_auth: bool = False
    mechanisms: tuple[bytes, ...] = (b"LOGIN", b"PLAIN")
    auth_in_clear: bool = False  # also without TLS, and from other machines
    recipients_max: int = 0  # 0: no limit
    client_recipients_max: int = 0
    refuses_controls: bool = False  # characters in addresses, which the original takes, but for three
    errors_max: int = 0  # wrong commands before the connection is closed; 0: no limit


@dataclass(frozen=True, slots=True)
class Client:
    """The other side, as tcpserver's environment describes it."""

    ip: bytes = b"unknown"
    host: bytes = b"unknown"
    info: bytes | None = None
    local: bytes = b"unknown"
    is_loopback: bool = False
    relayclient: bytes | None = None
    databytes: int | None = None  # overrides the control file
    exceptions: Exceptions = NO_EXCEPTIONS
    stamp: bytes = b""  # what CRAM-MD5 asks to be signed: no other session has the same


@dataclass(frozen=True, slots=True)
class Controls:
    """The control files a session reads, of one generation."""

    greeting: bytes
    localiphost: bytes | None = None
    databytes: int = 0
    rcpthosts: frozenset[bytes] | None = None  # None: missing
    more: Callable[[bytes], bytes | None] | None = None  # look-up in morercpthosts.cdb
    badmailfrom: frozenset[bytes] = frozenset()
    virtualdomains: Mapping[bytes, bytes] = field(default_factory=dict)
    is_own_ip: Callable[[bytes], bool] | None = None
    filters: Filters = NO_FILTERS


@dataclass(frozen=True, slots=True)
class Transaction:
    sender: bytes
    is_bad_sender: bool = False
    recipients: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class AuthStep:
    """Inside an AUTH exchange. user: known already (LOGIN's second step)."""

    mechanism: bytes
    user: bytes | None = None


@dataclass(frozen=True, slots=True)
class Session:
    profile: Profile
    client: Client
    controls: Controls
    helo: bytes | None = None
    is_tls: bool = False
    user: bytes | None = None  # authenticated as
    transaction: Transaction | None = None
    auth: AuthStep | None = None
    errors: int = 0

    @property
    def databytes(self) -> int:
        return self.controls.databytes if self.client.databytes is None else self.client.databytes

    @property
    def relayclient(self) -> bytes | None:
        return b"" if self.user is not None else self.client.relayclient

    @property
    def protocol(self) -> bytes:
        """The word after "with" in Received (RFC 3848); plain sessions say SMTP even after EHLO, as qmail does."""
        letters = (b"S" if self.is_tls else b"") + (b"A" if self.user is not None else b"")
        return b"ESMTP" + letters if letters else b"SMTP"


class Effect:
    """Something only the edge can do. The session goes on when it is done."""

    __slots__ = ()


class Close(Effect):
    """Send what is waiting and close."""


class StartTls(Effect):
    """Send the reply, throw away every byte that came before the handshake, then begin TLS."""


class ReadData(Effect):
    """What follows is a message (data.Decoder)."""


@dataclass(frozen=True, slots=True)
class Verify(Effect):
    """Ask the login broker, or a checkpassword program; then call auth.verified."""

    user: bytes
    password: bytes  # with a challenge: the digest made of it and the password
    challenge: bytes = b""


@dataclass(frozen=True, slots=True)
class AskRecipient(Effect):
    """Ask whether this virtual recipient exists; then call verbs.recipient_asked."""

    address: bytes


@dataclass(frozen=True, slots=True)
class Later(Effect):
    """Send this reply after so many seconds."""

    reply: bytes
    seconds: int


Step = tuple[Session, bytes, Effect | None]
