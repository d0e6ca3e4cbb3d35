"""One message for one address, line by line, in a process that has time for it.

A line that runs our own vdelivermail is done here, without a shell and a second interpreter (decisions/vdelivermail, unix/vdeliver).
Source   qmail-local.c main
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from mta.decisions import deliver_lines, local_environment
from mta.decisions import vdelivermail as decide_v
from mta.errors import MailError
from mta.formats import maildirname, traceline
from mta.formats.dotqmail import Kind, Line
from mta.formats.local_job import Address
from mta.programs.qmail.qmail_local import instructions
from mta.programs.qmail.qmail_local.instructions import Instructions
from mta.unix import clock, command, forward, maildir, mboxfile, mess, warm
from mta.unix.fds import Fds
from mta.unix.forward import Forward
from mta.unix.maildir import Deliverer
from mta.unix.mess import Message
from mta.unix.vdeliver import Request, Run
from mta.unix.vdomain import Domains
from mta.unix.vmailbox import Stager

_SAYS = {Kind.MAILDIR: b"maildir", Kind.MBOX: b"mbox", Kind.PROGRAM: b"program", Kind.FORWARD: b"forward"}


def deliver(address: Address, env: Mapping[bytes, bytes], fds: Fds, *, is_dry: bool = False) -> int:
    """Exit code; texts go to fd 1 and 2."""
    try:
        if is_dry:
            return _describe(address, fds)
        source = mess.by_age(fds[0], clock.now_ns())
        found = instructions.find(address, source)
        return _OneShot(address, found, source, env, fds).run()
    except MailError as error:
        fds.say(error.text.encode("latin-1", "replace") + b"\n")
        return error.exit


def _describe(address: Address, fds: Fds) -> int:
    """-n: what would be done."""
    found = instructions.find(address, None, fds.say)
    counts = Counts()
    for line in deliver_lines.steps(found.lines, is_forward_only=found.is_forward_only):
        fds.write(1, b"%b %b\n" % (_SAYS[line.kind], line.text))
        counts.add(line)
    fds.write(1, counts.did())
    return 0


class Counts:
    """files, forwards, programs: what the last line of a report tells."""

    def __init__(self) -> None:
        self.files = self.forwards = self.programs = 0

    def add(self, line: Line) -> None:
        if line.kind is Kind.FORWARD:
            self.forwards += 1
        elif line.kind is Kind.PROGRAM:
            self.programs += 1
        else:
            self.files += 1

    def did(self) -> bytes:
        return b"did %d+%d+%d\n" % (self.files, self.forwards, self.programs)


def own_vdelivermail(home: bytes) -> bytes | None:
    """Path of bin/vdelivermail, when it is ours to do without starting it; None: somebody else's lies there."""
    path = os.path.join(home, b"bin/vdelivermail")
    return path if warm.foreign_program(home, b"vdelivermail") is None else None


class _OneShot:
    def __init__(self, address: Address, found: Instructions, source: Message, env: Mapping[bytes, bytes], fds: Fds) -> None:
        self._address = address
        self._found = found
        self._source = source
        self._fds = fds
        self._home = env[b"QMAIL_HOME"]
        self._now_s = clock.now_s()
        ours = local_environment.variables(address, default=found.default, new_sender=found.new_sender, now_s=self._now_s)
        self._env = {**env, **ours}
        self._dtline, self._rpline = traceline.delivered_to(address.recipient), traceline.return_path(address.sender)
        self._counts = Counts()
        self._forwards: list[bytes] = []

    def run(self) -> int:
        """Raises Temporary, Permanent."""
        for line in deliver_lines.steps(self._found.lines, is_forward_only=self._found.is_forward_only):
            self._counts.add(line)
            if line.kind is Kind.MAILDIR:
                self._maildir(line)
            elif line.kind is Kind.MBOX:
                self._mbox(line)
            elif line.kind is Kind.FORWARD:
                self._forwards.append(line.text)
            else:
                exit_ = self._program(line)
                if exit_ == deliver_lines.STOP:
                    break
                if exit_:
                    return exit_
        self._finish()
        return 0

    def _finish(self) -> None:
        if not self._forwards:
            self._fds.write(1, self._counts.did())
            return
        qp = forward.send(self._home, self._env, Forward(self._dtline, self._found.new_sender, self._forwards), self._source)
        self._fds.write(1, self._counts.did() + b"qp %d\n" % qp)

    def _maildir(self, line: Line) -> None:
        deliverer = Deliverer(maildir.host_name())
        recipient = maildirname.recipient_number(self._address.recipient, line.number)
        delivery = None
        try:
            delivery = deliverer.stage(self._path(line), self._source, self._rpline + self._dtline, recipient)
        finally:
            deliverer.commit([] if delivery is None else [delivery])
        if delivery.failure is not None:
            raise delivery.failure

    def _mbox(self, line: Line) -> None:
        head = traceline.mbox_from(self._address.sender, self._now_s) + self._rpline + self._dtline
        mboxfile.deliver(self._path(line), line.text, head, self._source)

    def _path(self, line: Line) -> bytes:
        return os.path.join(self._address.home, line.text)

    def _program(self, line: Line) -> int:
        """-> 0, 99, 100 or 111. Raises Temporary."""
        own = own_vdelivermail(self._home)
        instruction = None if own is None else decide_v.instruction(line.text, own)
        if instruction is None:
            return deliver_lines.command_exit(command.run(line.text, self._address.home, self._env, self._fds))
        host = maildir.host_name()
        domains = Domains(self._home)
        run = Run(self._home, self._env, self._fds, domains, Stager(domains, Deliverer(host), host))
        return run(virtual(self._address, instruction, self._found.new_sender), self._source)


def virtual(address: Address, instruction: bytes, new_sender: bytes) -> Request:
    """What vdelivermail would be told by its environment."""
    return Request(
        directory=address.home.rstrip(b"/"),
        user=address.ext,
        host=address.host,
        instruction=instruction,
        return_path=traceline.return_path(address.sender),
        new_sender=new_sender,
    )
