"""What a front asks the login broker on run/login-broker, and what it hears back.

Request  version NUL service NUL name NUL password NUL client's address NUL unread: one record (SOCK_SEQPACKET), with it perhaps one
         descriptor: the client's connection, for the broker to start the session on. unread is what the client had already said behind
         the password; it is the last field and may hold anything.
Example  b"1\\0pop3\\0joe@example.org\\0secret\\x00192.0.2.7\\0STAT\\r\\n"
Answer   "K" NUL name NUL directory NUL quota NUL flags NUL uid NUL gid: the password is right; name is the mailbox's full name, flags are
         those of vpasswd. With a descriptor it says that the session has begun: the front closes its copy.
         "D" NUL text: no, for whatever reason.   "Z" NUL text: not now.
Rules    who may ask is what the kernel says of the peer (SO_PEERCRED). One request a connection, one answer.
Limits   1024 octets a record; name 255, password 256, unread 400
Source   DESIGN 4
"""

from __future__ import annotations

from dataclasses import dataclass

from mta.errors import MailError, Permanent, Temporary

SOCKET = b"run/login-broker"
VERSION = b"1"
POP3, SMTP, IMAP, WEBMAIL = b"pop3", b"smtp", b"imap", b"webmail"
SERVICES = frozenset((POP3, SMTP, IMAP, WEBMAIL))
RECORD_MAX = 1024
NAME_MAX, PASSWORD_MAX, IP_MAX, UNREAD_MAX = 255, 256, 45, 400

FAILED = "authorization failed"  # the same words for an unknown name, a wrong password and a service that is switched off


@dataclass(frozen=True, slots=True)
class Request:
    service: bytes
    name: bytes  # as the client gave it
    password: bytes
    ip: bytes  # the client's; b"" for none
    unread: bytes = b""


@dataclass(frozen=True, slots=True)
class Login:
    """Who it is, once the password was right."""

    name: bytes  # user@domain, the domain being the real one of an alias domain
    dir: bytes  # the mailbox's; its Maildir/ is below
    quota: bytes
    flags: int
    uid: int
    gid: int


def write_request(r: Request) -> bytes:
    """Raises ValueError: a field is too long or holds a NUL. Nobody has such a name or password."""
    fields = (r.service, r.name, r.password, r.ip)
    limits = (8, NAME_MAX, PASSWORD_MAX, IP_MAX)
    if any(b"\0" in f for f in fields) or any(len(f) > n for f, n in zip(fields, limits, strict=True)):
        raise ValueError("login with a field that is too long or holds a NUL")
    if r.service not in SERVICES or not r.name or not r.password or len(r.unread) > UNREAD_MAX:
        raise ValueError("login without a service, name or password")
    return b"\0".join((VERSION, *fields, r.unread))


def read_request(data: bytes) -> Request:
    """Raises ValueError."""
    fields = data.split(b"\0", 5)
    if len(data) > RECORD_MAX or len(fields) != 6 or fields[0] != VERSION:
        raise ValueError("not a login request")
    request = Request(*fields[1:])
    write_request(request)  # the same limits on both sides
    return request


def write_login(login: Login) -> bytes:
    """Raises ValueError."""
    texts = (login.name, login.dir, login.quota)
    record = b"\0".join((b"K", *texts, b"%d" % login.flags, b"%d" % login.uid, b"%d" % login.gid))
    if any(b"\0" in t for t in texts) or len(record) > RECORD_MAX:
        raise ValueError("login that does not fit into its record")
    return record


def write_failure(error: MailError) -> bytes:
    """Control bytes are shown as "?"; what is too long is cut."""
    text = error.text.encode("utf-8", "replace")
    return error.letter + b"\0" + bytes(b if b >= 32 else 63 for b in text[: RECORD_MAX - 2])


def read_answer(data: bytes) -> Login:
    """Raises Permanent and Temporary, which are answers, too; ValueError on what is none."""
    letter, _, rest = data.partition(b"\0")
    if letter == Permanent.letter:
        raise Permanent(rest.decode("utf-8", "replace"))
    if letter == Temporary.letter:
        raise Temporary(rest.decode("utf-8", "replace"))
    fields = rest.split(b"\0")
    if letter != b"K" or len(fields) != 6 or len(data) > RECORD_MAX or not all(f.isdigit() for f in fields[3:]):
        raise ValueError("not an answer of the login broker's")
    return Login(fields[0], fields[1], fields[2], int(fields[3]), int(fields[4]), int(fields[5]))
