"""pop3d: serve POP3 and POP3S to many clients until they have logged in.

Passwords are the login broker's business, and so is the session after them: it is served by a process of the mailbox's user, to which the
connection is handed (net/pop3/edge). Only TLS stays here for as long as it lasts.

Usage    pop3d [--listen HOST:PORT] [--listen-tls HOST:PORT] [--user NAME] [--workers N]; addresses any number of times, at least one
Reads    control/ me concurrencypop3 maxconnip tcp.pop3.cdb servercert.pem (STLS is offered, and --listen-tls possible, where it is);
         asks run/login-broker
Writes   fd 2 one line when it listens, and one for each client that was sent away
Exits    0 after TERM: sessions that were handed over go on, those inside TLS break; 100 for a wrong command line; 111 if it cannot start
Limits   see net/pop3/edge and net/pop3/service
Runs as  tawnyd, or the user of --user, after it bound its addresses and read its key as root
Source   RFC 1939, RFC 2449, RFC 2595, RFC 8314 3.3; DESIGN 4
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass

from mta.errors import Permanent, Temporary
from mta.formats import login_call
from mta.net import event_loop, listener, workers
from mta.net.clients import Clients
from mta.net.login_client import LoginClient
from mta.net.pop3 import server, service
from mta.net.pop3.service import Service
from mta.net.tls import Certificate
from mta.unix import accounts, rlimit
from mta.unix.fds import Fds
from mta.unix.log_pipe import LogPipe

CERTIFICATE = b"control/servercert.pem"
WORKERS_MAX = 64
Sockets = list[tuple[socket.socket, bool]]  # with each: does TLS begin with the first byte?


@dataclass(frozen=True, slots=True)
class Options:
    plain: tuple[bytes, ...]
    tls: tuple[bytes, ...]
    user: str
    workers: int


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    home = env[b"QMAIL_HOME"]
    wanted = options(argv)
    say = _sayer(fds)
    os.chdir(home)
    service.load(home)
    certificate = _certificate(home, wanted, say)
    sockets = _bind(wanted)
    accounts.become(_account(home, wanted.user))
    rlimit.raise_descriptors()
    say(b"status: listening on " + b", ".join(listener.name(s) + (b" tls" if is_tls else b"") for s, is_tls in sockets[0]))
    clients = Clients(wanted.workers, each=service.DESCRIPTORS_EACH)
    mine = 0
    if wanted.workers > 1:
        crew = workers.Workers()
        number = crew.fork(wanted.workers)
        if number is None:
            _close([s for one in sockets for s in one])
            return crew.wait()
        mine = number
        clients.be(mine)
    _close([s for i, one in enumerate(sockets) if i != mine for s in one])
    shared = Service(home, say, LoginClient(os.path.join(home, login_call.SOCKET)), certificate, service.load(home), clients=clients)
    event_loop.run(_serve(shared, sockets[mine]))
    return 0


def options(argv: list[bytes]) -> Options:
    """Raises Permanent: the command line is wrong."""
    given: dict[bytes, list[bytes]] = {b"--listen": [], b"--listen-tls": [], b"--user": [], b"--workers": []}
    words = iter(argv)
    for word in words:
        value = next(words, None)
        if word not in given or value is None:
            raise Permanent("usage: pop3d [--listen HOST:PORT] [--listen-tls HOST:PORT] [--user NAME] [--workers N]")
        given[word].append(value)
    count = given[b"--workers"][-1] if given[b"--workers"] else b"1"
    if not count.isdigit() or not 0 < int(count) <= WORKERS_MAX:
        raise Permanent(f"--workers wants a number from 1 to {WORKERS_MAX}")
    if not given[b"--listen"] and not given[b"--listen-tls"]:
        raise Permanent("at least one --listen or --listen-tls is wanted")
    user = given[b"--user"][-1].decode("latin-1") if given[b"--user"] else accounts.TAWNYD
    return Options(tuple(given[b"--listen"]), tuple(given[b"--listen-tls"]), user, int(count))


def _account(home: bytes, user: str) -> accounts.Account:
    """One of the mail system's users, or any other of this machine."""
    who = accounts.load(home)
    return who[user] if user in who.by_name else accounts.lookup(user)


def _sayer(fds: Fds) -> Callable[[bytes], None]:
    log = LogPipe(fds[2], b"pop3d")
    return lambda text: log.say((b"pop3d: " + text + b"\n",))


def _certificate(home: bytes, wanted: Options, say: Callable[[bytes], None]) -> Certificate | None:
    try:
        return Certificate(os.path.join(home, CERTIFICATE))
    except Temporary as error:
        if wanted.tls:
            raise
        say(b"warning: no STLS: " + error.text.encode())
        return None


def _bind(wanted: Options) -> list[Sockets]:
    """A set of sockets for each worker, all on the same addresses; port 0 is chosen once."""
    addresses = [(listener.split(text), is_tls) for texts, is_tls in ((wanted.plain, False), (wanted.tls, True)) for text in texts]
    sets: list[Sockets] = [[]]
    for (host, port), is_tls in addresses:
        sets[0].append((listener.bind(host, port, reuse_port=wanted.workers > 1), is_tls))
    for _ in range(1, wanted.workers):
        pairs = zip(addresses, sets[0], strict=True)
        sets.append([(listener.bind(host, s.getsockname()[1], reuse_port=True), is_tls) for ((host, _), is_tls), (s, _) in pairs])
    for sock, _ in (pair for one in sets for pair in one):
        sock.listen(server.BACKLOG)
    return sets


def _close(sockets: Sockets) -> None:
    for sock, _ in sockets:
        sock.close()


async def _serve(shared: Service, sockets: Sockets) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    workers.release()
    await server.serve(shared, sockets, stop)
