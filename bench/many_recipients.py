"""One message to 10 000 recipients: how many of them a second have it, beside Postfix?

local    10 000 mailboxes of one domain, a Maildir each
remote   50 recipients in each of 200 domains, all of them behind one server, Postfix's smtp-sink (control/smtproutes; relayhost)
The clock runs from the connection of the client, which sends its commands together (PIPELINING), to the line of the log that says that the
message has left the queue. Then every recipient must stand in the log as delivered, and every local one must have a file more.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from bench import measure
from bench.measure import Log, Series, cpu_s, wait_until
from bench.peers import postfix
from bench.peers.postfix import Postfix
from bench.peers.tawny import Tawny

RECIPIENTS, DOMAINS, RUNS, SIZE, TOGETHER = 10_000, 200, 5, 2000, 1000
SINK_PORT = 26025
KINDS = {
    "local": [b"u%d@example.org" % i for i in range(RECIPIENTS)],
    "remote": [b"u%d@d%d.far.example" % (i // DOMAINS, i % DOMAINS) for i in range(RECIPIENTS)],
}
DELIVERED = {"Tawny": re.compile(rb"delivery \d+: success: "), "Postfix": re.compile(rb" status=sent ")}
ENDED = {"Tawny": b"end msg ", "Postfix": b": removed\n"}
Peer = Tawny | Postfix


def main() -> None:
    series: dict[tuple[str, str, str], Series] = {}
    with measure.file_system() as disk, sink():
        contestants: list[Peer] = [Tawny(disk, 26001, mailboxes=RECIPIENTS, sink_port=SINK_PORT)]
        if measure.beside(postfix.is_there(), "postfix"):
            contestants.append(Postfix(disk, 26002, mailboxes=RECIPIENTS, sink_port=SINK_PORT))
        with measure.running(contestants):
            for peer in contestants:
                run(peer, KINDS["remote"][:100])  # warm
            for _ in range(RUNS):  # in turn: A B A B, so that a drift of the machine meets all
                for kind, recipients in KINDS.items():
                    for peer in contestants:
                        rate, cpu_us = run(peer, recipients)
                        for unit, figure in (("recipients/s", rate), ("us CPU/recipient", cpu_us)):
                            series.setdefault((kind, peer.name, unit), Series(peer.name, kind, unit)).runs.append(figure)
    measure.save(
        "many_recipients",
        f"One message to {RECIPIENTS} recipients",
        list(series.values()),
        f"{SIZE} octets, from the client's connection until the message has left the queue. Local: a Maildir each; remote: {DOMAINS} "
        "domains behind one smtp-sink. CPU is the whole machine's, client and sink included.",
    )


@contextmanager
def sink() -> Iterator[None]:
    """Postfix's smtp-sink, which takes everything."""
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    with subprocess.Popen(["smtp-sink", *user, f"127.0.0.1:{SINK_PORT}", "512"]) as process:
        try:
            wait_until(lambda: measure.answers(f"tcp:127.0.0.1:{SINK_PORT} 220"))
            yield
        finally:
            process.terminate()


def run(peer: Peer, recipients: list[bytes]) -> tuple[float, float]:
    """-> (recipients a second, microseconds of the whole machine's CPU each)"""
    log = Log(peer.log)
    cpu, begun = cpu_s(), time.monotonic()
    send(peer.port, recipients)
    ended = wait_until(lambda: ENDED[peer.name] in log.read(), every_s=0.02)
    used = cpu_s() - cpu
    delivered = len(DELIVERED[peer.name].findall(log.data))
    if delivered != len(recipients):
        sys.exit(f"bench: {peer.name} delivered to {delivered} recipients of {len(recipients)}")
    return len(recipients) / (ended - begun), used * 1e6 / len(recipients)


def send(port: int, recipients: list[bytes]) -> None:
    """One message by SMTP."""
    with socket.create_connection(("127.0.0.1", port), 60) as sock, sock.makefile("rb") as replies:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _expect(replies, b"220")
        sock.sendall(b"EHLO bench.example.org\r\n")
        _expect(replies, b"250")
        sock.sendall(b"MAIL FROM:<ada@far.example>\r\n")
        _expect(replies, b"250")
        for at in range(0, len(recipients), TOGETHER):
            some = recipients[at : at + TOGETHER]
            sock.sendall(b"".join(b"RCPT TO:<%b>\r\n" % one for one in some))
            for _ in some:
                _expect(replies, b"250")
        sock.sendall(b"DATA\r\n")
        _expect(replies, b"354")
        sock.sendall(b"Subject: to many\r\n\r\n" + (b"x" * 70 + b"\r\n") * (SIZE // 72) + b".\r\n")
        _expect(replies, b"250")
        sock.sendall(b"QUIT\r\n")


def _expect(replies: BinaryIO, code: bytes) -> None:
    while True:
        line = replies.readline()
        if not line.startswith(code):
            sys.exit(f"bench: {line!r}")
        if line[3:4] != b"-":
            return


if __name__ == "__main__":
    main()
