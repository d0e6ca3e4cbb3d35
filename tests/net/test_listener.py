"""Listening addresses."""

from __future__ import annotations

import socket

import pytest

from mta.errors import Permanent, Temporary
from mta.net import listener


@pytest.mark.parametrize(
    ("why", "text", "found"),
    [
        ("IPv4", b"127.0.0.1:110", ("127.0.0.1", 110)),
        ("IPv6", b"[::1]:995", ("::1", 995)),
        ("a name", b"localhost:0", ("localhost", 0)),
        ("every address", b":25", ("", 25)),
        ("every address, said so", b"*:25", ("*", 25)),
    ],
)
def test_it_splits(why: str, text: bytes, found: tuple[str, int]) -> None:
    assert listener.split(text) == found


@pytest.mark.parametrize(
    ("why", "text"),
    [
        ("no port", b"127.0.0.1"),
        ("no number", b"127.0.0.1:pop3"),
        ("no such port", b"127.0.0.1:65536"),
        ("which colon?", b"::1:110"),
        ("not ASCII", b"\xe9:110"),
        ("nothing", b""),
    ],
)
def test_it_refuses(why: str, text: bytes) -> None:
    with pytest.raises(Permanent):
        listener.split(text)


def test_a_port_that_is_taken_is_temporary() -> None:
    first = listener.bind("127.0.0.1", 0, reuse_port=False)
    first.listen()
    with first, pytest.raises(Temporary, match="in use"):
        listener.bind("127.0.0.1", first.getsockname()[1], reuse_port=False)


def test_reuse_port_lets_two_listen() -> None:
    first = listener.bind("127.0.0.1", 0, reuse_port=True)
    second = listener.bind("127.0.0.1", first.getsockname()[1], reuse_port=True)
    with first, second:
        first.listen()
        second.listen()
        assert listener.name(first) == listener.name(second) == b"127.0.0.1:%d" % first.getsockname()[1]


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_every_address_means_both_families_on_one_socket() -> None:
    sock = listener.bind("", 0, reuse_port=False)
    sock.listen()
    with sock, socket.create_connection(("127.0.0.1", sock.getsockname()[1])):
        accepted, peer = sock.accept()
        accepted.close()
        assert listener.ip(peer[0]) == b"127.0.0.1"


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_an_ipv6_address_stands_beside_an_ipv4_one() -> None:
    one = listener.bind("0.0.0.0", 0, reuse_port=False)
    one.listen()
    with one, listener.bind("::", one.getsockname()[1], reuse_port=False) as other:
        assert listener.name(other) == b"[::]:%d" % one.getsockname()[1]


def test_an_unknown_host_is_temporary() -> None:
    with pytest.raises(Temporary):
        listener.bind("no..such.host", 0, reuse_port=False)


@pytest.mark.parametrize(
    ("text", "address"), [("192.0.2.1", b"192.0.2.1"), ("::ffff:192.0.2.1", b"192.0.2.1"), ("fe80::1%eth0", b"fe80::1")]
)
def test_addresses_of_peers_are_written_plainly(text: str, address: bytes) -> None:
    assert listener.ip(text) == address
