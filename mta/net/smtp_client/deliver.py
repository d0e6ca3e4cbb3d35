"""One delivery from name look-up to report: what qmail-remote does once, and qmail-rspawn many times at once.

Steps    1 where to (authsenders, smtproutes)  2 a connection kept from the last message, if there is one  3 mail exchangers and their
         addresses, ourselves and what is behind us left out  4 the first that can be reached, those that timed out lately left out
         5 the session
         A connection that was made is the one that decides: no other exchanger is tried afterwards, whatever the server says.
Again    a kept connection that proves dead before MAIL was answered is replaced by a new one; a handshake that fails is left out on a new
         one, unless TLS is required. Neither has sent anything of the message.
Sharing  recipients of one message at one destination may share a transaction (deliver_each). Each has the report it would have had alone:
         whoever was put off there, although others were taken, and all whom the server took before it refused the message, are tried
         alone before anything is said of them. So a server's limits and one recipient's filters touch nobody else.
Source   qmail-remote.c main, qmail-remote(8)
"""

from __future__ import annotations

import asyncio
import errno
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mta.decisions.mx_order import Exchanger, mx_order
from mta.decisions.remote_route import Target, remote_route
from mta.decisions.remote_tls import Tls, with_login
from mta.errors import MailError, Permanent, Temporary
from mta.formats import address
from mta.net.resolver import Resolver
from mta.net.smtp_client import edge, reports, steps
from mta.net.smtp_client.controls import RemoteControls
from mta.net.smtp_client.edge import End, Outcome
from mta.net.smtp_client.message import Message
from mta.net.smtp_client.pool import Connection, Pool
from mta.net.smtp_client.state import MODERN, Envelope, Facts, Profile, Session, Step
from mta.net.smtp_client.wire import Wire, connect
from mta.unix import clock, interfaces
from mta.unix.tcpto import TcpTo

_NO_RESOURCES = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))


@dataclass(frozen=True, slots=True)
class Courier:
    """Delivers, with the controls of one generation."""

    controls: RemoteControls
    resolver: Resolver
    tcpto: TcpTo
    pool: Pool = field(default_factory=Pool)
    profile: Profile = MODERN
    own_addresses: Callable[[], frozenset[str]] = interfaces.own_addresses
    shuffle: Callable[[list[Exchanger]], None] = random.SystemRandom().shuffle
    now_s: Callable[[], int] = clock.now_s

    async def deliver(self, host: bytes, envelope: Envelope, message: Message) -> bytes:
        """-> the reports of qmail-remote, whatever happens."""
        said, _ = await self._try(self.target(host, envelope.sender), envelope, message)
        return said

    async def deliver_each(self, target: Target, envelope: Envelope, message: Message) -> list[bytes]:
        """In one transaction, if that will do -> for each recipient the reports of a qmail-remote of its own."""
        said, is_refused = await self._try(target, envelope, message)
        found = reports.of_each(said, len(envelope.recipients))
        if len(found) > 1:
            taken = [not reports.is_refused(one) for one in found]
            again = [i for i, one in enumerate(found) if (is_refused if taken[i] else any(taken) and reports.may_be_a_limit(one))]
            alone = [self._try(target, Envelope(envelope.sender, envelope.recipients[i : i + 1]), message) for i in again]
            for i, (own, _) in zip(again, await asyncio.gather(*alone), strict=True):
                found[i] = own
        return found

    def target(self, host: bytes, sender: bytes) -> Target:
        """Where mail for a host goes."""
        return remote_route(self.controls.routes, host, self.controls.senders, sender)

    async def _try(self, target: Target, envelope: Envelope, message: Message) -> tuple[bytes, bool]:
        """-> (the reports of qmail-remote, did the server refuse the message itself?)"""
        try:
            for one in (envelope.sender, *envelope.recipients):
                if any(byte in one for byte in address.FORBIDDEN):
                    raise Permanent(reports.BAD_BYTE)
            facts = await self._facts(message)
            async with self.pool.turn(target):
                outcome = await self._deliver(target, _Job(envelope, facts, message))
            return outcome.reports, outcome.session.is_refused
        except MailError as error:
            return reports.of_error(error), False

    async def _facts(self, message: Message) -> Facts:
        try:
            return await message.facts()
        except OSError:
            raise Temporary("Unable to read message. (#4.3.0)") from None

    async def _deliver(self, target: Target, job: _Job) -> Outcome:
        while (kept := self.pool.take(target)) is not None:
            step = steps.again(kept.session, job.envelope, job.facts)
            outcome = await self._talk(target, kept, step, job)
            if outcome.end is not End.STALE:
                return outcome
        exchangers = await self._exchangers(target)
        exchanger, wire = await self._first(exchangers, target.port)
        tls = self.controls.tls.use(exchanger.name)
        outcome = await self._begin(target, exchanger, wire, job, tls if target.login is None else with_login(tls, exchanger.ip))
        if outcome.end is End.NO_TLS:
            _, wire = await self._first([exchanger], target.port)
            outcome = await self._begin(target, exchanger, wire, job, Tls.NEVER)
        return outcome

    async def _begin(self, target: Target, exchanger: Exchanger, wire: Wire, job: _Job, tls: Tls) -> Outcome:
        """The session on a new connection."""
        session = Session(
            profile=self.profile,
            ip=exchanger.ip.encode(),
            name=exchanger.name.encode("latin-1"),
            helohost=self.controls.helohost,
            envelope=job.envelope,
            facts=job.facts,
            tls=tls,
            login=target.login,
        )
        connection = Connection(wire, session, asyncio.get_running_loop().time())
        return await self._talk(target, connection, Step(session), job)

    async def _talk(self, target: Target, connection: Connection, step: Step, job: _Job) -> Outcome:
        session = step.session
        try:
            context = None if session.tls is Tls.NEVER else self.controls.tls.context(session.name.decode("latin-1"))
            outcome = await edge.talk(connection.wire, step, job.message, timeout_s=self.controls.timeoutremote_s, context=context)
        except BaseException:
            connection.wire.abort()
            raise
        if outcome.end is End.KEPT:
            connection.session = outcome.session
            connection.messages += 1
            self.pool.keep(target, connection)
        return outcome

    async def _exchangers(self, target: Target) -> Sequence[Exchanger]:
        """In the order in which they are to be tried. Raises Permanent, Temporary."""
        if target.is_relay:
            return await self.resolver.relay(target.host)
        found = await self.resolver.exchangers(target.host)
        ordered = mx_order(found, is_me=self.own_addresses().__contains__, shuffle=self.shuffle)
        if ordered is None:
            raise Permanent(reports.LOOP)
        return ordered

    async def _first(self, exchangers: Sequence[Exchanger], port: int) -> tuple[Exchanger, Wire]:
        """The first that can be reached. Raises Temporary."""
        for exchanger in exchangers:
            is_skipped, is_known = self.tcpto.look(exchanger.ip, self.now_s())
            if is_skipped:
                continue
            try:
                wire = await connect(exchanger.ip, port, self.controls.timeoutconnect_s, self.controls.outgoingip)
            except TimeoutError:
                self.tcpto.timed_out(exchanger.ip, self.now_s())
            except OSError as error:
                if error.errno in _NO_RESOURCES:
                    raise Temporary(reports.NO_RESOURCES) from error
            else:
                if is_known:
                    self.tcpto.connected(exchanger.ip)
                return exchanger, wire
        raise Temporary(reports.NO_CONNECTION)


@dataclass(frozen=True, slots=True)
class _Job:
    envelope: Envelope
    facts: Facts
    message: Message
