"""A message for an address of a virtual domain, from the look-up to the end: what vdelivermail does, whoever does it.

Order     the lines of the mailbox's .qmail in turn; forwards go out together when all else is done. Commands run in the mailbox's
          directory, with the environment vdelivermail was given.
Exits     0 delivered; 99 delivered, and nothing that stands below in the caller's .qmail file is to be done; 100, 111 as a command said so.
          Everything else that goes wrong is raised.
Source    vpopmail vdelivermail.c
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mta.decisions import deliver_lines
from mta.decisions import vdelivermail as decide
from mta.errors import Permanent
from mta.formats import control, traceline
from mta.formats.dotqmail import Kind, Line
from mta.unix import command, forward, mess
from mta.unix.fds import Fds
from mta.unix.forward import Forward
from mta.unix.mess import Message
from mta.unix.vdomain import Domain, Domains, Mailbox
from mta.unix.vmailbox import Stager


@dataclass(frozen=True, slots=True)
class Request:
    directory: bytes  # of the .qmail file that runs vdelivermail
    user: bytes  # EXT
    host: bytes
    instruction: bytes
    return_path: bytes  # the line
    new_sender: bytes  # of what is forwarded


def find(domains: Domains, request: Request, source: Message) -> Mailbox | None:
    """None: the message is to vanish. Raises Permanent, Temporary."""
    return Finder(domains).find(request, source)


class Finder:
    """Finds mailboxes for messages that are delivered together: what was read for one stands for all, until forget()."""

    def __init__(self, domains: Domains) -> None:
        self._domains = domains
        self._by_directory: dict[tuple[bytes, bytes], Domain] = {}
        self._found: dict[tuple[bytes, bytes, bytes], Mailbox | None] = {}

    def find(self, request: Request, source: Message) -> Mailbox | None:
        """As find() above."""
        place = (request.directory, request.host)
        domain = self._by_directory.get(place)
        if domain is None:
            domain = self._by_directory[place] = self._domains.find(*place)
        user = control.lower(request.user)
        address = domain.address(user)
        if traceline.in_header(mess.pieces(source), traceline.delivered_to(address)):
            raise Permanent(decide.LOOPING)
        key = (domain.dir, user, request.instruction)
        if key not in self._found:
            self._found[key] = self._domains.mailbox(domain, user, request.instruction)
        return self._found[key]

    def forget(self) -> None:
        self._by_directory.clear()
        self._found.clear()


class Run:
    """One message, in a process that has time for it. home: the instance; env: for commands; fds: descriptor 0 is the message."""

    def __init__(self, home: bytes, env: Mapping[bytes, bytes], fds: Fds, domains: Domains, stager: Stager) -> None:
        self._home = home
        self._env = env
        self._fds = fds
        self._domains = domains
        self._stager = stager

    def __call__(self, request: Request, source: Message) -> int:
        mailbox = find(self._domains, request, source)
        if mailbox is None:
            return 0
        forwards: list[bytes] = []
        exit_ = 0
        for line in decide.steps(mailbox.lines):
            if line.kind is Kind.FORWARD:
                forwards.append(line.text)
            elif line.kind is Kind.MAILDIR:
                self._maildir(mailbox, line, source, request.return_path)
            else:
                exit_ = deliver_lines.command_exit(command.run(line.text, mailbox.dir, self._env, self._fds))
                if exit_ == deliver_lines.STOP:
                    break
                if exit_:
                    return exit_
        if forwards:
            head = traceline.delivered_to(mailbox.address)
            forward.send(self._home, self._env, Forward(head, request.new_sender, forwards), source)
        return exit_

    def _maildir(self, mailbox: Mailbox, line: Line, source: Message, head: bytes) -> None:
        delivery = None
        try:
            delivery = self._stager.stage(mailbox, line, source, head)
        finally:
            self._stager.commit([] if delivery is None else [delivery])
        if delivery.failure is not None:
            raise delivery.failure
