"""new-inject: complete the header of a message, rewrite its hosts, and queue it.

Usage    new-inject [-nNaAhHFIMRS] [-fSENDER] [RECIPIENT ...]
         -a recipients are the operands only; -h those of the header only (Envelope-Recipients, else To, Cc, Bcc, Apparently-To); -H both;
         -A (default) operands if there are any, else header
         -n print the message, with sender and recipients before it, in place of queueing it; -N queue it (default)
         -f envelope sender; else Envelope-Sender, Return-Path, or what the environment says. Without the first three:
         -M a sender of its own for each message, -R and each recipient. -F -I -S without the From, Message-ID, Return-Path of the message
Reads    fd 0 the message (formats/mess822_header); control/rewrite, else defaulthost, defaultdomain, plusdomain; idhost; me; the files
         named by QMAILREWRITEFILE and QMAILMFTFILE; QMAILINJECT (letters as the options F I M R S) and the other variables of qmail-inject
Writes   the message to the queue (decisions/outgoing_header), or with -n to fd 1; complaints to fd 2
Exits    0 queued; 100 usage, or the queue will never take the message; 111 try again
Limits   the header is held in memory, the body never: it passes in pieces of 64 KiB
Runs as  the user who sends
Source   new-inject(1)
"""

from __future__ import annotations

import os

from mta.decisions.outgoing_header import Header
from mta.errors import MailError, Permanent, Temporary
from mta.formats import control, mess822, rewriting
from mta.formats.error_str import error_str
from mta.formats.mess822_header import Splitter
from mta.formats.sgetopt import BadOption, Options
from mta.unix import clock, queue_call, rewriting_controls
from mta.unix.controls import Unreadable
from mta.unix.fds import Fds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mta.unix.rewriting_controls import Rewriting

_USAGE = b"new-inject: usage: new-inject [ -nNaAhHFIMRS ] [ -f sender ] [ recip ... ]\n"
_PIECE = 1 << 16
_OPERANDS, _DEFAULT, _HEADER, _BOTH = b"aAhH"
_PER_RECIPIENT = b"-@[]"  # qmail-send puts the recipient in its place (decisions/verp)
_FORGOTTEN = {b"F": b"from", b"I": b"message-id", b"S": b"return-path"}


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    try:
        _inject(_Settings(argv, env), env, fds)
    except BadOption as error:
        fds.say(b"new-inject: %b\n%b" % (error.text, _USAGE))
        return Permanent.exit
    except MailError as error:
        fds.say(b"new-inject: fatal: %b\n" % error.text.encode("latin-1", "replace"))
        return error.exit
    return 0


class _Settings:
    """What the command line and QMAILINJECT ask for. letters: of F, I, M, R, S. Raises BadOption."""

    __slots__ = ("is_printed", "letters", "operands", "sender", "strategy")

    def __init__(self, argv: list[bytes], env: dict[bytes, bytes]) -> None:
        self.letters = set(env.get(b"QMAILINJECT", b"").upper())
        self.sender: bytes | None = None
        self.is_printed = False
        self.strategy = _DEFAULT
        options = Options(argv, "nNaAhHFIMRSf:")
        for letter, value in options:
            if letter == b"f":
                self.sender = value
            elif letter in (b"n", b"N"):
                self.is_printed = letter == b"n"
            elif letter in b"FIMRS":
                self.letters.add(letter[0])
            else:
                self.strategy = letter[0]
        self.operands = options.operands
        if self.strategy == _DEFAULT:
            self.strategy = _OPERANDS if self.operands else _HEADER

    def has(self, letter: bytes) -> bool:
        return letter[0] in self.letters


class _Person:
    """Who sends, as the environment tells: addresses to be rewritten."""

    __slots__ = ("address", "name", "sender")

    def __init__(self, env: dict[bytes, bytes], settings: _Settings) -> None:
        user = _first(env, b"QMAILUSER", b"MAILUSER", b"USER", b"LOGNAME") or b"anonymous"
        host = _first(env, b"QMAILHOST", b"MAILHOST") or b""
        sender = env.get(b"QMAILSUSER", user)
        if settings.has(b"M"):
            sender += b"-%d.%d" % (clock.now_s(), os.getpid())
        if settings.has(b"R"):
            sender += b"-"
        self.address = b"%b@%b" % (user, host)
        self.sender = b"%b@%b" % (sender, env.get(b"QMAILSHOST", host))
        self.name = _first(env, b"QMAILNAME", b"MAILNAME", b"NAME")


