"""What the connections of one SMTP listener share: control files, rules, the way to the queue, limits, log lines."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from mta.errors import Temporary
from mta.formats import ask, tcprules
from mta.net.ask_client import Answered, AskClient
from mta.net.clients import Clients
from mta.net.login_client import LoginClient
from mta.net.queue_client import ProgramStream, QueueClient, Stream
from mta.net.smtp import filters
from mta.net.smtp.state import CLIENT_RECIPIENTS_MAX, STRANGER_RECIPIENTS_MAX, Client, Controls, Profile
from mta.net.tls import Certificate
from mta.unix import queue_call
from mta.unix.cdbfile import CdbFile
from mta.unix.controls import ControlDir, Unreadable
from mta.unix.interfaces import own_addresses

ERRORS_MAX = 20
FRESH_NS = 100_000_000  # how long files are taken to stand as they were read, and recipients that exist to go on existing
KNOWN_MAX = 10_000  # recipients remembered
RULES_FILE = "tcp.smtp.cdb"
TOLD_MAX = 100  # clients at a time that may have a TLS handshake only to be told that they are too many
TOLD_EACH_MAX = 10  # ... of one address


@dataclass(slots=True)
class Loaded:
    """Everything read from one generation of control files."""

    folder: ControlDir
    controls: Controls
    me: bytes
    rules: CdbFile | None
    more: CdbFile | None
    timeout_s: int
    connections_max: int
    per_address_max: int
    recipients_max: int


def load(home: bytes) -> Loaded:
    """Raises Temporary with the one thing that is wrong."""
    try:
        folder = ControlDir(home)
        me = folder.line("me")
        greeting = folder.line("smtpgreeting", me)
        if greeting is None or me is None:
            raise Temporary("control/me is missing: write this host's full name into it")
        rules, more = folder.open_file(RULES_FILE), folder.open_file("morercpthosts.cdb")
        more_file = CdbFile(more) if more is not None else None
        return Loaded(
            folder=folder,
            me=me,
            rules=CdbFile(rules) if rules is not None else None,
            more=more_file,
            controls=Controls(
                greeting=greeting,
                localiphost=folder.line("localiphost", me),
                databytes=folder.integer("databytes", 0),
                rcpthosts=folder.set_("rcpthosts"),
                more=more_file.get if more_file is not None else None,
                badmailfrom=folder.set_("badmailfrom") or frozenset(),
                virtualdomains=folder.map_("virtualdomains"),
                is_own_ip=frozenset(a.encode() for a in own_addresses()).__contains__,
                filters=filters.load(folder),
            ),
            timeout_s=max(1, folder.integer("timeoutsmtpd", 1200)),
            connections_max=folder.integer("concurrencyincoming", 5000),
            per_address_max=folder.integer("maxconnip", 100),
            recipients_max=folder.integer("maxrcpt", STRANGER_RECIPIENTS_MAX),
        )
    except Unreadable as error:
        raise Temporary(str(error)) from error
    except OSError as error:
        raise Temporary("unable to figure out my IP addresses", str(error)) from error


def check_closed(loaded: Loaded) -> str | None:
    """Refuse to be an open relay. -> a warning, or None. Raises Temporary when rcpthosts is missing."""
    if loaded.controls.rcpthosts is None:
        raise Temporary("control/rcpthosts is missing, which would make this host an open relay: list the domains it receives mail for")
    if not loaded.controls.rcpthosts and loaded.more is None:
        return "control/rcpthosts is empty: mail is accepted from relay clients only"
    return None


@dataclass(slots=True)
class Service:
    """say: writes a log line. certificate: None where there is none, and so no TLS."""

    home: bytes
    say: Callable[[bytes], None]
    queue: QueueClient
    recipients: AskClient
    logins: LoginClient
    certificate: Certificate | None
    is_submission: bool
    loaded: Loaded
    checked_ns: int = 0
    clients: Clients = field(default_factory=Clients)
    program: bytes | None = None  # what a site has put in qmail-queue's place
    known: dict[bytes, int] = field(default_factory=dict)  # recipients that exist: until when (ns)
    asked: dict[bytes, list[Answered]] = field(default_factory=dict)  # recipients that are being asked for: who waits

    def is_known(self, address: bytes) -> bool:
        """Was it asked a moment ago whether this recipient exists, and does it?"""
        return self.known.get(address, 0) > time.monotonic_ns()

    def ask_recipient(self, address: bytes, answered: Answered | None = None) -> bool:
        """Does it exist? answered: is given the answer. False: that has been asked already, and the answer is on its way."""
        waiting = self.asked.get(address)
        is_new = waiting is None
        if waiting is None:
            waiting = self.asked[address] = []
            self.recipients.ask([b"rcpt", address], lambda words: self._answered(address, words))
        if answered is not None:
            waiting.append(answered)
        return is_new

    def _answered(self, address: bytes, words: list[bytes]) -> None:
        if words[0] == ask.YES:
            self._note_known(address)
        for answered in self.asked.pop(address):
            answered(words)

    def _note_known(self, address: bytes) -> None:
        if len(self.known) >= KNOWN_MAX:
            self.known.clear()
        self.known[address] = time.monotonic_ns() + FRESH_NS

    def current(self) -> Loaded:
        """The control files of now: read again when one of them changed. While they cannot be read, those read last stay in force."""
        now_ns = time.monotonic_ns()
        if now_ns - self.checked_ns > FRESH_NS:
            self.checked_ns = now_ns
            self.program = queue_call.replacement(self.home)
            if not self.loaded.folder.is_fresh():
                self._reload()
        return self.loaded

    def _reload(self) -> None:
        try:
            fresh = load(self.home)
        except Temporary as error:
            self.say(b"warning: %b; going on with the control files read before" % error.text.encode())
            return
        # Sessions under way keep the old ones; the files close with the last of them.
        self.loaded = fresh

    def may_begin_tls(self, ip: bytes, is_loopback: bool) -> bool:
        """A new connection whose first words will be encrypted, as ours will be: is it worth a handshake?"""
        loaded = self.current()
        if self.clients.in_all() >= loaded.connections_max + TOLD_MAX or not self.clients.has_room():
            return False
        return not loaded.per_address_max or is_loopback or self.clients.of(ip) < loaded.per_address_max + TOLD_EACH_MAX

    def admit(self, ip: bytes, local_ip: bytes, is_loopback: bool) -> tuple[Client, Profile, dict[bytes, bytes]] | bytes:
        """A new connection -> what is known of it and what it is offered, or the words it is sent away with (b"": none)."""
        loaded = self.current()
        if self.clients.in_all() >= loaded.connections_max or not self.clients.has_room():
            return b"421 too many connections, please come back later (#4.3.2)\r\n"
        if loaded.per_address_max and not is_loopback and self.clients.of(ip) >= loaded.per_address_max:
            return b"421 too many connections from your address, please come back later (#4.7.0)\r\n"
        rule = self._rule(loaded, ip)
        if rule is None:
            return b"421 unable to read controls (#4.3.0)\r\n"
        if rule.is_denied:
            return b""
        variables = dict(rule.variables)
        client = Client(
            ip=ip,
            host=variables.get(b"TCPREMOTEHOST", b"unknown"),
            info=variables.get(b"TCPREMOTEINFO"),
            local=loaded.me,
            is_loopback=is_loopback,
            relayclient=variables.get(b"RELAYCLIENT"),
            databytes=_number(variables.get(b"DATABYTES")),
            exceptions=filters.exceptions(variables),
        )
        return client, self._profile(loaded, variables), variables

    def _rule(self, loaded: Loaded, ip: bytes) -> tcprules.Rule | None:
        """None: the rules cannot be read, so nobody can be let in."""
        if loaded.rules is None:
            return tcprules.Rule()
        try:
            found = tcprules.find(loaded.rules.get, ip)
        except (ValueError, OSError) as error:
            self.say(b"warning: unable to read control/%b: %b" % (RULES_FILE.encode(), str(error).encode()))
            return None
        return found[1] if found else tcprules.Rule()

    def _profile(self, loaded: Loaded, variables: dict[bytes, bytes]) -> Profile:
        own_limit = _number(variables.get(b"MAXRCPT"))
        return Profile(
            has_size=True,
            has_starttls=self.certificate is not None,
            has_auth=self.is_submission,
            requires_auth=self.is_submission,
            recipients_max=loaded.recipients_max if own_limit is None else own_limit,
            client_recipients_max=CLIENT_RECIPIENTS_MAX if own_limit is None else own_limit,
            refuses_controls=True,
            errors_max=ERRORS_MAX,
        )

    def open_stream(self, variables: dict[bytes, bytes]) -> Stream:
        self.current()
        program = variables.get(b"QMAILQUEUE") or os.environb.get(b"QMAILQUEUE") or self.program
        return ProgramStream(program) if program else self.queue.open()


def _number(text: bytes | None) -> int | None:
    return int(text) if text is not None and text.isdigit() else None
