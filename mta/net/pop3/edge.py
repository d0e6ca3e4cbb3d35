"""The event loop's side of POP3: a client from its connection to its login, and the pump that carries a session inside TLS.

After PASS the login broker is asked, and the client's own connection goes along: when the password is right, a process of the mailbox's
user serves the session on it, and this server forgets it. Inside TLS, whose keys are here, a pair of sockets goes along instead, and bytes
are pumped between it and the client. What a client said behind its password goes along, too, so that it may pipeline at any time: for
that reason no more than 400 octets are read at once.
Limits   60 s for a command, 300 s until the login, 60 s for a TLS handshake; 1200 s for a client that does not read its session
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import suppress

from mta.errors import MailError
from mta.formats.login_call import POP3, UNREAD_MAX, Request
from mta.net.pop3 import login
from mta.net.pop3.lines import Lines
from mta.net.pop3.service import Service
from mta.net.pop3.state import RFC, Check, Close, Login, StartTls

COMMAND_S = 60
LOGIN_S = 300
HANDSHAKE_S = 60
SHUTDOWN_S = 2
STALLED_S = 1200
_PIECE = 1 << 16
_TLS_BUFFER = 1 << 14


class Plain:
    """A connection in clear. The socket is nobody's but ours, so that it can be handed over at any time."""

    is_tls = False

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    async def read(self, size: int) -> bytes:
        return await asyncio.get_running_loop().sock_recv(self.sock, size)

    async def write(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.sock, data)

    def close(self) -> None:
        self.sock.close()


class Tls:
    """A connection inside TLS."""

    is_tls = True

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self, size: int) -> bytes:
        return await self._reader.read(size)

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    def close(self) -> None:
        self._writer.close()


async def start_tls(sock: socket.socket, context: ssl.SSLContext) -> Tls:
    """Raises OSError (ssl.SSLError among them); the connection is closed then."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=_TLS_BUFFER)
    protocol = asyncio.StreamReaderProtocol(reader)
    try:
        transport, _ = await loop.connect_accepted_socket(
            lambda: protocol, sock, ssl=context, ssl_handshake_timeout=HANDSHAKE_S, ssl_shutdown_timeout=SHUTDOWN_S
        )
    except BaseException:
        sock.close()
        raise
    return Tls(reader, asyncio.StreamWriter(transport, protocol, reader, loop))


class Connection:
    """One client until its session begins."""

    def __init__(self, service: Service, sock: socket.socket, ip: bytes, variables: dict[bytes, bytes]) -> None:
        self._service = service
        self._wire: Plain | Tls = Plain(sock)
        self._ip = ip
        self._lines = Lines(RFC.line_max)
        self._session = Login(
            RFC,
            service.loaded.me + b" ready",
            can_stls=service.certificate is not None,
            requires_tls=b"REQUIRETLS" in variables,
        )

    async def run(self, *, is_tls: bool) -> None:
        """From the greeting to the end."""
        try:
            tunnel = await self._until_login(is_tls=is_tls)
            if tunnel is not None and isinstance(self._wire, Tls):
                await pump(self._wire, tunnel)
        except ssl.SSLError as error:
            self._say(b"TLS: %b" % (error.reason or "trouble").lower().replace("_", " ").encode())
        except (OSError, TimeoutError):  # the client went away, or is too slow
            pass
        finally:
            self._wire.close()

    def _say(self, text: bytes) -> None:
        self._service.say(b"deny: %b: %b" % (self._ip, text))

    async def _until_login(self, *, is_tls: bool) -> socket.socket | None:
        """-> our end of the pair a session inside TLS is served on; None: there is nothing left to do. Raises OSError, TimeoutError."""
        ends_s = asyncio.get_running_loop().time() + LOGIN_S
        if is_tls:
            await self._start_tls()
        await self._wire.write(login.greet(self._session))
        while True:
            self._session, reply, effect = login.command(self._session, await self._line(ends_s))
            match effect:
                case StartTls():
                    await self._wire.write(reply)
                    self._lines.take_all()  # what came in clear before the handshake is not from whom the handshake is with
                    await self._start_tls()
                    continue
                case Check(name, password):
                    unread = self._lines.take_all()
                    try:
                        return await self._hand_over(Request(POP3, name, password, self._ip, unread))
                    except MailError as failure:
                        self._lines.feed(unread)
                        self._session, reply, effect = login.checked(self._session, failure)
            await self._wire.write(reply)
            if isinstance(effect, Close):
                return None

    async def _line(self, ends_s: float) -> bytes | object:
        """The next command. Raises TimeoutError, ConnectionError."""
        async with asyncio.timeout_at(min(ends_s, asyncio.get_running_loop().time() + COMMAND_S)):
            while (line := self._lines.next()) is None:
                data = await self._wire.read(UNREAD_MAX)
                if not data:
                    raise ConnectionResetError
                self._lines.feed(data)
        return line

    async def _start_tls(self) -> None:
        assert isinstance(self._wire, Plain) and self._service.certificate is not None
        self._wire = await start_tls(self._wire.sock, self._service.certificate.context())
        self._session = login.tls_started(self._session)

    async def _hand_over(self, request: Request) -> socket.socket | None:
        """-> as _until_login. Raises Permanent, Temporary; then the connection is ours still."""
        if isinstance(self._wire, Plain):
            await self._service.logins.login(request, self._wire.sock)
            return None
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                await self._service.logins.login(request, theirs)
        except BaseException:
            ours.close()
            raise
        ours.setblocking(False)
        return ours


async def pump(client: Tls, session: socket.socket) -> None:
    """Carry bytes both ways until the session's process closes its end. Each side waits for the other to take what it was given."""
    loop = asyncio.get_running_loop()
    upward = loop.create_task(_upward(client, session))
    try:
        while data := await loop.sock_recv(session, _PIECE):
            async with asyncio.timeout(STALLED_S):
                await client.write(data)
    finally:
        upward.cancel()
        with suppress(asyncio.CancelledError, OSError):
            await upward
        session.close()


async def _upward(client: Tls, session: socket.socket) -> None:
    """What the client says, for the session; its end, too."""
    loop = asyncio.get_running_loop()
    try:
        while data := await client.read(_TLS_BUFFER):
            await loop.sock_sendall(session, data)
    except OSError:  # the client broke off, or the session has ended
        pass
    with suppress(OSError):
        session.shutdown(socket.SHUT_WR)
