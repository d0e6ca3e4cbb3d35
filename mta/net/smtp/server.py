"""A server process for SMTP: bind, load the key, give up root, then serve until TERM. smtpd and submission differ only in what they offer.

Options  --listen HOST:PORT and --listen-tls HOST:PORT (TLS from the first byte), any number of each; --workers N processes on the same
         addresses (SO_REUSEPORT), so that every core has work
Ends     TERM closes the listening sockets, lets clients that are in the middle of a message finish for two seconds, and exits 0
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass

from mta.errors import Permanent, Temporary
from mta.formats import login_call, queue_call
from mta.net import event_loop, listener
from mta.net.ask_client import AskClient
from mta.net.clients import Clients
from mta.net.log_lines import LogLines
from mta.net.login_client import LoginClient
from mta.net.queue_client import QueueClient
from mta.net.smtp import service, tls_first
from mta.net.smtp.edge import Connection, sweep
from mta.net.smtp.service import Service
from mta.net.tls import Certificate
from mta.net.workers import Workers, release
from mta.unix import accounts, rlimit
from mta.unix.fds import Fds

VMAILD = b"run/vmaild"
BACKLOG = 1024
GRACE_S = 2.0
CERTIFICATE = b"control/servercert.pem"


@dataclass(frozen=True, slots=True)
class Options:
    plain: tuple[bytes, ...]
    tls: tuple[bytes, ...]
    workers: int


def options(argv: list[bytes]) -> Options:
    """Raises Permanent: the command line is wrong."""
    lists: dict[bytes, list[bytes]] = {b"--listen": [], b"--listen-tls": [], b"--workers": []}
    words = iter(argv)
    for word in words:
        value = next(words, None)
        if word not in lists or value is None:
            raise Permanent("usage: [--listen HOST:PORT] [--listen-tls HOST:PORT] [--workers N]")
        lists[word].append(value)
    workers = lists[b"--workers"][-1] if lists[b"--workers"] else b"1"
    if not workers.isdigit() or not int(workers) or not (lists[b"--listen"] or lists[b"--listen-tls"]):
        raise Permanent("at least one --listen or --listen-tls and a positive number of workers are wanted")
    return Options(tuple(lists[b"--listen"]), tuple(lists[b"--listen-tls"]), int(workers))


def run(name: bytes, argv: list[bytes], env: dict[bytes, bytes], fds: Fds, *, is_submission: bool) -> int:
    """The whole program."""
    home = env[b"QMAIL_HOME"]
    os.chdir(home)
    wanted = options(argv)
    say = LogLines(name, fds[2])
    loaded = service.load(home)
    if not is_submission:
        warning = service.check_closed(loaded)
        if warning is not None:
            say(b"warning: " + warning.encode())
    certificate = _certificate(home, wanted, say)
    sockets = [_bind(wanted) for _ in range(wanted.workers)]
    accounts.become(accounts.load(home)["qmaild"])
    rlimit.raise_descriptors()
    told = b", ".join([listener.name(s) + (b" tls" if is_tls else b"") for s, is_tls in sockets[0]])
    say(b"status: listening on " + told)

    clients = Clients(wanted.workers)
    workers = Workers()
    number = workers.fork(wanted.workers) if wanted.workers > 1 else 0
    mine = [] if number is None else sockets[number]
    for sock, _ in (entry for one in sockets for entry in one if one is not mine):
        sock.close()
    if number is None:
        return workers.wait()
    clients.be(number)
    shared = Service(
        home=home,
        say=say,
        queue=QueueClient(os.path.join(home, queue_call.SOCKET)),
        recipients=AskClient(os.path.join(home, VMAILD)),
        logins=LoginClient(os.path.join(home, login_call.SOCKET)),
        certificate=certificate,
        is_submission=is_submission,
        loaded=service.load(home),
        clients=clients,
    )
    event_loop.run(_serve(shared, mine, say))
    say.close()
    return 0


def _certificate(home: bytes, wanted: Options, say: Callable[[bytes], None]) -> Certificate | None:
    try:
        return Certificate(os.path.join(home, CERTIFICATE))
    except Temporary as error:
        if wanted.tls:
            raise
        say(b"warning: no TLS: " + error.text.encode())
        return None


def _bind(wanted: Options) -> list[tuple[socket.socket, bool]]:
    found = []
    for addresses, is_tls in ((wanted.plain, False), (wanted.tls, True)):
        for address in addresses:
            host, port = listener.split(address)
            sock = listener.bind(host, port, reuse_port=wanted.workers > 1)
            sock.listen(BACKLOG)  # from now on nobody is refused: who comes before the loop runs waits
            found.append((sock, is_tls))
    return found


async def _serve(shared: Service, sockets: list[tuple[socket.socket, bool]], say: LogLines) -> None:
    loop = asyncio.get_running_loop()
    say.open()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    release()
    connections: set[Connection] = set()
    servers = []
    acceptors = []
    for sock, is_tls in sockets:
        if is_tls and shared.certificate is not None:
            acceptors.append(loop.create_task(tls_first.accept(shared, shared.certificate, sock, connections)))
        else:
            servers.append(await loop.create_server(lambda: Connection(shared, connections, is_tls=False), sock=sock, backlog=BACKLOG))
    sweeper = loop.create_task(sweep(connections))
    keeper = loop.create_task(shared.queue.keep())
    await stop.wait()
    for server in servers:
        server.close()
    for task in (sweeper, keeper, *acceptors):
        task.cancel()
    await _drain(connections)


async def _drain(connections: set[Connection]) -> None:
    """Clients between two commands are told to come back; one in the middle of a message may finish."""
    for connection in list(connections):
        connection.shut_down()
    deadline = asyncio.get_running_loop().time() + GRACE_S
    while connections and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.02)
