"""maildirserial: empty a Maildir through a client that sends what is in it.

Usage    maildirserial [-b] [-t LIFETIME] DIR PREFIX CLIENT [ARGUMENT ...]
         -b send back what will never be accepted, and remove it; -t messages that are older than LIFETIME seconds and not accepted now
         never will be
Reads    DIR/new and DIR/cur: messages whose recipients begin with PREFIX, oldest first, but none of this second; what CLIENT answers
         (formats/serial); control/me bouncefrom bouncehost doublebounceto doublebouncehost
Writes   the names of the messages to CLIENT's fd 0; a line for each answer to fd 2. Removes what was sent; what lies in DIR/tmp for 36
         hours; with -b what was bounced, once the bounce is queued (formats/maildirbounce)
Does     runs CLIENT, in DIR, again for what it did not answer; three times without an answer end it
Exits    0 nothing is left to be sent; 100 usage, or CLIENT exited 100; 111 messages are left, or trouble
Limits   names are held in memory, of messages nothing. Two at a time would send everything twice: setlock is for that.
Runs as  the owner of DIR
Source   maildirserial(1)
"""

from __future__ import annotations

from dataclasses import dataclass

from mta.errors import Temporary
from mta.formats import maildirbounce, scan
from mta.formats.address import DOUBLE_BOUNCE_SENDER, NULL_SENDER
from mta.formats.error_str import error_str
from mta.formats.serial import NEVER, SENT, Answer
from mta.formats.sgetopt import BadOption, Options
from mta.unix import clock, queue_call, say
from mta.unix.controls import ControlDir, Unreadable
from mta.unix.fds import Fds
from mta.unix.serial_client import SerialClient
from mta.unix.serial_file import SerialFile
from mta.unix.serial_maildir import SerialMaildir

NAME = b"maildirserial"
_USAGE = b"maildirserial [ -b ] [ -t lifetime ] dir prefix client [ arg ... ]"
_TRIES = 3
_NOTHING_LEFT, _LEFT, _HOPELESS = 0, 111, 100


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    try:
        wishes = _wishes(argv)
    except BadOption as error:
        fds.say(NAME + b": " + error.text + b"\n")
        return say.usage(fds, NAME, _USAGE)
    if wishes is None:
        return say.usage(fds, NAME, _USAGE)
    try:
        maildir = SerialMaildir(wishes.folder)
    except OSError as error:
        return say.fatal(fds, NAME, b"unable to chdir to " + wishes.folder, error)
    with maildir:
        try:
            return _Serial(wishes, maildir, _sender(env), env, fds).run()
        except Unreadable as error:
            return say.fatal(fds, NAME, str(error).encode())
        except Temporary as error:
            return say.fatal(fds, NAME, error.text.encode("latin-1", "replace"))


@dataclass(frozen=True, slots=True)
class _Wishes:
    folder: bytes
    prefix: bytes
    client: list[bytes]
    is_bouncing: bool
    lifetime_s: int | None


def _wishes(argv: list[bytes]) -> _Wishes | None:
    """None: something is missing. Raises BadOption."""
    is_bouncing, lifetime_s = False, None
    options = Options(argv, "bt:")
    for letter, value in options:
        if letter == b"b":
            is_bouncing = True
        else:
            lifetime_s, digits = scan.ulong(value)
            if not digits:
                return None
    if len(options.operands) < 3:
        return None
    folder, prefix, *client = options.operands
    return _Wishes(folder, prefix, client, is_bouncing, lifetime_s)


@dataclass(frozen=True, slots=True)
class _Sender:
    """Of bounces."""

    bouncefrom: bytes
    bouncehost: bytes
    double_to: bytes


def _sender(env: dict[bytes, bytes]) -> _Sender:
    """Raises Unreadable."""
    controls = ControlDir(env[b"QMAIL_HOME"])
    to = controls.line("doublebounceto", b"postmaster")
    return _Sender(
        bouncefrom=controls.line("bouncefrom", b"MAILER-DAEMON") or b"",
        bouncehost=controls.line_or_me("bouncehost", b"me"),
        double_to=b"%b@%b" % (to or b"", controls.line_or_me("doublebouncehost", b"me")),
    )


