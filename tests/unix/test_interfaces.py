from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from mta.unix import interfaces


def test_our_own_addresses_are_those_of_interfaces_that_are_up() -> None:
    own = interfaces.own_addresses()
    assert {"127.0.0.1", "0.0.0.0"} <= own
    assert "127.0.0.2" not in own, "the loopback network is ours only where an interface bears the address"


def test_the_kernel_s_own_list_says_the_same() -> None:
    trie = Path("/proc/net/fib_trie")
    if not trie.exists():
        pytest.skip("/proc/net/fib_trie is absent")
    local = set(re.findall(r"\|-- (\S+)\n\s+/32 host LOCAL", trie.read_text()))
    assert {ip for ip in interfaces.own_addresses() if ":" not in ip} == local | {"0.0.0.0"}


def test_every_address_is_in_the_form_a_peer_is_shown_in() -> None:
    for ip in interfaces.own_addresses():
        family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        assert socket.inet_ntop(family, socket.inet_pton(family, ip)) == ip


def test_there_is_no_route_to_what_is_no_address() -> None:
    assert not interfaces.has_route("no address")
