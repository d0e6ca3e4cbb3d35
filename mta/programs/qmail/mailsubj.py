"""mailsubj: send a message, its subject and recipients being given as arguments.

Usage    mailsubj SUBJECT RECIPIENT ...
Reads    fd 0 the body
Writes   "Subject: SUBJECT", "To: RECIPIENT ...", an empty line and the body to qmail-inject of this instance
Exits    as qmail-inject: 0 queued, 100 never, 111 try again; 100 usage; 111 qmail-inject cannot be run, or the body cannot be read
Limits   nothing of the body is kept. SUBJECT and RECIPIENT stand in the header as they are: a line break in one is refused
Runs as  the user who sends
Source   mailsubj(1), mailsubj.sh
"""

from __future__ import annotations

from mta.errors import MailError, Temporary
from mta.formats.error_str import error_str
from mta.unix import inner
from mta.unix.fds import Fds


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    if not argv:
        fds.say(b"mailsubj: usage: mailsubj subject recip ...\n")
        return 100
    if any(b"\n" in word or b"\r" in word for word in argv):
        fds.say(b"mailsubj: fatal: line break in a subject or recipient\n")
        return 100
    subject, *recipients = argv
    try:
        return _feed(b"Subject: %b\nTo: %b\n\n" % (subject, b" ".join(recipients)), env, fds)
    except MailError as error:
        fds.say(b"mailsubj: fatal: %b\n" % error.text.encode())
        return error.exit


def _feed(head: bytes, env: dict[bytes, bytes], fds: Fds) -> int:
    """Exit code of qmail-inject. Raises Temporary."""

    def failed(error: OSError) -> int:
        Fds().say(b"mailsubj: fatal: unable to run qmail-inject: %b\n" % error_str(error.errno).encode())
        return Temporary.exit

    feed = inner.Feed([env[b"QMAIL_HOME"] + b"/bin/qmail-inject"], env, fds, failed)
    try:
        feed.copy(head, fds[0])
    except BrokenPipeError:  # qmail-inject has said why
        pass
    except OSError as error:
        feed.kill()  # before it sees an end: half a message must not be sent
        raise Temporary(f"unable to read message: {error_str(error.errno)}") from error
    return feed.end()
