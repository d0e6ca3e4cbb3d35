"""vdelivermail: deliver to a mailbox of a virtual domain.

Usage    | $QMAIL_HOME/bin/vdelivermail '' INSTRUCTION    in a domain's .qmail-default; INSTRUCTION says what becomes of mail for unknown
         users: bounce-no-mailbox, delete, the directory of a mailbox, or an address
Reads    fd 0 the message; EXT, HOST, HOME, SENDER, NEWSENDER, RPLINE as qmail-local sets them; the domain's vpasswd.cdb and texts; the
         mailbox's .qmail
Writes   the mailbox's Maildir and its maildirsize; fd 1 what goes into the bounce or the log
Exits    0 delivered; 99 delivered, a command of the mailbox's .qmail said to stop; 100 refused; 111 try again, and wrong usage
Limits   the message is never in memory; one that does not come from a file is kept in a temporary one
Runs as  the owner of the domain. The living worker of qmail-local does the same without starting a program.
Bugs     addresses with an extension (joe-list for joe) are not looked for, as in vpopmail without --enable-qmail-ext; DELIVER_TO_STDOUT and
         the spam options are not known: a command in the mailbox's .qmail does what they did
Source   vpopmail vdelivermail.c
"""

from __future__ import annotations

import os
import stat
import tempfile

from mta.errors import MailError
from mta.formats import traceline
from mta.unix import clock, maildir, mess
from mta.unix.fds import Fds
from mta.unix.maildir import Deliverer
from mta.unix.mess import Message
from mta.unix.vdeliver import Request, Run
from mta.unix.vdomain import Domains
from mta.unix.vmailbox import Stager

_PIECE = 1 << 16


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    if len(argv) != 2:
        fds.write(1, b"vdelivermail: usage: vdelivermail '' bounce-no-mailbox|delete|DIRECTORY|ADDRESS\n")
        return 111
    for name in (b"EXT", b"HOST"):
        if name not in env:
            fds.write(1, b"vdelivermail: %b is not set: run by qmail-local only\n" % name)
            return 100
    try:
        return _deliver(argv[1], env, fds)
    except MailError as error:
        fds.write(1, error.text.encode("latin-1", "replace") + b"\n")
        return error.exit


def guard() -> None:
    """In a process of our own: what commands of the mailbox's .qmail write belongs to the mailbox alone."""
    os.umask(0o077)


def _deliver(instruction: bytes, env: dict[bytes, bytes], fds: Fds) -> int:
    sender = env.get(b"SENDER", b"")
    request = Request(
        directory=env.get(b"HOME", b".").rstrip(b"/"),
        user=env[b"EXT"],
        host=env[b"HOST"],
        instruction=instruction,
        return_path=env.get(b"RPLINE") or traceline.return_path(sender),
        new_sender=env.get(b"NEWSENDER", sender),
    )
    if stat.S_ISREG(os.fstat(fds[0]).st_mode):
        return _run(request, mess.by_age(fds[0], clock.now_ns()), env, fds)
    with tempfile.TemporaryFile() as file:
        while piece := os.read(fds[0], _PIECE):
            file.write(piece)
        file.flush()
        return _run(request, mess.message(file.fileno(), is_suspected=False), env, Fds({**fds, 0: file.fileno()}))


def _run(request: Request, source: Message, env: dict[bytes, bytes], fds: Fds) -> int:
    home, host = env[b"QMAIL_HOME"], maildir.host_name()
    domains = Domains(home)
    return Run(home, env, fds, domains, Stager(domains, Deliverer(host), host))(request, source)
