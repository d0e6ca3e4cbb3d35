"""Everything a hostile client may talk to, alive at once: the mail plane, qmail-smtpd, qmail-qmtpd and qmail-qmqpd under tcpserver on the
same queue, a server for what leaves, and a client at each door that looks in once a second whatever else goes on.

Limits    tcpserver serves ten at a time of the address hostile clients come from (MAXCONNIP), sixty in all
Doors     smtpd, submission, smtps, pop3d, pop3s; qmail-smtpd (also on ::1), qmtpd, qmqpd: the last four under our tcpserver, as user qmaild
Relayed   what qmail-send handed to its remote channel, and what the server for all that leaves has taken, that is no bounce
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from mta.formats import tcprules
from mta.unix import accounts
from tests.crash import faults_plane
from tests.pressure.census import Use
from tests.pressure.plane import PressurePlane
from tests.pressure.probe import Look, Probe
from tests.support.smtp_sink import SmtpSink
from tests.support.tcpserver import Tcpserver

STALL_S = 5.0
TIMEOUT_S = 5  # control/timeoutsmtpd here, so that those who say nothing are not waited for twenty minutes
PROBED = {"smtpd": "EHLO", "submission": "EHLO", "qmail-smtpd": "EHLO", "pop3d": "CAPA"}
_REMOTE = re.compile(r"starting delivery \d+: msg (\d+) to remote (\S*)")
_FROM = re.compile(r"info msg (\d+): bytes \d+ from <([^>]*)>")


@dataclass
class World:
    plane: PressurePlane
    sink: SmtpSink
    ports: dict[str, int]
    probes: dict[str, Probe]
    living: dict[int, str]

    def harm(self) -> list[str]:
        return self.plane.harm(self.living)

    def relayed(self) -> list[str]:
        """Recipients elsewhere, but for those of bounces."""
        log = self.plane.log("qmail-send")
        bounces = {number for number, sender in _FROM.findall(log) if sender in ("", "#@[]")}
        found = [recipient for number, recipient in _REMOTE.findall(log) if number not in bounces]
        return found + [repr(m.recipients) for m in self.sink.messages if not m.sender.startswith(b"<>")]

    def drain(self) -> None:
        self.plane.drain()

    def queued(self) -> int:
        """Messages that have ever come into the queue."""
        return self.plane.log("qmail-send").count(" new msg ")

    def uses(self) -> dict[str, Use]:
        return self.plane.uses()

    @contextmanager
    def watched(self) -> Iterator[Watch]:
        """What the probes meet meanwhile."""
        before = {name: len(probe.looks) for name, probe in self.probes.items()}
        watch = Watch(self, before, self.uses())
        yield watch
        watch.end()


@dataclass
class Watch:
    world: World
    before: dict[str, int]
    used: dict[str, Use]
    slowest_s: float = 0.0
    failed: int = 0
    most_kb: int = 0  # by which a service's memory has grown

    def measure(self, *services: str) -> None:
        """Memory now, at the height of it."""
        now = self.world.uses()
        self.most_kb = max([self.most_kb, *(now[name].pss_kb - self.used[name].pss_kb for name in services)])

    def end(self) -> None:
        looks: list[Look] = [look for name, probe in self.world.probes.items() for look in probe.looks[self.before[name] :]]
        self.slowest_s = max((look.whole_s for look in looks), default=0.0)

    def row(self) -> dict[str, object]:
        return {"others waited at most ms": round(self.slowest_s * 1000), "memory + MiB": round(max(0, self.most_kb) / 1024, 1)}


@contextmanager
def world() -> Iterator[World]:
    with ExitStack() as stack:
        folder = stack.enter_context(faults_plane.folder())
        sink = stack.enter_context(SmtpSink())
        plane = PressurePlane(folder / "q", sink_port=sink.port)
        plane.prepare()
        plane.control("timeoutsmtpd", str(TIMEOUT_S))
        stack.callback(plane.kill)
        plane.start()
        ports = {"smtpd": "SMTP", "submission": "SUBMISSION", "smtps": "SMTPS", "pop3d": "POP3", "pop3s": "POP3S"}
        doors = {name: plane.ports[key] for name, key in ports.items()}
        for name, program, host in TCPSERVERS:
            if host != "::1" or _has_ipv6():
                doors[name] = stack.enter_context(_tcpserver(plane, program, folder, host)).port
        probes = {name: stack.enter_context(Probe(doors[name], every_s=1.0, word=word)) for name, word in PROBED.items()}
        yield World(plane, sink, doors, probes, plane.living())


HOSTILE = "127.0.0.2"  # of these tcpserver serves ten at a time
TCPSERVERS = [
    ("qmail-smtpd", "qmail-smtpd", "127.0.0.1"),
    ("qmail-smtpd ipv6", "qmail-smtpd", "::1"),
    ("qmtpd", "qmail-qmtpd", "127.0.0.1"),
    ("qmqpd", "qmail-qmqpd", "127.0.0.1"),
]


def _has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def _tcpserver(plane: PressurePlane, program: str, folder: Path, host: str) -> Tcpserver:
    options = ["-RHl0", "-c", "60"]
    if os.geteuid() == 0:
        qmaild = accounts.load(os.fsencode(plane.home))["qmaild"]
        options += ["-u", str(qmaild.uid), "-g", str(qmaild.gid)]
    own = folder / f"{program}{host.replace(':', '.')}"
    own.mkdir(mode=0o755)
    rules = own / "rules.cdb"
    rules.write_bytes(tcprules.compile_(b'%b:allow,MAXCONNIP="10"\n:allow\n' % HOSTILE.encode()))
    options += ["-x", str(rules)]
    return Tcpserver("ours", options, [plane.home / "bin" / program], own, host=host)