def _first(env: dict[bytes, bytes], *names: bytes) -> bytes | None:
    return next((env[name] for name in names if name in env), None)


def _inject(settings: _Settings, env: dict[bytes, bytes], fds: Fds) -> None:
    """Raises Permanent, Temporary."""
    lists = _file(env, b"QMAILMFTFILE")
    rules = _file(env, b"QMAILREWRITEFILE")
    try:
        site = rewriting_controls.load(env[b"QMAIL_HOME"], env, rules)
    except Unreadable as error:
        raise Temporary(str(error)) from error
    person = _Person(env, settings)
    splitter = Splitter()
    header = Header(takes_envelope=True)
    body = _read_header(fds[0], splitter, header)
    for letter, name in _FORGOTTEN.items():
        if settings.has(letter):
            header.forget(name)
    header.rewrite(site.rules)
    if lists is not None:
        header.follow_up(control.set_(control.lines(lists)))
    head = header.write(
        now_s=clock.now_s(),
        id_tail=b".%d.qmail@%b" % (os.getpid(), site.id_host),
        default_from=mess822.quote(rewriting.address(person.address, site.rules), person.name),
    )
    sender = _sender(settings, header, person, site)
    recipients = _recipients(settings, header, site)
    if settings.is_printed:
        _print(_pseudo_fields(sender, recipients) + head + body, splitter, fds)
    else:
        _queue(head + body, splitter, fds, env, sender, recipients)


def _file(env: dict[bytes, bytes], name: bytes) -> bytes | None:
    """The text of the file that a variable names; the name counts from where our caller stands. None: no variable, or no file."""
    try:
        with open(env[name], "rb") as file:
            return file.read()
    except (KeyError, FileNotFoundError):
        return None
    except OSError as error:
        raise Temporary(f"unable to read ${name.decode()}: {error_str(error.errno)}") from error


def _read_header(fd: int, splitter: Splitter, header: Header) -> bytes:
    """-> what was read of the body. Raises Temporary."""
    while not splitter.is_body:
        piece = _read(fd)
        fields, body = splitter.feed(piece) if piece else splitter.close()
        for field in fields:
            header.field(field)
    return body


def _read(fd: int) -> bytes:
    try:
        return os.read(fd, _PIECE)
    except OSError as error:
        raise Temporary(f"unable to read input: {error_str(error.errno)}") from error


def _sender(settings: _Settings, header: Header, person: _Person, site: Rewriting) -> bytes:
    if settings.sender is not None:
        return rewriting.address(settings.sender, site.rules)
    for name in (b"envelope-sender", b"return-path"):
        found = header.addresses(name)
        if found:
            return found[-1]
    return rewriting.address(person.sender, site.rules) + (_PER_RECIPIENT if settings.has(b"R") else b"")


def _recipients(settings: _Settings, header: Header, site: Rewriting) -> list[bytes]:
    found = [] if settings.strategy == _HEADER else [rewriting.address(word, site.rules) for word in settings.operands]
    if settings.strategy == _OPERANDS:
        return found
    if header.has(b"envelope-recipients"):
        return found + header.addresses(b"envelope-recipients")
    return found + header.addresses(b"to", b"cc", b"bcc")


def _pseudo_fields(sender: bytes, recipients: list[bytes]) -> bytes:
    lines = [b"Envelope-Sender: %b\nEnvelope-Recipients:\n" % mess822.quote(sender)]
    return b"".join(lines + [b"  %b,\n" % mess822.quote(address) for address in recipients])


def _print(text: bytes, splitter: Splitter, fds: Fds) -> None:
    """Raises Temporary."""
    try:
        fds.write(1, text)
        while piece := _read(fds[0]):
            fds.write(1, splitter.feed(piece)[1])
        fds.write(1, splitter.close()[1])
    except BrokenPipeError:  # whoever reads has seen enough
        pass
    except OSError as error:
        raise Temporary(f"unable to write output: {error_str(error.errno)}") from error


def _queue(text: bytes, splitter: Splitter, fds: Fds, env: dict[bytes, bytes], sender: bytes, recipients: list[bytes]) -> None:
    """Raises Permanent, Temporary."""
    call = queue_call.open_(env[b"QMAIL_HOME"], env)
    call.write(text)
    try:
        while piece := _read(fds[0]):
            call.write(splitter.feed(piece)[1])
    except Temporary:
        call.abandon()
        raise
    call.write(splitter.close()[1])
    failure = call.commit(sender, recipients)
    if failure is not None:
        raise failure
