"""A courier for tests: real sockets, a resolver of the test's choice, time limits in fractions of a second where they must run out."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mta.formats import smtproutes
from mta.net.resolver import Resolver
from mta.net.smtp_client.controls import RemoteControls
from mta.net.smtp_client.deliver import Courier
from mta.net.smtp_client.message import Message
from mta.net.smtp_client.state import Envelope
from mta.unix.tcpto import TcpTo

MESSAGE = b"Subject: t\n\nbody\n"
NO_DNS = ("127.0.0.1", 1)  # nobody answers there


@contextmanager
def opened(message: bytes) -> Iterator[Message]:
    with tempfile.TemporaryFile() as file:
        file.write(message)
        file.flush()
        file.seek(0)
        yield Message(file.fileno())


async def send(
    courier: Courier, message: bytes = MESSAGE, sender: bytes = b"s@x.test", to: Sequence[bytes] = (b"u@dest.test",), host: bytes = b""
) -> bytes:
    with opened(message) as opened_message:
        return await courier.deliver(host or to[0].rpartition(b"@")[2], Envelope(sender, tuple(to)), opened_message)


async def send_and_close(courier: Courier, **how: Any) -> bytes:
    try:
        return await send(courier, **how)
    finally:
        await courier.pool.close()


def run(courier: Courier, **how: Any) -> bytes:
    """One delivery and no more, as qmail-remote does it -> its reports."""
    return asyncio.run(send_and_close(courier, **how))


@pytest.fixture
def tcpto(tmp_path: Path) -> bytes:
    """Path of an empty table."""
    path = tmp_path / "tcpto"
    path.write_bytes(bytes(1024))
    return os.fsencode(path)


CourierOf = Callable[..., Courier]


@pytest.fixture
def courier(tcpto: bytes) -> CourierOf:
    """courier(routes=[b"dest.test:127.0.0.1:2525"], dns=server, timeoutremote_s=..., and other fields of Courier)."""

    def make(*, routes: Iterable[bytes] = (), dns: tuple[str, int] = NO_DNS, lifetime_s: float = 10.0, **fields: Any) -> Courier:
        names = {k: fields.pop(k) for k in ("timeoutconnect_s", "timeoutremote_s", "tls") if k in fields}
        controls = RemoteControls(b"mx.oracle.test", smtproutes.read(b"\n".join(routes)), **names)
        table = fields.pop("tcpto", TcpTo(tcpto, pid=0))
        return Courier(controls, Resolver([dns], lifetime_s=lifetime_s, try_s=lifetime_s), table, **fields)

    return make
