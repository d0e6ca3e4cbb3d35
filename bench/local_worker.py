"""What does a delivery to a Maildir cost the living worker of qmail-local, and what do its barriers gain? Ours only: no other system has
the like, so this is a ruler for our own changes; local_delivery compares the whole way with a peer."""

from __future__ import annotations

import os
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import measure
from bench.measure import Series
from mta.formats import local_job, vpasswd
from mta.formats.local_job import Address, Job
from mta.programs.qmail.qmail_local.worker import serve
from mta.unix import packets
from mta.unix.fds import Fds

MESSAGES, RUNS, WINDOW, SIZE, MAILBOXES = 4000, 5, 120, 2000, 20


def main() -> None:
    series: list[Series] = []
    with measure.file_system() as disk:
        for what, addresses in _sites(disk).items():
            for window in (WINDOW, 1):
                name = f"{what}, {'120 at a time' if window > 1 else 'one at a time'}"
                rate, cpu = Series("tawny", name, "msg/s"), Series("tawny", name, "us CPU/msg")
                for _ in range(RUNS):
                    speed, cost = _run(disk, addresses, MESSAGES if window > 1 else MESSAGES // 10, window)
                    rate.runs.append(speed)
                    cpu.runs.append(cost)
                series += [rate, cpu]
    measure.save(
        "local_worker",
        "Deliveries of one living worker, and their processor time in the worker, kernel's part included",
        series,
        f"{SIZE} octets a message, handed over on the worker's socket as by qmail-lspawn, {MESSAGES} a run, a tenth of it one at a time.",
    )


def _sites(disk: Path) -> dict[str, list[Address]]:
    """What is measured: {name: the addresses mail goes to in turn}."""
    users = [_user(disk, f"u{i}") for i in range(MAILBOXES)]
    return {
        "one Maildir": users[:1],
        f"{MAILBOXES} Maildirs": users,
        f"{MAILBOXES} virtual mailboxes with a quota": _domain(disk / "example.org"),
    }


def _user(disk: Path, name: str) -> Address:
    home = disk / name
    home.mkdir()
    for part in ("", "/tmp", "/new", "/cur"):
        (home / f"Maildir{part}").mkdir()
    return Address(name.encode(), os.fsencode(home), name.encode(), b"", b"", b"h.example", b"ada@far.example", b"./Maildir/")


def _domain(directory: Path) -> list[Address]:
    directory.mkdir()
    here = os.fsencode(directory)
    users = [b"u%d" % i for i in range(MAILBOXES)]
    (directory / "vpasswd.cdb").write_bytes(vpasswd.compile_(b"".join(b"%b:x:1:0:N:%b/%b:10000M\n" % (u, here, u) for u in users)))
    (directory / ".qmail-default").write_bytes(b"| %b/bin/vdelivermail '' bounce-no-mailbox\n" % os.fsencode(directory.parent))
    return [Address(b"example.org", here, b"example.org-" + u, b"-", u, b"example.org", b"ada@far.example", b"./Maildir/") for u in users]


@contextmanager
def _worker(home: Path) -> Iterator[tuple[socket.socket, list[float]]]:
    """-> (its socket, what it used in seconds, known afterwards)."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    used: list[float] = []
    pid = os.fork()
    if pid == 0:
        ours.close()
        os._exit(serve({b"QMAIL_HOME": os.fsencode(home)}, Fds({0: theirs.fileno()})))
    theirs.close()
    with ours:
        yield ours, used
    usage: resource.struct_rusage = os.wait4(pid, 0)[2]
    used.append(usage.ru_utime + usage.ru_stime)


def _run(disk: Path, addresses: list[Address], messages: int, window: int) -> tuple[float, float]:
    """-> (messages a second, microseconds of processor time a message)."""
    mess = disk / "mess"
    mess.mkdir(exist_ok=True)
    fds = []
    for i in range(window):
        (mess / str(i)).write_bytes(b"Subject: %d\n\n" % i + b"x" * (SIZE - 12))
        fds.append(os.open(mess / str(i), os.O_RDONLY))
    with _worker(disk) as (sock, used):
        begun = time.monotonic()
        sent = done = 0
        while done < messages:
            while sent < messages and sent - done < window:
                _touch(fds[sent % window], sent)
                job = Job(sent % window, False, addresses[sent % len(addresses)])
                packets.send(sock, local_job.write_job(job), [fds[sent % window]])
                sent += 1
            for report in local_job.read_reports(sock.recv(1 << 16)):
                if report.exit:
                    raise RuntimeError(report.output)
                done += 1
        elapsed = time.monotonic() - begun
    for fd in fds:
        os.close(fd)
    return messages / elapsed, used[0] * 1_000_000 / messages


def _touch(fd: int, number: int) -> None:
    """Another message in the same file: names are made from its time."""
    now = time.time_ns() + number * 1000
    os.utime(fd, ns=(now, now))
