"""How many messages a second reach a Maildir, from the first connection to the last file, beside Postfix?"""

from __future__ import annotations

from bench import load, measure
from bench.measure import Series
from bench.peers import postfix
from bench.peers.postfix import Postfix
from bench.peers.tawny import Tawny

MESSAGES, RUNS = 4000, 5


def main() -> None:
    series: dict[tuple[str, str], Series] = {}
    with measure.file_system() as disk:
        contestants: list[Tawny | Postfix] = [Tawny(disk, 26001)]
        if measure.beside(postfix.is_there(), "postfix"):
            contestants.append(Postfix(disk, 26002))
        with measure.running(contestants):
            for peer in contestants:
                load.run(peer, 200, keeps=True)  # warm
            for _ in range(RUNS):
                for keeps, what in ((False, "connection per message"), (True, "connections kept")):
                    for peer in contestants:
                        _, done, _ = load.run(peer, MESSAGES, keeps=keeps)
                        series.setdefault((peer.name, what), Series(peer.name, f"delivered, {what}", "msg/s")).runs.append(done)
    measure.save(
        "local_delivery",
        "Messages delivered to a Maildir",
        list(series.values()),
        f"smtp-source, {load.SESSIONS} sessions, {load.SIZE} octets, {MESSAGES} messages a run, from the first connection to the last "
        "file in new/.",
    )
