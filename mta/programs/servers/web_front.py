"""web-front: hand web connections to webmail or webadmin, which run as different users and never see each other's requests.

Usage    web-front [--listen HOST:PORT] [--listen-tls HOST:PORT] ...
Reads    the head of the one request a connection may carry: the first word of its path decides. /mail/... goes to run/webmail/http,
         all else to run/webadmin/http. control/servercert.pem, for TLS
Writes   the request to that socket, with X-Forwarded-For, X-Forwarded-Proto and "Connection: close"; then bytes both ways until
         either side ends
Exits    0 after TERM; 100 for a wrong command line; 111 if it cannot start
Limits   a head of 64 KiB within 20 s; 1000 connections; 5 minutes without a byte. One request a connection leaves no room for smuggling a
         second one into somebody else's session.
Runs as  tawnyd, after it bound its addresses and read the key as root. Another proxy may take its place: it connects to the two sockets as
         a member of group tawnyd, and sets the two fields.
Source   RFC 9112
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket

from mta.errors import Permanent
from mta.net import event_loop, listener
from mta.net.tls import Certificate
from mta.unix import accounts
from mta.unix.fds import Fds

HEAD_MAX = 1 << 16
HEAD_S = 20
CERTIFICATE = b"control/servercert.pem"
IDLE_S = 300
CONNECTIONS_MAX = 1000
BACKENDS = {b"mail": "run/webmail/http"}
DEFAULT_BACKEND = "run/webadmin/http"
BACKLOG = 512
_PIECE = 1 << 16
_REQUEST = re.compile(rb"[A-Z]{1,20} /(?P<first>[^/ ?]{0,200})\S{0,8000} HTTP/1\.[01]\r\n")
_HOP_BY_HOP = re.compile(
    rb"(?im)^(connection|keep-alive|proxy-connection|te|upgrade|x-forwarded-(for|proto|host)|x-real-ip)[ \t]*:[^\r\n]*\r\n"
)
BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
AWAY = (
    b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain; charset=utf-8\r\nRetry-After: 2\r\nConnection: close\r\n\r\n"
    b"This part of the web interface is just starting, or is down. Mail goes on without it. Please try again in a moment.\n"
)


class BadRequest(Exception):
    """Not a request we pass on."""


def route(head: bytes) -> str:
    """Head of a request -> the socket of its backend, below the home. Raises BadRequest."""
    match = _REQUEST.match(head)
    if not match or b"\0" in head or head.count(b"\n") != head.count(b"\r\n") or re.search(rb"\r\n[ \t]", head):
        raise BadRequest
    return BACKENDS.get(match["first"], DEFAULT_BACKEND)


def rewrite(head: bytes, ip: bytes, scheme: bytes) -> bytes:
    """The head as the backend gets it: what only concerns this connection, or claims to know the client, is ours to say."""
    line, _, fields = head.partition(b"\r\n")
    ours = b"Connection: close\r\nX-Forwarded-For: %b\r\nX-Forwarded-Proto: %b\r\n" % (ip, scheme)
    return line + b"\r\n" + ours + _HOP_BY_HOP.sub(b"", fields)


class Front:
    def __init__(self, home: str) -> None:
        self._home = home
        self._count = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._count >= CONNECTIONS_MAX:
            writer.write(BUSY)
            writer.close()
            return
        self._count += 1
        try:
            await self._serve(reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):  # the client went away, or says nothing
            pass
        finally:
            self._count -= 1
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), HEAD_S)
            backend = os.path.join(self._home, route(head))
        except (BadRequest, asyncio.LimitOverrunError):
            writer.write(BAD_REQUEST)
            await writer.drain()
            return
        try:
            back_reader, back_writer = await asyncio.open_unix_connection(backend)
        except OSError:
            writer.write(AWAY)
            await writer.drain()
            return
        peer = writer.get_extra_info("peername")
        scheme = b"https" if writer.get_extra_info("ssl_object") else b"http"
        back_writer.write(rewrite(head, listener.ip(peer[0]), scheme))
        try:
            await self._pump(reader, writer, back_reader, back_writer)
        finally:
            back_writer.close()

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        back_reader: asyncio.StreamReader,
        back_writer: asyncio.StreamWriter,
    ) -> None:
        """Bytes both ways; over when the backend has said all, whatever the client still sends."""
        up = asyncio.create_task(_copy(reader, back_writer))
        try:
            await _copy(back_reader, writer)
        finally:
            up.cancel()
            await asyncio.gather(up, return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await asyncio.wait_for(reader.read(_PIECE), IDLE_S):
        writer.write(data)
        await writer.drain()


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    home = env[b"QMAIL_HOME"]
    addresses = list(zip(argv[::2], argv[1::2], strict=False))
    if not addresses or len(argv) % 2 or any(word not in (b"--listen", b"--listen-tls") for word, _ in addresses):
        raise Permanent("usage: web-front [--listen HOST:PORT] [--listen-tls HOST:PORT] ...")
    certificate = Certificate(os.path.join(home, CERTIFICATE)) if b"--listen-tls" in argv[::2] else None
    sockets = [(listener.bind(*listener.split(a), reuse_port=False), word == b"--listen-tls") for word, a in addresses]
    for sock, _ in sockets:
        sock.listen(BACKLOG)
    accounts.become(accounts.load(home)[accounts.TAWNYD])
    fds.say(b"web-front: status: listening on " + b", ".join(listener.name(sock) for sock, _ in sockets) + b"\n")
    event_loop.run(_serve_all(Front(os.fsdecode(home)), sockets, certificate))
    return 0


async def _serve_all(front: Front, sockets: list[tuple[socket.socket, bool]], certificate: Certificate | None) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    for sock, is_tls in sockets:
        context = certificate.context() if is_tls and certificate else None
        await asyncio.start_server(front.handle, sock=sock, limit=HEAD_MAX, backlog=BACKLOG, ssl=context)
    await stop.wait()
