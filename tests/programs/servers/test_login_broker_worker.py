"""The broker's child: what it looks at, as whom, and how long it takes. Rights are not given up here, only noted."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from mta.errors import MailError
from mta.formats import login_call, vpasswd
from mta.formats.login_call import Request
from mta.programs.servers.login_broker import worker
from mta.unix import accounts, cdbfile, crypt
from tests.support import unprivileged
from tests.support.mail_site import PASSWORD, Site

NOBODY = accounts.Account("tawnyd", 65_000, 65_000)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with unprivileged.folder() as home:
        site = Site(home)
        site.domain("example.org")
        site.mailbox("joe@example.org")
        site.mailbox("locked@example.org", b"")
        site.mailbox("no-smtp@example.org", flags=vpasswd.NO_SMTP)
        yield site


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """What the child did, in order: becoming somebody, opening a database, working out a hash."""
    did: list[tuple[str, Any]] = []
    real_open, real_hash = cdbfile.open_, crypt._hash
    monkeypatch.setattr(accounts, "drop", lambda uid, gid: did.append(("become", uid)))
    monkeypatch.setattr(accounts, "become", lambda account: did.append(("become", account.uid)))
    monkeypatch.setattr(cdbfile, "open_", lambda path: did.append(("open", os.path.basename(path))) or real_open(path))
    monkeypatch.setattr(crypt, "_hash", lambda password, setting: did.append(("hash", setting)) or real_hash(password, setting))
    return did


def check(site: Site, name: bytes, password: bytes, service: bytes = b"smtp") -> str:
    try:
        worker.check(site.home_bytes, Request(service, name, password, b""), NOBODY, is_session=False)
    except MailError as failure:
        return type(failure).__name__
    return "ok"


@pytest.mark.parametrize(
    ("why", "name", "password", "outcome", "uid"),
    [
        ("right", b"joe@example.org", PASSWORD, "ok", unprivileged.UID),
        ("wrong password", b"joe@example.org", b"x", "Permanent", unprivileged.UID),
        ("unknown user", b"ann@example.org", PASSWORD, "Permanent", unprivileged.UID),
        ("locked", b"locked@example.org", PASSWORD, "Permanent", unprivileged.UID),
        ("switched off", b"no-smtp@example.org", PASSWORD, "Permanent", unprivileged.UID),
        ("unknown domain", b"joe@example.com", PASSWORD, "Permanent", NOBODY.uid),
        ("no name", b"..", PASSWORD, "Permanent", NOBODY.uid),
    ],
)
def test_every_outcome_costs_one_hash_and_none_as_root(
    site: Site, noted: list[tuple[str, Any]], why: str, name: bytes, password: bytes, outcome: str, uid: int
) -> None:
    assert check(site, name, password) == outcome
    kinds = [kind for kind, _ in noted]
    assert kinds.count("hash") == 1
    assert noted[kinds.index("become")] == ("become", uid)
    assert kinds.index("become") < kinds.index("hash")
    after = [what for kind, what in noted[kinds.index("become") :] if kind == "open"]
    assert after == ([b"vpasswd.cdb"] if uid != NOBODY.uid else [])
    assert [what for kind, what in noted[: kinds.index("become")] if kind == "open"] == [b"cdb"]


@pytest.mark.parametrize(("passed_s", "left_s"), [(0.0, 0.25), (0.1, 0.15), (0.249, 0.001), (0.25, 0.25), (1.2, 0.05)])
def test_denials_come_at_fixed_moments(passed_s: float, left_s: float) -> None:
    assert worker._until_denial_s(passed_s) == pytest.approx(left_s)


class Child:
    """A child's life in this process: the other ends of its sockets are ours."""

    def __init__(self, site: Site, monkeypatch: pytest.MonkeyPatch, name: bytes = b"joe@example.org", *, has_client: bool) -> None:
        self.slept: list[float] = []
        monkeypatch.setattr(worker.time, "sleep", self.slept.append)
        monkeypatch.setattr(worker.title, "set_", lambda words: None)
        monkeypatch.setattr(os, "chdir", lambda path: monkeypatch.setattr(worker.mailbox, "open_", _opener(path)))
        self.front, answer = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.broker, channel = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.client, theirs = socket.socketpair()
        request = Request(b"pop3", name, PASSWORD, b"", b"STAT\r\nQUIT\r\n")
        self.job = worker.Job(site.home_bytes, NOBODY, request, answer, channel, theirs if has_client else None, worker.time.monotonic())
        self._all = (self.front, answer, self.broker, channel, self.client, theirs)

    def live(self, leave: bytes = b"") -> tuple[bytes, bytes, bytes]:
        """-> (what the broker heard, what the front heard, what the client heard)"""
        if leave:
            self.broker.send(leave)
        assert worker.run(self.job) == 0
        self.broker.setblocking(False)
        self.front.setblocking(False)
        self.client.setblocking(False)
        heard = tuple(_received(sock) for sock in (self.broker, self.front, self.client))
        for sock in self._all:
            sock.close()
        return heard  # type: ignore[return-value]


