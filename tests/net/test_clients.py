"""The count of a server's clients, over all its processes."""

from __future__ import annotations

import os

import pytest

from mta.net.clients import Clients
from mta.unix import memory, rlimit


def test_they_are_counted_in_all_and_by_address() -> None:
    clients = Clients()
    for ip in (b"192.0.2.1", b"192.0.2.1", b"2001:db8::1"):
        clients.came(ip)
    assert (clients.in_all(), clients.of(b"192.0.2.1"), clients.of(b"2001:db8::1"), clients.of(b"192.0.2.9")) == (3, 2, 1, 0)
    clients.left(b"192.0.2.1")
    assert (clients.in_all(), clients.here(), clients.of(b"192.0.2.1")) == (2, 2, 1)


def test_processes_count_together() -> None:
    clients = Clients(2)
    pid = os.fork()
    if pid == 0:
        clients.be(1)
        for _ in range(5):
            clients.came(b"192.0.2.1")
        os._exit(0)
    clients.be(0)
    clients.came(b"192.0.2.1")
    os.waitpid(pid, 0)
    assert (clients.in_all(), clients.here(), clients.of(b"192.0.2.1")) == (6, 1, 6)


def test_the_memory_of_a_crowd_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []
    clients = Clients()
    monkeypatch.setattr(memory, "give_back", lambda: given.append(clients.here()))
    for count in (199, 800):
        for _ in range(count):
            clients.came(b"192.0.2.1")
        for _ in range(count):
            clients.left(b"192.0.2.1")
    assert given == [199, 49], "at a quarter of 800, and at a quarter of what was left then"


def test_memory_is_given_back_or_nothing_happens() -> None:
    memory.give_back()


def test_there_is_room_for_as_many_as_there_are_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rlimit, "descriptors", lambda: 74)  # 64 of them are the server's own
    for each, room in ((1, 10), (2, 5)):
        clients = Clients(each=each)
        while clients.has_room():
            clients.came(b"192.0.2.1")
        assert clients.here() == room
