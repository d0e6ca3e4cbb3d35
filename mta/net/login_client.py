"""The login broker as an event-loop server sees it: a name and a password to check, and perhaps the client's connection handed along."""

from __future__ import annotations

import asyncio
import os
import socket

from mta.errors import Permanent, Temporary
from mta.formats import login_call
from mta.unix import login

TIMEOUT_S = login.TIMEOUT_S


class LoginClient:
    """path: of the broker's socket. Each login is a connection of its own."""

    def __init__(self, path: bytes) -> None:
        self._path = path

    async def check(self, service: bytes, name: bytes, password: bytes, ip: bytes) -> bytes:
        """-> the mailbox's full name. Raises Permanent (no, in words for strangers) or Temporary."""
        return (await self.login(login_call.Request(service, name, password, ip))).name

    async def login(self, request: login_call.Request, client: socket.socket | None = None) -> login_call.Login:
        """client: the connection on which the broker is to start the session; after this returns it is the session's, and the caller only
        closes its copy. When it raises, the connection is still the caller's. Raises Permanent, Temporary."""
        try:
            record = login_call.write_request(request)
        except ValueError as error:
            raise Permanent(login_call.FAILED, str(error)) from error
        try:
            answer = await asyncio.wait_for(self._ask(record, client), TIMEOUT_S)
        except (OSError, TimeoutError) as error:
            raise Temporary("login broker does not answer", str(error)) from error
        return login.read(answer)

    async def _ask(self, record: bytes, client: socket.socket | None) -> bytes:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
            sock.setblocking(False)
            # on a Unix socket connecting and sending one record are done at once or not at all
            sock.connect(os.fsdecode(self._path))
            if client is None:
                sock.send(record)
            else:
                socket.send_fds(sock, [record], [client.fileno()])
            return await asyncio.get_running_loop().sock_recv(sock, login_call.RECORD_MAX + 1)
