"""The decisions of remote delivery: where to, in which order, with TLS or without, whom to leave alone."""

from __future__ import annotations

import random
import socket
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.decisions import tcpto
from mta.decisions.mx_order import MX_MAX, Exchanger, Mx, best, mx_order
from mta.decisions.remote_route import Target, remote_route
from mta.decisions.remote_tls import Tls, remote_tls
from mta.formats import smtproutes
from mta.formats.tcpto import Entry


def route(host: bytes, *lines: bytes) -> Target:
    return remote_route(smtproutes.read(b"\n".join(lines)), host)


@pytest.mark.parametrize(
    ("why", "lines", "host", "target"),
    [
        ("no route", (), b"a.test", (b"a.test", 25, False)),
        ("a relay", (b"a.test:relay",), b"a.test", (b"relay", 25, True)),
        ("a relay and a port", (b"a.test:relay:2525",), b"a.test", (b"relay", 2525, True)),
        ("an empty relay: by MX", (b"a.test:", b":relay"), b"a.test", (b"a.test", 25, False)),
        ("an empty relay and a port: by MX, on that port", (b"::2525",), b"a.test", (b"a.test", 2525, False)),
        ("the rest", (b":relay",), b"a.test", (b"relay", 25, True)),
        ("the longest suffix", (b".test:far", b".a.test:near"), b"x.a.test", (b"near", 25, True)),
        ("a suffix does not mean the domain itself", (b".a.test:relay",), b"a.test", (b"a.test", 25, False)),
        ("an address in brackets", (b"a.test:[192.0.2.1]:26",), b"a.test", (b"[192.0.2.1]", 26, True)),
        ("IPv6 in brackets", (b"a.test:[2001:db8::1]:26",), b"a.test", (b"[2001:db8::1]", 26, True)),
        ("IPv6 in brackets, no port", (b"a.test:[2001:db8::1]",), b"a.test", (b"[2001:db8::1]", 25, True)),
        ("a port that is no number", (b"a.test:relay:abc",), b"a.test", (b"relay", 0, True)),
        ("a port that is too large", (b"a.test:relay:65536",), b"a.test", (b"relay", 0, True)),
        ("the last of two", (b"a.test:one", b"A.TEST:two"), b"a.test", (b"two", 25, True)),
    ],
)
def test_the_route(why: str, lines: tuple[bytes, ...], host: bytes, target: tuple[bytes, int, bool]) -> None:
    found = route(host, *lines)
    assert (found.host, found.port, found.is_relay) == target, why


def test_targets_are_equal_but_for_case() -> None:
    assert route(b"A.test") == route(b"a.TEST")
    assert hash(route(b"A.test")) == hash(route(b"a.TEST"))
    assert route(b"A.test").host == b"A.test", "reports name the host as it was written"
    assert route(b"a.test") != route(b"b.test")
    assert route(b"a.test", b":relay") == route(b"b.test", b":RELAY")


exchangers = st.lists(st.builds(Exchanger, st.integers(0, 4), st.sampled_from(["127.0.0.1", "192.0.2.1", "192.0.2.2", "192.0.2.3"])))


@given(exchangers, st.randoms(use_true_random=False))
def test_exchangers_stand_in_order_and_none_is_behind_ourselves(found: list[Exchanger], rng: random.Random) -> None:
    own = [e.preference for e in found if e.ip == "127.0.0.1"]
    ordered = mx_order(found, is_me="127.0.0.1".__eq__, shuffle=rng.shuffle)
    wanted = [e for e in found if not own or e.preference < min(own)]
    if ordered is None:
        assert found and not wanted
        return
    assert sorted(ordered, key=repr) == sorted(wanted, key=repr)
    assert [e.preference for e in ordered] == sorted(e.preference for e in ordered)


def test_equal_exchangers_come_in_every_order() -> None:
    found = [Exchanger(10, ip) for ip in ("192.0.2.1", "192.0.2.2", "192.0.2.3")]
    rng = random.Random(7)  # noqa: S311
    seen = {tuple(e.ip for e in mx_order(found, is_me=lambda _: False, shuffle=rng.shuffle) or ()) for _ in range(100)}
    assert len(seen) == 6


