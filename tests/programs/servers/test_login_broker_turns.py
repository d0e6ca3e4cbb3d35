"""When a login is checked: the throttle as waiting times. The clock is a number here."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import login_call
from mta.formats.login_call import Request
from mta.programs.servers.login_broker.loop import REQUEST_S, Broker
from mta.programs.servers.login_broker.turns import DELAYED_MAX, RUNNING_MAX, WAITING_MAX, Turn, Turns, keys
from mta.unix import ask


def turn(name: bytes = b"joe@example.org", ip: bytes = b"192.0.2.1", at_s: int = 0) -> Turn:
    return Turn(keys(name, ip), at_s)


def fail(turns: Turns, times: int, now_s: int = 0, name: bytes = b"joe@example.org", ip: bytes = b"192.0.2.1") -> None:
    for _ in range(times):
        turns.throttle.failed(keys(name, ip), now_s)


def test_the_first_ten_tries_are_free() -> None:
    turns = Turns()
    fail(turns, 9)
    one = turn()
    assert turns.add(one)
    assert turns.due(0) == [one]


@pytest.mark.parametrize(("failures", "delay_s"), [(10, 1), (11, 2), (12, 4), (14, 16), (15, 30), (200, 30)])
def test_then_each_waits_longer(failures: int, delay_s: int) -> None:
    turns = Turns()
    fail(turns, failures)
    one = turn()
    assert turns.add(one)
    assert turns.due(delay_s - 1) == []
    assert turns.next_s(delay_s - 1) == delay_s
    assert turns.due(delay_s) == [one]


@pytest.mark.parametrize(
    ("why", "other", "waits"),
    [
        ("the same name from elsewhere", turn(ip=b"198.51.100.1"), True),
        ("the same name in another way of writing", turn(b"JOE%Example.org", b"198.51.100.1"), True),
        ("another name from the same address", turn(b"ann@example.org"), True),
        ("another name from another address", turn(b"ann@example.org", b"198.51.100.1"), False),
        ("the same name, nobody knows from where", turn(ip=b""), True),
    ],
)
def test_names_and_addresses_are_counted_each_for_itself(why: str, other: Turn, waits: bool) -> None:
    turns = Turns()
    fail(turns, 12)
    assert turns.add(other)
    assert (turns.due(0) == []) == waits


def test_ipv6_addresses_count_by_their_network() -> None:
    assert keys(b"j", b"2001:db8::1")[1] == keys(b"j", b"2001:db8:0:0:ffff::2")[1] != keys(b"j", b"2001:db8:0:1::1")[1]
    assert keys(b"j", b"not:an:address")[1] == b"ip not:an:address"


def test_a_success_forgives_the_name_and_not_the_address() -> None:
    turns = Turns()
    fail(turns, 12)
    one = turn(ip=b"")
    turns.add(one)
    assert turns.due(4) == [one]
    turns.ended(one, 4, is_right=True)
    for other, waits in ((turn(ip=b"198.51.100.1", at_s=4), False), (turn(b"ann@x", at_s=4), True)):
        turns.add(other)
        assert (turns.due(4) == []) == waits


def test_a_burst_is_over_its_free_tries_before_it_is_through() -> None:
    turns = Turns()
    for _ in range(200):
        assert turns.add(turn())
    tried = 0
    for _ in range(5):
        for one in turns.due(0):
            tried += 1
            turns.ended(one, 0, is_right=False)
    assert tried == RUNNING_MAX
    assert turns.next_s(0) == 1


def test_only_so_many_wait_out_a_delay() -> None:
    turns = Turns()
    fail(turns, 20)
    assert [turns.add(turn()) for _ in range(DELAYED_MAX + 1)] == [True] * DELAYED_MAX + [False]
    assert turns.add(turn(b"ann@example.org", b"198.51.100.1")), "others are not kept out"


def test_only_so_many_wait_at_all() -> None:
    turns = Turns()
    assert all(turns.add(turn(b"%d@x" % n, b"")) for n in range(WAITING_MAX))
    assert not turns.add(turn(b"ann@x", b""))


def test_nobody_knows_is_neither_right_nor_wrong() -> None:
    turns = Turns()
    fail(turns, 10)
    for _ in range(5):
        one = turn()
        turns.add(one)
        assert turns.due(1) == [one]
        turns.ended(one, 1, is_right=None)
    assert turns.throttle.by_key[keys(b"joe@example.org", b"")[0]].count == 10


@given(
    st.lists(
        st.tuples(st.sampled_from([b"a", b"b"]), st.sampled_from([b"1.1.1.1", b"2.2.2.2", b""]), st.sampled_from([True, False, None])),
        max_size=60,
    )
)
def test_the_books_balance(logins: list[tuple[bytes, bytes, bool | None]]) -> None:
    turns = Turns()
    now_s = 0
    accepted = served = 0
    for name, ip, is_right in logins:
        accepted += turns.add(Turn(keys(name, ip), now_s))
        for one in turns.due(now_s):
            served += 1
            turns.ended(one, now_s, is_right=is_right)
        now_s += 1
    for one in turns.due(now_s + 60):
        served += 1
        turns.ended(one, now_s + 60, is_right=True)
    assert (served, turns.waiting, dict(turns.running)) == (accepted, [], {})


class Rig:
    """The loop of the real broker on a real socket, with a clock that is a number and children that are this test."""

    def __init__(self, folder: Path) -> None:
        self.path = os.fsencode(folder / "broker")
        self.now = 100.0
        self.log: list[bytes] = []
        self.forks = 0
        self.stop_read, self.stop_write = os.pipe()
        self.broker = Broker(
            ask.listen(self.path, mode=0o600, kind=socket.SOCK_SEQPACKET),
            frozenset({os.geteuid()}),
            self.stop_read,
            self.log.append,
            lambda: self.now,
            self._fork,
        )

    def _fork(self) -> int:
        self.forks += 1
        return 1 << 29  # a process id that no process has

    def caller(self, name: bytes = b"joe@example.org", ip: bytes = b"192.0.2.1") -> socket.socket:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sock.connect(self.path)
        sock.send(login_call.write_request(Request(b"smtp", name, b"x", ip)))
        self.turn()
        return sock

    def turn(self, times: int = 3) -> None:
        for _ in range(times):
            assert self.broker.step(0)

    def close(self) -> None:
        os.write(self.stop_write, b"x")
        self.broker.run()
        os.close(self.stop_read)
        os.close(self.stop_write)


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def test_the_loop_waits_for_the_clock(rig: Rig) -> None:
    for _ in range(12):
        rig.broker.turns.throttle.failed(keys(b"joe@example.org", b""), 100)
    with rig.caller():
        assert rig.forks == 0
        rig.now = 103.9
        rig.turn()
        assert rig.forks == 0
        assert rig.broker._timeout_s() == pytest.approx(0.1)
        rig.now = 104.0
        rig.turn()
        assert rig.forks == 1
    rig.close()


def test_who_does_not_wait_is_forgotten(rig: Rig) -> None:
    for _ in range(12):
        rig.broker.turns.throttle.failed(keys(b"joe@example.org", b""), 100)
    rig.caller().close()
    rig.turn()
    rig.now = 200.0
    rig.turn()
    assert (rig.forks, rig.broker.turns.waiting) == (0, [])
    rig.close()


def test_who_connects_and_asks_nothing_is_sent_away_in_time(rig: Rig) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
        sock.connect(rig.path)
        rig.turn()
        assert rig.broker._timeout_s() == REQUEST_S
        rig.now += REQUEST_S
        rig.turn()
        assert sock.recv(10) == b""
    rig.close()


def test_too_many_waiting_are_told_to_come_back(rig: Rig) -> None:
    for _ in range(20):
        rig.broker.turns.throttle.failed(keys(b"joe@example.org", b""), 100)
    waiting = [rig.caller() for _ in range(DELAYED_MAX)]
    with rig.caller() as one_more:
        assert one_more.recv(100) == b"Z\0too many logins are waiting"
    assert rig.log == [b"warning: smtp joe@example.org 192.0.2.1: too many logins are waiting"]
    for sock in waiting:
        sock.close()
    rig.close()


def test_an_idle_loop_sleeps_until_somebody_comes(rig: Rig) -> None:
    assert rig.broker._timeout_s() is None
    rig.close()


def test_a_fork_that_fails_is_temporary(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_fork() -> int:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(rig.broker, "_fork", no_fork)
    with rig.caller() as sock:
        assert sock.recv(100).startswith(b"Z\0unable to fork")
    assert dict(rig.broker.turns.running) == {}
    rig.close()
