"""ofmipd: receive mail by SMTP from clients that are trusted, and complete its headers.

Usage    ofmipd [NAME.cdb], under tcpserver, whose rules say who is trusted: ofmipd relays for everybody
Reads    fd 0 the client; control/rewrite, else defaulthost, defaultdomain, plusdomain; idhost; me; NAME.cdb, which ofmipname makes: who is
         in it sends under another name and address; TCPREMOTEIP, TCPREMOTEINFO
Writes   fd 1 the replies; each message to qmail-queue, with a Received line and its header as decisions/outgoing_header has it
Exits    0 after QUIT; 1 when the client went away, said nothing for 1200 s, or the configuration cannot be read
Limits   899 octets an address, 8192 a command line, 4 MiB a header; of the body nothing is kept. Lines may end in LF alone.
Runs as  whoever may queue mail
Source   ofmipd(8)
"""

from __future__ import annotations

import os

from mta.errors import MailError, Permanent, Temporary
from mta.net.smtp.stdio import Gone, Wire
from mta.programs.mess822.ofmipd import session as verbs
from mta.programs.mess822.ofmipd.lines import Lines
from mta.programs.mess822.ofmipd.message import Message, TooLarge
from mta.programs.mess822.ofmipd.session import Close, ReadData, Session
from mta.unix import cdbfile, clock, queue_call, rewriting_controls
from mta.unix.controls import Unreadable
from mta.unix.fds import Fds

TIMEOUT_S = 1200


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    home = env[b"QMAIL_HOME"]
    try:
        names = _names(argv)
        site = rewriting_controls.load(home, env)
    except (OSError, Unreadable):
        fds.write(1, verbs.NO_CONFIGURATION)
        return 1
    session = Session(site, names.get if names is not None else None)
    wire = Wire(fds[0], fds[1], TIMEOUT_S)
    try:
        return _serve(session, wire, home, env)
    except (Gone, OSError):
        return 1


def _names(argv: list[bytes]) -> cdbfile.CdbFile | None:
    """None: the command line names none. Raises OSError."""
    return cdbfile.CdbFile(os.open(argv[0], os.O_RDONLY | os.O_CLOEXEC)) if argv else None


def _serve(session: Session, wire: Wire, home: bytes, env: dict[bytes, bytes]) -> int:
    """Exit code. Raises Gone, OSError."""
    lines = Lines()
    wire.say(verbs.GREETING)
    while True:
        line = lines.next()
        if line is None:
            lines.feed(wire.read())
            continue
        session, reply, effect = verbs.command(session, line)
        wire.say(reply)
        if isinstance(effect, ReadData):
            wire.say(_receive(session, effect, wire, lines, home, env))
        elif isinstance(effect, Close):
            wire.flush()
            return 0


def _receive(session: Session, mail: ReadData, wire: Wire, lines: Lines, home: bytes, env: dict[bytes, bytes]) -> bytes:
    """The whole of DATA -> the last reply. Raises Gone, OSError; nothing is queued then."""
    try:
        call = queue_call.open_(home, env)
    except Temporary:
        return verbs.NO_QUEUE
    wire.say(verbs.GO_AHEAD)
    message = Message(session, mail, verbs.received(env), clock.now_s(), os.getpid())
    failure: MailError | None = None
    decoder = lines.data()
    text = decoder.feed(b"")
    try:
        while True:
            if failure is None:
                try:
                    call.write(message.feed(text) + (message.close() if decoder.is_done else b""))
                except TooLarge as error:
                    failure = Permanent(str(error))
            if decoder.is_done:
                break
            text = decoder.feed(wire.read())
    except (Gone, OSError):
        call.abandon()
        raise
    lines.feed(decoder.rest)
    if failure is not None:
        call.abandon()
    else:
        failure = call.commit(mail.sender, mail.recipients)
    return verbs.stored(failure, clock.now_s(), call.qp)
