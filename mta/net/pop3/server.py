"""The accepting side of a POP3 server: one task for each client, until somebody says stop."""

from __future__ import annotations

import asyncio
import socket

from mta.net import listener
from mta.net.pop3.edge import Connection
from mta.net.pop3.service import Refused, Service

BACKLOG = 1024
_NO_DESCRIPTORS_S = 0.1


async def serve(service: Service, listening: list[tuple[socket.socket, bool]], stop: asyncio.Event) -> None:
    """listening: sockets that listen, and whether TLS begins with the first byte. When stop is set clients before their login and inside
    TLS are cut off; sessions that were handed over go on."""
    clients: set[asyncio.Task[None]] = set()
    acceptors = [asyncio.create_task(_accept(service, sock, is_tls, clients)) for sock, is_tls in listening]
    await stop.wait()
    tasks = [*acceptors, *clients]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for sock, _ in listening:
        sock.close()


async def _accept(service: Service, listening: socket.socket, is_tls: bool, clients: set[asyncio.Task[None]]) -> None:
    listening.setblocking(False)
    loop = asyncio.get_running_loop()
    while True:
        try:
            sock, address = await loop.sock_accept(listening)
        except ConnectionError:  # gone before it was served
            continue
        except OSError:  # no descriptor is left: one will be, when somebody goes
            await asyncio.sleep(_NO_DESCRIPTORS_S)
            continue
        ip = listener.ip(address[0])
        try:
            variables = service.admit(ip)
        except Refused as refused:
            _send_away(service, sock, ip, refused, is_tls=is_tls)
            continue
        task = loop.create_task(_client(service, sock, ip, variables, is_tls=is_tls))
        clients.add(task)
        task.add_done_callback(clients.discard)


def _send_away(service: Service, sock: socket.socket, ip: bytes, refused: Refused, *, is_tls: bool) -> None:
    service.say(b"deny: %b: %b" % (ip, refused.why))
    try:
        if refused.words and not is_tls:
            sock.send(refused.words)
    except OSError:  # it has gone by itself
        pass
    sock.close()


async def _client(service: Service, sock: socket.socket, ip: bytes, variables: dict[bytes, bytes], *, is_tls: bool) -> None:
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        await Connection(service, sock, ip, variables).run(is_tls=is_tls)
    except OSError:
        sock.close()
    finally:
        service.left(ip)
