"""What POP3 connections share: limits and rules; and the edge's patience."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest

from mta.errors import Temporary
from mta.formats import tcprules
from mta.net.login_client import LoginClient
from mta.net.pop3 import edge, service
from mta.net.pop3.service import Refused, Service


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "control").mkdir()
    (tmp_path / "control/me").write_text("mail.example.org\n")
    return tmp_path


def make(home: Path, rules: bytes | None = None, **controls: str) -> Service:
    for name, text in controls.items():
        (home / "control" / name).write_text(text + "\n")
    if rules is not None:
        (home / "control/tcp.pop3.cdb").write_bytes(tcprules.compile_(rules))
    folder = os.fsencode(home)
    return Service(folder, lambda text: None, LoginClient(folder + b"/run/login-broker"), None, service.load(folder))


def admitted(shared: Service, ip: bytes, times: int) -> int:
    """How many of so many connections are let in."""
    count = 0
    for _ in range(times):
        try:
            shared.admit(ip)
        except Refused as refused:
            assert refused.words.startswith(b"-ERR [SYS/TEMP] too many connections")
        else:
            count += 1
    return count


def test_an_address_has_so_many_connections_and_this_machine_any_number(home: Path) -> None:
    shared = make(home, maxconnip="3")
    assert admitted(shared, b"192.0.2.1", 5) == 3
    assert admitted(shared, b"192.0.2.2", 5) == 3
    assert admitted(shared, b"127.0.0.1", 50) == admitted(shared, b"::1", 50) == 50
    shared.left(b"192.0.2.1")
    assert admitted(shared, b"192.0.2.1", 5) == 1


def test_all_together_have_so_many(home: Path) -> None:
    shared = make(home, concurrencypop3="7", maxconnip="0")
    assert admitted(shared, b"192.0.2.1", 10) == 7
    assert admitted(shared, b"127.0.0.1", 1) == 0
    for _ in range(7):
        shared.left(b"192.0.2.1")
    assert (shared.clients.in_all(), shared.clients.of(b"192.0.2.1")) == (0, 0)


def test_the_defaults(home: Path) -> None:
    loaded = make(home).loaded
    assert (loaded.connections_max, loaded.per_address_max) == (1000, 100)


def test_a_rule_may_set_a_limit_of_its_own(home: Path) -> None:
    shared = make(home, rules=b'192.0.2.:allow,MAXCONNIP="1"\n', maxconnip="3")
    assert (admitted(shared, b"192.0.2.1", 5), admitted(shared, b"198.51.100.1", 5)) == (1, 3)


def test_who_is_denied_hears_nothing(home: Path) -> None:
    shared = make(home, rules=b"192.0.2.:deny\n:allow\n")
    with pytest.raises(Refused) as caught:
        shared.admit(b"192.0.2.1")
    assert (caught.value.words, shared.clients.in_all()) == (b"", 0)
    assert shared.admit(b"198.51.100.1") == {}


def test_rules_that_cannot_be_read_let_nobody_in(home: Path) -> None:
    (home / "control/tcp.pop3.cdb").write_bytes(b"damaged")
    with pytest.raises(Refused) as caught:
        make(home).admit(b"192.0.2.1")
    assert caught.value.words == service.NO_CONTROLS


def test_new_control_files_are_seen_and_broken_ones_leave_the_old_in_force(home: Path) -> None:
    shared = make(home, maxconnip="3")
    (home / "control/maxconnip").write_text("4 \n")
    shared.checked_ns = 0
    assert shared.current().per_address_max == 4
    (home / "control/me").unlink()
    shared.checked_ns = 0
    assert shared.current().me == b"mail.example.org"


def test_without_control_me_it_does_not_start(home: Path) -> None:
    (home / "control/me").unlink()
    with pytest.raises(Temporary, match="control/me"):
        service.load(os.fsencode(home))


async def _served(shared: Service, said: bytes) -> bytes:
    """What a client hears that says this, and then keeps silent, until it is closed."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(ours, said)
    serving = loop.create_task(edge.Connection(shared, theirs, b"192.0.2.1", {}).run(is_tls=False))
    heard = b""
    with ours:
        while data := await loop.sock_recv(ours, 4096):
            heard += data
    await serving
    return heard


GREETING = b"+OK mail.example.org ready\r\n"


@pytest.mark.parametrize(
    ("why", "name", "said", "heard"),
    [
        ("a client that says nothing", "COMMAND_S", b"", GREETING),
        ("one that does not end its command", "COMMAND_S", b"USER jo", GREETING),
        ("one that never comes to its password", "LOGIN_S", b"NOOP\r\n", GREETING + b"+OK \r\n"),
    ],
)
def test_it_does_not_wait_for_ever(home: Path, monkeypatch: pytest.MonkeyPatch, why: str, name: str, said: bytes, heard: bytes) -> None:
    shared = make(home)
    monkeypatch.setattr(edge, name, 0.01 if name == "COMMAND_S" else 0.05)
    assert heard.startswith(asyncio.run(_served(shared, said)))


def test_a_client_that_talks_on_is_closed_after_so_many_errors(home: Path) -> None:
    heard = asyncio.run(_served(make(home), b"XYZZY\r\n" * 30))
    assert heard == GREETING + b"-ERR authorization first\r\n" * 20 + b"-ERR too many errors\r\n"


def test_without_a_certificate_there_is_no_stls(home: Path) -> None:
    heard = asyncio.run(_served(make(home), b"STLS\r\nQUIT\r\n"))
    assert heard == GREETING + b"-ERR STLS is not possible now\r\n+OK \r\n"
