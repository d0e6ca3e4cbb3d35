"""The small resolver against a name server on loopback."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from mta.errors import Temporary
from mta.net import dns_stub
from tests.support.dns_server import GARBAGE, REFUSED, SERVFAIL, SILENCE, DnsServer

ZONE = {
    "one.test": {"A": ["192.0.2.1", "192.0.2.2"], "AAAA": ["2001:db8::1"]},
    "alias.test": {"CNAME": ["one.test."]},
    "4.3.2.1.in-addr.arpa": {"PTR": ["Mail.Test.", "other.test."]},
    f"1.{'0.' * 23}8.b.d.0.1.0.0.2.ip6.arpa": {"PTR": ["six.test."]},
    "text.test": {"TXT": ['"a" "b\\200\\009"', '"c"']},
    "long.test": {"TXT": [f'"{"x" * 200}"'] + [f'"{i}{"y" * 200}"' for i in range(5)]},
    "broken.test": SERVFAIL,
    "refused.test": REFUSED,
    "silent.test": SILENCE,
    "junk.test": GARBAGE,
    "host.example.test": {"A": ["192.0.2.9"]},
}


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[bytes, bytes]]:
    monkeypatch.setattr(dns_stub, "TIMES_S", (0.05, 0.05))
    with DnsServer(dict(ZONE)) as server:
        yield {b"DNSCACHEIP": server.dnscacheip}


@pytest.mark.parametrize(
    ("why", "name", "found"),
    [
        ("a name", b"one.test", ["192.0.2.1", "192.0.2.2"]),
        ("another name of it", b"alias.test", ["192.0.2.1", "192.0.2.2"]),
        ("no such name", b"none.test", []),
        ("a name without addresses", b"text.test", []),
        ("an address is its own", b"192.0.2.7", ["192.0.2.7"]),
        ("in brackets, too", b"[192.0.2.7]", ["192.0.2.7"]),
        ("no address", b"1.2.3", []),
        ("no name that could exist", b"a" * 64 + b".test", []),
    ],
)
def test_addresses(why: str, name: bytes, found: list[str], env: dict[bytes, bytes]) -> None:
    assert sorted(dns_stub.addresses(env, name)) == found


def test_names_of_addresses(env: dict[bytes, bytes]) -> None:
    assert dns_stub.name_of(env, "1.2.3.4") in (b"mail.test", b"other.test")
    assert dns_stub.name_of(env, "2001:db8::1") == b"six.test"
    assert dns_stub.name_of(env, "192.0.2.7") is None


def test_whether_a_name_has_an_address(env: dict[bytes, bytes]) -> None:
    assert dns_stub.is_name_of(env, b"one.test", "192.0.2.2")
    assert not dns_stub.is_name_of(env, b"one.test", "192.0.2.3")
    assert dns_stub.is_name_of(env, b"one.test", "2001:db8::1")


def test_texts_are_put_together_and_washed(env: dict[bytes, bytes]) -> None:
    assert sorted(dns_stub.texts(env, b"text.test")) == sorted(b"ab??c")
    assert dns_stub.texts(env, b"one.test") == b""


def test_a_long_answer_comes_by_tcp(env: dict[bytes, bytes]) -> None:
    assert len(dns_stub.texts(env, b"long.test")) == 200 + 5 * 201


@pytest.mark.parametrize("name", [b"broken.test", b"refused.test", b"silent.test", b"junk.test"])
def test_no_answer_is_temporary(name: bytes, env: dict[bytes, bytes]) -> None:
    with pytest.raises(Temporary):
        dns_stub.addresses(env, name)


def closed_port() -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return b"127.0.0.1:%d" % sock.getsockname()[1]


def test_another_server_is_asked_when_one_is_in_trouble(env: dict[bytes, bytes]) -> None:
    with DnsServer({"one.test": SERVFAIL}) as broken:
        several = {b"DNSCACHEIP": b" ".join([closed_port(), broken.dnscacheip, env[b"DNSCACHEIP"]])}
        assert len(dns_stub.addresses(several, b"one.test")) == 2
        assert broken.queries == [("one.test", "A")]


def test_a_silent_server_is_asked_again(env: dict[bytes, bytes]) -> None:
    with DnsServer({"one.test": SILENCE}) as silent:
        with pytest.raises(Temporary):
            dns_stub.addresses({b"DNSCACHEIP": silent.dnscacheip}, b"one.test")
        assert silent.queries == [("one.test", "A")] * 2


@pytest.mark.parametrize(
    ("why", "word", "localdomain", "found"),
    [
        ("a domain is put behind it", b"host", b"example.test", ["192.0.2.9"]),
        ("one after the other", b"host", b"none.test example.test", ["192.0.2.9"]),
        ("none has it", b"other", b"none.test example.test", []),
        ("a name with a dot is whole", b"host.example.test", b"none.test", ["192.0.2.9"]),
        ("a dot at its end goes", b"host.example.test.", b"", ["192.0.2.9"]),
        ("nor without a domain", b"host", b"", []),
        ("this machine", b"localhost", b"example.test", ["127.0.0.1"]),
    ],
)
def test_names_as_persons_write_them(why: str, word: bytes, localdomain: bytes, found: list[str], env: dict[bytes, bytes]) -> None:
    assert dns_stub.addresses_of_word({**env, b"LOCALDOMAIN": localdomain}, word) == found


CONFIGURATION = (
    "# nameserver 192.0.2.9\nnameserver 192.0.2.1\nnameserver\t2001:db8::53\nnameserver x\nsearch example.test b.test\ndomain c.test\n"
)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (b"192.0.2.1", [("192.0.2.1", 53)]),
        (b"192.0.2.1:5353  192.0.2.2", [("192.0.2.1", 5353), ("192.0.2.2", 53)]),
        (b"[2001:db8::1]:5353 2001:db8::2 [::3]", [("2001:db8::1", 5353), ("2001:db8::2", 53), ("::3", 53)]),
        (b"example.org 192.0.2.1:x 192.0.2.1:0 192.0.2.1:65536 \xff", [("127.0.0.1", 53)]),
        (b" ", [("192.0.2.1", 53), ("2001:db8::53", 53)]),
        (b" ".join([b"192.0.2.1"] * 20), [("192.0.2.1", 53)] * 16),
    ],
)
def test_who_is_asked(given: bytes, found: list[tuple[str, int]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "resolv.conf").write_text(CONFIGURATION)
    monkeypatch.setattr(dns_stub, "RESOLV_CONF", str(tmp_path / "resolv.conf"))
    assert dns_stub.servers({b"DNSCACHEIP": given}) == found


def test_without_any_configuration_it_asks_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns_stub, "RESOLV_CONF", str(tmp_path / "none"))
    assert dns_stub.servers({}) == [("127.0.0.1", 53)]


def test_the_search_list_is_that_of_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, env: dict[bytes, bytes]) -> None:
    (tmp_path / "resolv.conf").write_text(CONFIGURATION)
    monkeypatch.setattr(dns_stub, "RESOLV_CONF", str(tmp_path / "resolv.conf"))
    assert dns_stub.addresses_of_word(env, b"host") == ["192.0.2.9"]
