"""What the connections of a POP3 server share: control files, rules, limits, the way to the login broker, log lines.

Controls me (the host in the greeting), concurrencypop3 (connections at a time, 1000), maxconnip (of one address, 100; this machine is
         exempt; 0: no limit), tcp.pop3.cdb (tcprules: deny; REQUIRETLS, no password in clear; MAXCONNIP, another limit for that client)
Limits   a plain connection counts until its session is handed over; one inside TLS until it ends
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from mta.errors import Temporary
from mta.formats import tcprules
from mta.net.clients import Clients
from mta.net.login_client import LoginClient
from mta.net.tls import Certificate
from mta.unix.cdbfile import CdbFile
from mta.unix.controls import ControlDir, Unreadable

RULES_FILE = "tcp.pop3.cdb"
DESCRIPTORS_EACH = 2  # a client inside TLS has its session's socket, too
FRESH_NS = 100_000_000  # how long control files are taken to stand as they were read
TOO_MANY = b"-ERR [SYS/TEMP] too many connections, please come back later\r\n"
NO_CONTROLS = b"-ERR [SYS/TEMP] unable to read controls\r\n"


@dataclass(slots=True)
class Loaded:
    """Everything read from one generation of control files."""

    folder: ControlDir
    me: bytes
    connections_max: int
    per_address_max: int
    rules: CdbFile | None


def load(home: bytes) -> Loaded:
    """Raises Temporary with the one thing that is wrong."""
    try:
        folder = ControlDir(home)
        me = folder.line("me")
        if me is None:
            raise Temporary("control/me is missing: write this host's full name into it")
        rules = folder.open_file(RULES_FILE)
        return Loaded(
            folder,
            me,
            connections_max=folder.integer("concurrencypop3", 1000),
            per_address_max=folder.integer("maxconnip", 100),
            rules=CdbFile(rules) if rules is not None else None,
        )
    except Unreadable as error:
        raise Temporary(str(error)) from error


class Refused(Exception):
    """A connection that is not served. words: what it is told; why: for the log."""

    def __init__(self, words: bytes, why: bytes) -> None:
        super().__init__(why)
        self.words = words
        self.why = why


@dataclass(slots=True)
class Service:
    """say: writes a log line. certificate: None where there is none."""

    home: bytes
    say: Callable[[bytes], None]
    logins: LoginClient
    certificate: Certificate | None
    loaded: Loaded
    checked_ns: int = 0
    clients: Clients = field(default_factory=lambda: Clients(each=DESCRIPTORS_EACH))

    def current(self) -> Loaded:
        """The control files of now: read again when one of them changed. While they cannot be read, those read last stay in force."""
        now_ns = time.monotonic_ns()
        if now_ns - self.checked_ns > FRESH_NS:
            self.checked_ns = now_ns
            if not self.loaded.folder.is_fresh():
                try:
                    self.loaded = load(self.home)
                except Temporary as error:
                    self.say(b"warning: %b; going on with the control files read before" % error.text.encode())
        return self.loaded

    def admit(self, ip: bytes) -> dict[bytes, bytes]:
        """A new connection -> the variables its rule sets; it counts from now on until left(). Raises Refused."""
        loaded = self.current()
        variables = self._variables(loaded, ip)
        own_limit = variables.get(b"MAXCONNIP", b"")
        per_address_max = int(own_limit) if own_limit.isdigit() else loaded.per_address_max
        if self.clients.in_all() >= loaded.connections_max or not self.clients.has_room():
            raise Refused(TOO_MANY, b"too many connections")
        if per_address_max and not is_loopback(ip) and self.clients.of(ip) >= per_address_max:
            raise Refused(TOO_MANY, b"too many connections from this address")
        self.clients.came(ip)
        return variables

    def _variables(self, loaded: Loaded, ip: bytes) -> dict[bytes, bytes]:
        if loaded.rules is None:
            return {}
        try:
            found = tcprules.find(loaded.rules.get, ip)
        except (ValueError, OSError) as error:  # nobody can be let in when the rules cannot be read
            raise Refused(NO_CONTROLS, b"unable to read control/%b" % RULES_FILE.encode()) from error
        if found is None:
            return {}
        if found[1].is_denied:
            raise Refused(b"", b"denied by the rules")
        return dict(found[1].variables)

    def left(self, ip: bytes) -> None:
        self.clients.left(ip)


def is_loopback(ip: bytes) -> bool:
    return ip.startswith(b"127.") or ip == b"::1"