def test_the_best_records_are_looked_at_and_never_the_root() -> None:
    many = [Mx(100 - i, b"mx%d" % i) for i in range(80)]
    assert [mx.preference for mx in best([*many, Mx(0, b"")])] == sorted(mx.preference for mx in many)[:MX_MAX]


@pytest.mark.parametrize(
    ("why", "verified", "never", "is_exhaustive", "use"),
    [
        ("nothing said", (), (), False, Tls.OFFERED),
        ("a certificate for it", ("mx",), (), False, Tls.REQUIRED),
        ("forbidden", (), ("mx",), False, Tls.NEVER),
        ("both: the certificate counts", ("mx",), ("mx",), False, Tls.REQUIRED),
        ("an exhaustive list without it", ("other",), (), True, Tls.NEVER),
        ("an exhaustive list with it", ("mx",), (), True, Tls.REQUIRED),
    ],
)
def test_tls(why: str, verified: Sequence[str], never: Sequence[str], is_exhaustive: bool, use: Tls) -> None:
    assert remote_tls("mx", verified=verified, never=never, is_exhaustive=is_exhaustive) is use, why


IP = socket.inet_aton("192.0.2.1")


@pytest.mark.parametrize(
    ("why", "entry", "now_s", "pid", "is_skipped"),
    [
        ("once is not enough", Entry(IP, 1, 1000), 1001, 0, False),
        ("twice", Entry(IP, 2, 1000), 1001, 0, True),
        ("for 3840 seconds", Entry(IP, 2, 1000), 4839, 0, True),
        ("and no longer", Entry(IP, 2, 1000), 4840, 0, False),
        ("or for 5824, as the process id has it", Entry(IP, 2, 1000), 6823, 31, True),
        ("and no longer than that", Entry(IP, 2, 1000), 6824, 31, False),
        ("another address", Entry(b"\0\0\0\1", 9, 1000), 1001, 0, False),
    ],
)
def test_an_address_is_left_out(why: str, entry: Entry, now_s: int, pid: int, is_skipped: bool) -> None:
    assert tcpto.is_skipped([entry], IP, now_s=now_s, pid=pid) == is_skipped, why


FREE = Entry(bytes(4), 0, 0)
OTHER = socket.inet_aton("192.0.2.2")


@pytest.mark.parametrize(
    ("why", "entries", "now_s", "written"),
    [
        ("the first time", [FREE], 1000, (0, Entry(IP, 1, 1000))),
        ("within two minutes: once", [Entry(IP, 1, 1000)], 1119, None),
        ("later: twice", [Entry(IP, 1, 1000)], 1120, (0, Entry(IP, 2, 1120))),
        ("ten is the most", [Entry(IP, 10, 1000)], 2000, (0, Entry(IP, 10, 2000))),
        ("its own free record", [FREE, Entry(IP, 0, 1000)], 1001, (1, Entry(IP, 1, 1001))),
        ("a free record", [Entry(OTHER, 1, 0), FREE], 1000, (1, Entry(IP, 1, 1000))),
        ("no free record: the oldest", [Entry(OTHER, 1, 900), Entry(OTHER, 1, 800)], 1000, (1, Entry(IP, 1, 1000))),
        ("a count weighs 1024 seconds", [Entry(OTHER, 2, 800), Entry(OTHER, 1, 900)], 1000, (1, Entry(IP, 1, 1000))),
        ("no table", [], 1000, None),
    ],
)
def test_a_time_out_is_written_down(why: str, entries: list[Entry], now_s: int, written: tuple[int, Entry] | None) -> None:
    assert tcpto.timed_out(entries, IP, now_s=now_s) == written, why


def test_a_connection_clears_the_count_and_nothing_else() -> None:
    assert tcpto.connected([FREE, Entry(IP, 7, 1000)], IP) == (1, Entry(IP, 0, 1000))
    assert tcpto.connected([FREE], IP) is None