class _Serial:
    def __init__(self, wishes: _Wishes, maildir: SerialMaildir, sender: _Sender, env: dict[bytes, bytes], fds: Fds) -> None:
        self._wishes = wishes
        self._maildir = maildir
        self._sender = sender
        self._env = env
        self._fds = fds
        self._done: set[bytes] = set()  # answered and still there: not to be offered again

    def run(self) -> int:
        """Exit code. Raises Temporary."""
        tries = _TRIES
        while True:
            names = self._usable()
            if not names:
                return _LEFT if self._done else _NOTHING_LEFT
            tries -= 1
            client = SerialClient(self._wishes.client, self._env, self._fds, self._maildir.fd, names)
            offered = set(names)
            for answer in client.answers():
                if answer.name in offered:
                    offered.discard(answer.name)
                    self._take(answer)
                    tries = _TRIES
            if client.wait() == _HOPELESS:  # it has told why
                return _HOPELESS
            if not tries:
                return say.fatal(self._fds, NAME, b"making no progress, giving up")

    def _usable(self) -> list[bytes]:
        """Raises Temporary."""
        now_s = clock.now_s()
        self._maildir.clean(now_s)
        try:
            names = self._maildir.names(now_s)
        except OSError as error:
            raise Temporary(f"unable to scan maildir: {error_str(error.errno)}") from error
        return [name for name in names if name not in self._done and (not self._wishes.prefix or self._is_ours(name))]

    def _is_ours(self, name: bytes) -> bool:
        try:
            with self._maildir.open(name) as message:
                return message.envelope().recipient.startswith(self._wishes.prefix)
        except OSError as error:
            self._warn(b"unable to read " + name, error)
        except ValueError:
            pass  # not for any client: it stays
        return False

    def _take(self, answer: Answer) -> None:
        """Raises Temporary."""
        if answer.letter == SENT:
            self._info(answer, b"succeeded")
            self._remove(answer.name, b"message will be delivered twice! unable to unlink ")
            return
        is_too_old = answer.letter != NEVER and self._is_too_old(answer.name)
        is_hopeless = is_too_old or answer.letter == NEVER
        if is_hopeless and self._wishes.is_bouncing:
            self._info(answer, b"bounced")
            if self._bounce(answer, is_too_old=is_too_old):
                self._remove(answer.name, b"message has been bounced but not removed! unable to unlink ")
                return
        else:
            self._info(answer, b"failed" if is_hopeless else b"failed temporarily")
        self._done.add(answer.name)

    def _remove(self, name: bytes, trouble: bytes) -> None:
        try:
            self._maildir.remove(name)
        except OSError as error:
            self._warn(trouble + name, error)
            self._done.add(name)

    def _is_too_old(self, name: bytes) -> bool:
        if self._wishes.lifetime_s is None:
            return False
        try:
            return clock.now_s() > self._maildir.mtime_s(name) + self._wishes.lifetime_s
        except OSError as error:
            self._warn(b"assuming message is still alive; unable to stat " + name, error)
            return False

    def _bounce(self, answer: Answer, *, is_too_old: bool) -> bool:
        """False: the message must stay. Raises Temporary."""
        name = answer.name
        try:
            with self._maildir.open(name) as message:
                envelope = message.envelope()
                if envelope.sender == DOUBLE_BOUNCE_SENDER:
                    self._fds.say(b"maildirserial: info: discarding %b: triple bounce\n" % name)
                    return True
                to = envelope.sender or self._sender.double_to
                head = maildirbounce.head(
                    now_s=clock.now_s(),
                    bouncefrom=self._sender.bouncefrom,
                    bouncehost=self._sender.bouncehost,
                    to=to,
                    sender=envelope.sender,
                    recipient=envelope.recipient.removeprefix(self._wishes.prefix),
                    why=answer.text,
                    is_too_old=is_too_old,
                )
                return self._queue(name, head, message, NULL_SENDER if envelope.sender else DOUBLE_BOUNCE_SENDER, to)
        except OSError as error:
            self._warn(b"unable to bounce " + name, error)
        except ValueError:
            self._warn(b"unable to bounce %b: bad file format" % name)
        return False

    def _queue(self, name: bytes, head: bytes, message: SerialFile, sender: bytes, to: bytes) -> bool:
        """False: it is not queued. Raises Temporary, OSError; nothing is queued then."""
        call = queue_call.open_(self._env[b"QMAIL_HOME"], self._env)
        call.write(head)
        try:
            for piece in message.rest():
                call.write(piece)
        except OSError:
            call.abandon()
            raise
        failure = call.commit(sender, [to])
        if failure is not None:
            self._warn(b"unable to bounce %b: qq failed: %b" % (name, failure.text.encode("latin-1", "replace")))
            return False
        self._fds.say(b"maildirserial: info: returned %b: qp %d\n" % (name, call.qp))
        return True

    def _info(self, answer: Answer, what: bytes) -> None:
        self._fds.say(b"maildirserial: info: %b %b: %b\n" % (answer.name, what, answer.text))

    def _warn(self, text: bytes, error: OSError | None = None) -> None:
        say.warning(self._fds, NAME, text, error)
