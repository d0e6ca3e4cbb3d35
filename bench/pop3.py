"""How long does a mailbox of 10 000 messages take to log in to by POP3, to list, and to fetch, beside Dovecot?

Both have the same messages under the same names, with S= as we and vpopmail give them and without W=, all seen before, and the same hash
of the same password. Kinds of login, each until the reply to STAT:
cold     nothing is known of the mailbox but the messages, and none of it is in the page cache (it is dropped, with the whole machine's)
first    nothing is known of the mailbox but the messages; they are in the page cache
warm     the same once more
one more one message more than at the last session
The client asks with bare sockets and only looks for the end of each reply, so that it is not what is measured; short sessions are those of
a mailbox with ten messages, from two clients at a time.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench import measure
from bench.measure import Series
from bench.peers.dovecot import Dovecot, is_there
from bench.peers.tawny_pop3 import TawnyPop3
from mta.unix import crypt

MESSAGES, FEW, RUNS, RETRIEVALS, SESSIONS, CLIENTS = 10_000, 10, 7, 4000, 100, 2
NAME, PASSWORD = "joe@example.org", "a password"
Peer = TawnyPop3 | Dovecot


def main() -> None:
    hashed = crypt.make(PASSWORD.encode(), b"0123456789abcdef").decode()
    series: dict[tuple[str, str], Series] = {}

    def note(peer: Peer, what: str, unit: str, figure: float) -> None:
        series.setdefault((peer.name, what), Series(peer.name, what, unit)).runs.append(figure)

    with measure.file_system() as disk:
        contestants: list[Peer] = [TawnyPop3(disk, 26110, hashed)]
        if measure.beside(is_there(), "dovecot-pop3d"):
            contestants.append(Dovecot(disk, 26111, hashed))
        octets = _prepare(contestants)
        for _ in range(RUNS):  # in turn, so that a drift of the machine meets all
            for peer in contestants:
                _logins(peer, note)
            for peer in contestants:
                _session(peer, note)
        for peer in contestants:
            _thin_out(peer)
        for _ in range(RUNS):
            for peer in contestants:
                note(peer, "short sessions", "sessions/s", _short_sessions(peer))
        for peer in contestants:
            peer.stop()
    measure.save(
        "pop3",
        "POP3 on a Maildir of 10 000 messages",
        list(series.values()),
        f"{MESSAGES} messages, {octets} octets. A login ends with the reply to STAT. Cold: no index or list of sizes, empty page cache; "
        "first: no index, messages in the page cache; one more: after one message came. RETR of "
        f"{RETRIEVALS} messages a run. Short sessions: USER, PASS, STAT, QUIT on {FEW} messages, {CLIENTS} clients.",
    )


# -- the mailbox -------------------------------------------------------------------------------------------------------------------


def message(dice: random.Random, number: int) -> bytes:
    """1 to 8 KB, as long as most mail without attachments is."""
    lines = "".join(f"line {i} of a message of no great interest, number {number}\n" for i in range(dice.randint(10, 120)))
    return f"Return-Path: <ada@far.example>\nFrom: ada@far.example\nTo: {NAME}\nSubject: {number}\n\n{lines}".encode()


def _prepare(contestants: list[Peer]) -> int:
    """-> octets of the mailbox."""
    octets = 0
    for peer in contestants:
        peer.prepare()
        owner = peer.maildir.stat()
        dice, octets = random.Random(5), 0
        for number in range(MESSAGES):
            octets += _deliver(peer.maildir, owner, 1_790_000_000 + number, message(dice, number))
        peer.start()
    return octets


def _deliver(maildir: Path, owner: os.stat_result, second: int, data: bytes) -> int:
    path = maildir / "cur" / f"{second}.I{second:x}M{second % 10**6}R5ab1f0c29e7d4418.mx,S={len(data)}:2,S"
    path.write_bytes(data)
    os.chown(path, owner.st_uid, owner.st_gid)
    os.utime(path, (second, second))
    return len(data)


def _thin_out(peer: Peer) -> None:
    """A few messages, in a directory that never held more: one that has shrunk stays slow to list."""
    cur, old = peer.maildir / "cur", peer.mailbox / "old"
    cur.rename(old)
    cur.mkdir()
    os.chown(cur, old.stat().st_uid, old.stat().st_gid)
    for path in sorted(old.iterdir())[:FEW]:
        path.rename(cur / path.name)
    shutil.rmtree(old)
    peer.forget()


# -- what is measured --------------------------------------------------------------------------------------------------------------


def _logins(peer: Peer, note: Callable[[Peer, str, str, float], None]) -> None:
    peer.forget()
    subprocess.run(["sync"], check=True)
    Path("/proc/sys/vm/drop_caches").write_text("3\n")
    note(peer, "login and STAT, cold", "ms", _login(peer))
    peer.forget()
    note(peer, "login and STAT, first", "ms", _login(peer))
    for _ in range(3):
        note(peer, "login and STAT, warm", "ms", _login(peer))
    _deliver(peer.maildir, peer.maildir.stat(), 1_800_000_000 + time.monotonic_ns() % 10**7, message(random.Random(6), MESSAGES))
    time.sleep(2.5)  # nobody can trust a folder that changed within the last steps of the clock
    note(peer, "login and STAT, one more", "ms", _login(peer))


def _login(peer: Peer) -> float:
    """Milliseconds."""
    begun = time.perf_counter()
    client = Client(peer.port)
    taken = (time.perf_counter() - begun) * 1000
    if int(client.stat.split()[1]) < MESSAGES:
        sys.exit(f"bench: {peer.name} says {client.stat!r}")
    client.quit()
    return taken


def _session(peer: Peer, note: Callable[[Peer, str, str, float], None]) -> None:
    for path in (peer.maildir / "cur").iterdir():  # the cold login of the other one emptied the page cache for all
        path.read_bytes()
    client = Client(peer.port)
    for verb in (b"LIST", b"UIDL"):
        begun = time.perf_counter()
        listing = client.ask_many([verb], window=1)
        note(peer, f"{verb.decode()}", "ms", (time.perf_counter() - begun) * 1000)
        if listing < MESSAGES * 8:
            sys.exit(f"bench: {peer.name} has no list")
    for window, what in ((1, "RETR, one at a time"), (50, "RETR, 50 ahead")):
        commands = [b"RETR %d" % (1 + i * 7 % MESSAGES) for i in range(RETRIEVALS)]
        begun = time.perf_counter()
        octets = client.ask_many(commands, window)
        note(peer, what, "msg/s", RETRIEVALS / (time.perf_counter() - begun))
        if octets < RETRIEVALS * 1000:
            sys.exit(f"bench: {peer.name} sent only {octets} octets")
    client.quit()


def _short_sessions(peer: Peer) -> float:
    """Sessions a second."""
    begun = time.perf_counter()
    with multiprocessing.get_context("fork").Pool(CLIENTS) as pool:
        pool.map(_some_sessions, [peer.port] * CLIENTS)
    return SESSIONS * CLIENTS / (time.perf_counter() - begun)


def _some_sessions(port: int) -> None:
    for _ in range(SESSIONS):
        Client(port).quit()


class Client:
    """A session that has logged in and asked for STAT."""

    def __init__(self, port: int) -> None:
        self._sock = socket.create_connection(("127.0.0.1", port), 60)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._line()
        self._ask(b"USER " + NAME.encode())
        self._ask(b"PASS " + PASSWORD.encode())
        self.stat = self._ask(b"STAT")

    def _line(self) -> bytes:
        data = b""
        while not data.endswith(b"\n"):
            data += self._sock.recv(1 << 16)
        if not data.startswith(b"+OK"):
            sys.exit(f"bench: {data!r}")
        return data

    def _ask(self, command: bytes) -> bytes:
        self._sock.sendall(command + b"\r\n")
        return self._line()

    def ask_many(self, commands: list[bytes], window: int) -> int:
        """Commands with replies of many lines, so many of them on their way at a time. -> octets."""
        end, sent, ended, octets, tail = b"\r\n.\r\n", 0, 0, 0, b""
        while ended < len(commands):
            ahead = min(len(commands), ended + window)
            if ahead > sent and (ahead - sent >= window // 2 or ahead == len(commands)):
                self._sock.sendall(b"".join(command + b"\r\n" for command in commands[sent:ahead]))
                sent = ahead
            data = tail + self._sock.recv(1 << 18)
            ended += data.count(end)
            octets += len(data) - len(tail)
            tail = b"" if data.endswith(end) else data[-4:]
        return octets

    def quit(self) -> None:
        self._ask(b"QUIT")
        self._sock.close()


if __name__ == "__main__":
    main()
