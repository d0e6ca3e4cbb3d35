"""How long does a client wait for the answer to its message while the server has half of the work it could do, beside Postfix?

For each contestant: first how many messages a second it accepts at most (smtp-source, connections kept), then half as many, evenly,
over 20 connections. What is measured is the time from the last octet of a message to the reply to it; delivery goes on at the same time.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time

from bench import load, measure
from bench.measure import Series, wait_until
from bench.peers import postfix
from bench.peers.postfix import Postfix
from bench.peers.tawny import Tawny
from mta.net import event_loop

MESSAGES, PEAK, RUNS = 3000, 3000, 5
TEXT = b"Subject: how long?\r\n\r\n" + (b"x" * 70 + b"\r\n") * (load.SIZE // 72) + b".\r\n"
Peer = Tawny | Postfix


def main() -> None:
    series: dict[tuple[str, str], Series] = {}

    def note(peer: Peer, what: str, unit: str, figure: float) -> None:
        series.setdefault((peer.name, what), Series(peer.name, what, unit)).runs.append(figure)

    with measure.file_system() as disk:
        contestants: list[Peer] = [Tawny(disk, 26001)]
        if measure.beside(postfix.is_there(), "postfix"):
            contestants.append(Postfix(disk, 26002))
        with measure.running(contestants):
            for peer in contestants:
                load.run(peer, 200, keeps=True)  # warm
            for _ in range(RUNS):
                for peer in contestants:
                    peak, _, _ = load.run(peer, PEAK, keeps=True)
                    waited, rate = paced(peer, peak / 2)
                    note(peer, "half of what it can accept", "msg/s", peak / 2)
                    note(peer, "sent", "msg/s", rate)
                    note(peer, "acknowledged, median", "ms", statistics.median(waited))
                    note(peer, "acknowledged, 99 of 100 within", "ms", statistics.quantiles(waited, n=100)[98])
                    note(peer, "acknowledged, the slowest", "ms", max(waited))
    measure.save(
        "ack_latency",
        "From a message's last octet to its acknowledgement, at half load",
        list(series.values()),
        f"{MESSAGES} messages of {load.SIZE} octets a run over {load.SESSIONS} kept connections at an even pace.",
    )


def paced(peer: Peer, rate: float) -> tuple[list[float], float]:
    """-> (how long each message waited for its reply, in milliseconds; how many were sent a second)"""
    before = load.delivered(peer)
    waited: list[float] = []
    begun = time.monotonic()
    event_loop.run(_sessions(peer.port, rate, waited))
    taken = time.monotonic() - begun
    wait_until(lambda: load.delivered(peer) >= before + MESSAGES, every_s=0.05)
    return waited, MESSAGES / taken


async def _sessions(port: int, rate: float, waited: list[float]) -> None:
    loop = asyncio.get_running_loop()
    begin = loop.time() + 0.2
    await asyncio.gather(
        *(_session(port, [begin + i / rate for i in range(n, MESSAGES, load.SESSIONS)], waited) for n in range(load.SESSIONS))
    )


async def _session(port: int, due: list[float], waited: list[float]) -> None:
    """due: when each message is to be begun, by the loop's clock."""
    loop = asyncio.get_running_loop()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def say(words: bytes, code: bytes) -> None:
        writer.write(words)
        while (line := await reader.readline())[3:4] == b"-":
            pass
        if not line.startswith(code):
            sys.exit(f"bench: {line!r}")

    await say(b"", b"220")
    await say(b"EHLO bench.example.org\r\n", b"250")
    for moment in due:
        await asyncio.sleep(max(0, moment - loop.time()))
        await say(b"MAIL FROM:<ada@far.example>\r\n", b"250")
        await say(b"RCPT TO:<joe@example.org>\r\n", b"250")
        await say(b"DATA\r\n", b"354")
        begun = time.perf_counter()  # the loop's own clock goes in milliseconds
        await say(TEXT, b"250")
        waited.append((time.perf_counter() - begun) * 1000)
    await say(b"QUIT\r\n", b"221")
    writer.close()


if __name__ == "__main__":
    main()
