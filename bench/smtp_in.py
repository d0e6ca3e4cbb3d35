"""How many messages a second are accepted over SMTP, beside Postfix? Connection per message, and connections kept."""

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
            for _ in range(RUNS):  # in turn: A B A B, so that a drift of the machine meets all
                for keeps, what in ((False, "connection per message"), (True, "connections kept")):
                    for peer in contestants:
                        accepted, _, cpu_ms = load.run(peer, MESSAGES, keeps=keeps)
                        series.setdefault((peer.name, what), Series(peer.name, f"accepted, {what}", "msg/s")).runs.append(accepted)
                        series.setdefault((peer.name, what + " cpu"), Series(peer.name, f"CPU, {what}", "ms/msg")).runs.append(cpu_ms)
    measure.save(
        "smtp_in",
        "Messages accepted over SMTP",
        list(series.values()),
        f"smtp-source, {load.SESSIONS} sessions, {load.SIZE} octets, {MESSAGES} messages a run, delivery going on at the same time; CPU is "
        "the whole machine's until the last delivery, load generator included.",
    )
