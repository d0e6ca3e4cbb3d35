"""Clients whose connection begins with TLS (RFC 8314 3.3): accepted one by one, and counted from then on, not from the end of a handshake.
A thousand that never end theirs would be counted nowhere else.

Limits   60 s for a handshake. A client too many is told so inside TLS; when many are too many, they are closed without a word
Also     the certificate is that of the moment, not that of the server's start
"""

from __future__ import annotations

import asyncio
import socket

from mta.net import listener
from mta.net.smtp.edge import HANDSHAKE_S, Connection, is_loopback, shown
from mta.net.smtp.service import Service
from mta.net.tls import Certificate

SHUTDOWN_S = 2
_NO_DESCRIPTORS_S = 0.1


async def accept(service: Service, certificate: Certificate, listening: socket.socket, connections: set[Connection]) -> None:
    """Until it is cancelled."""
    listening.setblocking(False)
    loop = asyncio.get_running_loop()
    shaking: set[asyncio.Task[None]] = set()
    try:
        while True:
            try:
                sock, address = await loop.sock_accept(listening)
            except ConnectionError:  # gone before it was served
                continue
            except OSError:  # no descriptor is left: one will be, when somebody goes
                await asyncio.sleep(_NO_DESCRIPTORS_S)
                continue
            ip = listener.ip(address[0])
            if not service.may_begin_tls(ip, is_loopback(ip)):
                service.say(b"deny: %b: too many connections" % ip)
                sock.close()
                continue
            task = loop.create_task(_shake(service, certificate, sock, ip, connections))
            shaking.add(task)
            task.add_done_callback(shaking.discard)
    finally:
        for task in shaking:
            task.cancel()
        listening.close()


async def _shake(service: Service, certificate: Certificate, sock: socket.socket, ip: bytes, connections: set[Connection]) -> None:
    """The handshake. Its end, when it is a good one, is the connection's beginning, which counts it anew."""
    service.clients.came(ip)
    connection = Connection(service, connections, is_tls=True, counted=ip)
    try:
        await asyncio.get_running_loop().connect_accepted_socket(
            lambda: connection,
            sock,
            ssl=certificate.context(),
            ssl_handshake_timeout=HANDSHAKE_S,
            ssl_shutdown_timeout=SHUTDOWN_S,
        )
    except OSError as error:  # ssl.SSLError is one
        service.say(b"deny: %b: TLS handshake: %b" % (ip, shown(str(error).encode())))
    finally:
        connection.uncount()
