"""What qmail-lspawn and a living worker of qmail-local say to each other, in packets (SOCK_SEQPACKET) of one or more records.

Jobs     each ten fields: number, 1 if the message may have been delivered before (else 0), then the eight arguments of qmail-local. NUL
         stands between all fields of a packet. With the packet come as many descriptors, the messages, in the same order.
Reports  each a netstring: number NUL exit code NUL output.
Example  b"3\\x000\\0joe\\0/home/joe\\0joe-list\\0-\\0list\\0example.org\\0ada@example.net\\0./Maildir/", b"14:3\\x000\\0did 1+0+0\\n,"
Limits   PACKET_MAX octets and JOBS_MAX jobs a packet; a job that is larger is not sent, its delivery gets a process of its own.
         REPORT_MAX octets of output.
Crash    a worker that dies takes its jobs with it: they are reported as crashed, and tried again later.
Source   DESIGN 5; qmail-local(8) for the arguments
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mta.formats import netstring

PACKET_MAX = 1 << 16
JOBS_MAX = 32
REPORT_MAX = 3001  # one more than qmail-lspawn passes on, so that it sees that there was more (decisions/spawn_report)


@dataclass(frozen=True, slots=True)
class Address:
    """The eight arguments of qmail-local: whose mail it is, and where instructions are looked for."""

    user: bytes
    home: bytes
    local: bytes
    dash: bytes
    ext: bytes
    host: bytes
    sender: bytes
    default: bytes  # the instructions in place of an empty or missing .qmail file

    @property
    def recipient(self) -> bytes:
        return b"%b@%b" % (self.local, self.host)

    def argv(self) -> list[bytes]:
        return [self.user, self.home, self.local, self.dash, self.ext, self.host, self.sender, self.default]


@dataclass(frozen=True, slots=True)
class Job:
    number: int
    is_suspected: bool  # a delivery of this message to this address may have been cut short
    address: Address


@dataclass(frozen=True, slots=True)
class Report:
    number: int
    exit: int
    output: bytes


_FIELDS = 2 + 8


def write_job(job: Job) -> bytes:
    return b"\0".join((b"%d" % job.number, b"1" if job.is_suspected else b"0", *job.address.argv()))


def write_jobs(jobs: Iterable[bytes]) -> bytes:
    """jobs: written each. -> a packet."""
    return b"\0".join(jobs)


def read_jobs(packet: bytes) -> list[Job]:
    """Raises ValueError."""
    fields = packet.split(b"\0")
    if len(fields) % _FIELDS:
        raise ValueError("not jobs of qmail-lspawn")
    return [_read_job(fields[at : at + _FIELDS]) for at in range(0, len(fields), _FIELDS)]


def _read_job(fields: list[bytes]) -> Job:
    if not fields[0].isdigit() or fields[1] not in (b"0", b"1"):
        raise ValueError("not a job of qmail-lspawn")
    return Job(int(fields[0]), fields[1] == b"1", Address(*fields[2:]))


def write_report(report: Report) -> bytes:
    return netstring.write(b"%d\0%d\0%b" % (report.number, report.exit, report.output[:REPORT_MAX]))


def read_reports(packet: bytes) -> list[Report]:
    """Raises ValueError."""
    return [_read_report(data) for data in netstring.read_all(packet)]


def _read_report(data: bytes) -> Report:
    number, nul, rest = data.partition(b"\0")
    exit_, nul2, output = rest.partition(b"\0")
    if not nul or not nul2 or not number.isdigit() or not exit_.lstrip(b"-").isdigit():
        raise ValueError("not a report of a worker")
    return Report(int(number), int(exit_), output)