def _received(sock: socket.socket) -> bytes:
    try:
        return sock.recv(1024)
    except BlockingIOError:
        return b""


def _opener(directory: bytes) -> Any:
    """Stands in for a chdir: this process stays where it is."""
    real = worker.mailbox.open_
    return lambda path, profile, now_s: real(os.path.join(directory, path), profile, now_s)


def test_a_session_waits_for_the_brokers_leave(site: Site, noted: object, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Child(site, monkeypatch, has_client=True).live(worker.GO)
    assert heard[0] == b"Kjoe@example.org"
    assert login_call.read_answer(heard[1]).name == b"joe@example.org"
    assert heard[2] == b"+OK \r\n+OK 0 0\r\n+OK \r\n"


def test_without_leave_there_is_no_session(site: Site, noted: object, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Child(site, monkeypatch, has_client=True).live(b"Z")
    assert heard[1] == b"Z\0too many sessions"
    assert heard[2] == b""


def test_a_denial_waits_and_an_answer_does_not(site: Site, noted: object, monkeypatch: pytest.MonkeyPatch) -> None:
    denied = Child(site, monkeypatch, b"ann@example.org", has_client=False)
    assert denied.live()[:2] == (b"Dauthorization failed", b"D\0authorization failed")
    assert len(denied.slept) == 1 and 0 < denied.slept[0] <= worker.DENIAL_S
    allowed = Child(site, monkeypatch, has_client=False)
    assert allowed.live()[0] == b"Kjoe@example.org"
    assert allowed.slept == []


def test_a_front_that_went_away_gets_no_session(site: Site, noted: object, monkeypatch: pytest.MonkeyPatch) -> None:
    child = Child(site, monkeypatch, has_client=True)
    child.front.close()
    child.broker.send(worker.GO)
    assert worker.run(child.job) == 0
    child.client.setblocking(False)
    assert _received(child.client) == b""
    for sock in child._all:
        sock.close()


@pytest.mark.parametrize("failure", [OSError(5, "Input/output error"), ValueError("cdb is cut short")])
def test_trouble_is_temporary(site: Site, noted: object, monkeypatch: pytest.MonkeyPatch, failure: Exception) -> None:
    def broken(path: bytes) -> None:
        raise failure

    monkeypatch.setattr(cdbfile, "open_", broken)
    assert check(site, b"joe@example.org", PASSWORD) == "Temporary"


def test_a_directory_that_is_no_full_path_is_trouble(site: Site, noted: object, monkeypatch: pytest.MonkeyPatch) -> None:
    account = vpasswd.Account(b"joe", crypt.make(PASSWORD, bytes(16)), 1, 0, b"", b"../../etc", b"")
    monkeypatch.setattr(worker, "_find_account", lambda directory, user: account)
    assert check(site, b"joe@example.org", PASSWORD) == "Temporary"


def test_a_line_without_a_directory_means_the_usual_one(site: Site, noted: object, monkeypatch: pytest.MonkeyPatch) -> None:
    account = vpasswd.Account(b"joe", crypt.make(PASSWORD, bytes(16)), 1, 0, b"", b"", b"")
    monkeypatch.setattr(worker, "_find_account", lambda directory, user: account)
    found = worker.check(site.home_bytes, Request(b"smtp", b"joe@example.org", PASSWORD, b""), NOBODY, is_session=False)
    assert found.dir == os.fsencode(site.home / "domains/example.org/joe")
