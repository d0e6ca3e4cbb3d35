from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from mta.decisions.mx_order import MX_MAX, Exchanger, Mx
from mta.errors import MailError, Permanent, Temporary
from mta.net import resolver
from mta.net.resolver import ADDRESS_MAX, NotFound, Resolver, literal, servers
from mta.unix import interfaces
from tests.support.dns_server import GARBAGE, NXDOMAIN, REFUSED, SERVFAIL, SILENCE, DnsServer

MANY = 60

ZONE = {
    "plain.test": {"MX": ["10 mx1.plain.test.", "20 mx2.plain.test."]},
    "mx1.plain.test": {"A": ["127.0.0.2"]},
    "mx2.plain.test": {"A": ["127.0.0.3", "127.0.0.4"]},
    "only-a.test": {"A": ["127.0.0.5"]},
    "www.alias.test": {"CNAME": ["plain.test."]},
    "alias-to-a.test": {"CNAME": ["only-a.test."]},
    "round.test": {"CNAME": ["about.test."]},
    "about.test": {"CNAME": ["round.test."]},
    "dangling.test": {"CNAME": ["nowhere.test."]},
    "null.test": {"MX": ["0 ."]},
    "null-and-a.test": {"MX": ["0 ."], "A": ["127.0.0.5"]},
    "ghost.test": {"MX": ["10 nowhere.test."]},
    "half-ghost.test": {"MX": ["10 nowhere.test.", "20 mx1.plain.test."]},
    "half-broken.test": {"MX": ["10 broken.test.", "20 mx1.plain.test."]},
    "all-broken.test": {"MX": ["10 broken.test.", "20 nowhere.test."]},
    "mx-broken.test": {"MX": SERVFAIL, "A": ["127.0.0.5"]},
    "a-broken.test": {"A": SERVFAIL},
    "empty.test": {"TXT": ["x"]},
    "broken.test": SERVFAIL,
    "refused.test": REFUSED,
    "silent.test": SILENCE,
    "junk.test": GARBAGE,
    "written.test": {"MX": ["10 127.0.0.9."]},
    "six.test": {"AAAA": ["::1"]},
    "both.test": {"A": ["127.0.0.5"], "AAAA": ["::1"]},
    "far-six.test": {"AAAA": ["2001:db8::1"]},
    "many.test": {"MX": [f"{MANY - i} mx{i}.many.test." for i in range(MANY)]},
    **{f"mx{i}.many.test": {"A": [f"127.0.1.{i}"]} for i in range(MANY)},
    "crowd.test": {"A": [f"127.0.{i // 250}.{i % 250 + 1}" for i in range(300)]},
}


@pytest.fixture(scope="module")
def dns() -> Iterator[DnsServer]:
    with DnsServer(ZONE) as server:
        yield server


@pytest.fixture
def asked(dns: DnsServer) -> Resolver:
    return Resolver([dns.address])


@pytest.mark.parametrize(
    ("why", "host", "found"),
    [
        ("MX records, each with its addresses", b"plain.test", [(10, "127.0.0.2"), (20, "127.0.0.3"), (20, "127.0.0.4")]),
        ("case does not matter", b"PLAIN.Test", [(10, "127.0.0.2"), (20, "127.0.0.3"), (20, "127.0.0.4")]),
        ("nor does a final dot", b"only-a.test.", [(0, "127.0.0.5")]),
        ("no MX: its own address", b"only-a.test", [(0, "127.0.0.5")]),
        ("an alias of a host with MX", b"www.alias.test", [(10, "127.0.0.2"), (20, "127.0.0.3"), (20, "127.0.0.4")]),
        ("an alias of a host without", b"alias-to-a.test", [(0, "127.0.0.5")]),
        ("exchangers that do not exist are left out", b"half-ghost.test", [(20, "127.0.0.2")]),
        ("those that fail for now, too, when others do not", b"half-broken.test", [(20, "127.0.0.2")]),
        ("an MX that is written as an address", b"written.test", [(10, "127.0.0.9")]),
        ("an address in brackets", b"[127.0.0.2]", [(0, "127.0.0.2")]),
        ("an address without", b"127.0.0.2", [(0, "127.0.0.2")]),
        ("IPv6 where there is no IPv4", b"six.test", [(0, "::1")]),
        ("IPv4 where there are both", b"both.test", [(0, "127.0.0.5")]),
    ],
)
def test_it_finds(why: str, host: bytes, found: list[tuple[int, str]], asked: Resolver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interfaces, "has_route", lambda ip: ip == "::1")
    exchangers = asyncio.run(asked.exchangers(host))
    assert sorted((e.preference, e.ip) for e in exchangers) == found, why


HOST = "Sorry, I couldn't find any host named {}. (#5.1.2)"
EXCHANGER = "Sorry, I couldn't find a mail exchanger or IP address. (#5.4.4)"
LATER = "Sorry, I couldn't find any host by that name. (#4.1.2)"


@pytest.mark.parametrize(
    ("why", "host", "class_", "text"),
    [
        ("no such name", b"nowhere.test", Permanent, HOST.format("nowhere.test")),
        ("a name with neither MX nor address", b"empty.test", Permanent, HOST.format("empty.test")),
        ("an alias of nothing", b"dangling.test", Permanent, HOST.format("dangling.test")),
        ("the host says that it takes no mail", b"null.test", Permanent, EXCHANGER),
        ("even if it has an address", b"null-and-a.test", Permanent, EXCHANGER),
        ("all its exchangers do not exist", b"ghost.test", Permanent, EXCHANGER),
        ("SERVFAIL", b"broken.test", Temporary, LATER),
        ("SERVFAIL for MX, though there is an address", b"mx-broken.test", Temporary, LATER),
        ("no MX, SERVFAIL for the address", b"a-broken.test", Temporary, LATER),
        ("one exchanger fails for now, the others do not exist", b"all-broken.test", Temporary, LATER),
        ("REFUSED", b"refused.test", Temporary, LATER),
        ("aliases in a circle", b"round.test", Temporary, LATER),
        ("an empty label", b"a..test", Permanent, HOST.format("a..test")),
        ("no name at all", b"", Permanent, HOST.format("")),
        ("a label too long", b"x" * 64 + b".test", Permanent, HOST.format("x" * 64 + ".test")),
        ("bytes that cannot be shown", b"b\xc3\xa9 d.test", Permanent, HOST.format("b???d.test")),
        ("IPv6 only, and no way there", b"far-six.test", Permanent, HOST.format("far-six.test")),
    ],
)
def test_it_fails(why: str, host: bytes, class_: type[MailError], text: str, asked: Resolver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interfaces, "has_route", lambda ip: ip == "::1")
    with pytest.raises(class_) as failure:
        asyncio.run(asked.exchangers(host))
    assert str(failure.value) == text, why


@pytest.mark.parametrize("host", [b"silent.test", b"junk.test"])
def test_a_server_that_says_nothing_one_can_read_is_temporary(host: bytes, dns: DnsServer) -> None:
    with pytest.raises(Temporary, match=LATER.replace("(", "[(]").replace(")", "[)]")):
        asyncio.run(Resolver([dns.address], lifetime_s=0.1, try_s=0.1).exchangers(host))


def test_no_server_at_all_is_temporary() -> None:
    with pytest.raises(Temporary):
        asyncio.run(Resolver([("127.0.0.1", 1)], lifetime_s=0.5).exchangers(b"plain.test"))


def test_the_next_server_is_asked_when_the_first_refuses(dns: DnsServer) -> None:
    with DnsServer({"only-a.test": REFUSED}) as refusing:
        found = asyncio.run(Resolver([refusing.address, dns.address]).exchangers(b"only-a.test"))
    assert found == [Exchanger(0, "127.0.0.5", "only-a.test")]


def test_answers_too_large_for_udp_come_by_tcp_and_only_the_best_are_looked_at(asked: Resolver) -> None:
    exchangers = asyncio.run(asked.exchangers(b"many.test"))
    assert len(exchangers) == MX_MAX
    assert max(e.preference for e in exchangers) == MX_MAX, "the best fifty of sixty"


def test_only_so_many_addresses_of_a_name_are_looked_at(asked: Resolver) -> None:
    assert len(asyncio.run(asked.addresses(b"crowd.test"))) == ADDRESS_MAX


def test_exchangers_know_their_names(asked: Resolver) -> None:
    assert {e.name for e in asyncio.run(asked.exchangers(b"plain.test"))} == {"mx1.plain.test", "mx2.plain.test"}
    assert {e.name for e in asyncio.run(asked.exchangers(b"[127.0.0.2]"))} == {"127.0.0.2"}


def test_a_null_mx_is_a_record_without_name(asked: Resolver) -> None:
    assert asyncio.run(asked.mx(b"null.test")) == [Mx(0, b"")]


def test_a_relay_is_asked_for_its_address_only(dns: DnsServer, asked: Resolver) -> None:
    before = len(dns.queries)
    assert asyncio.run(asked.relay(b"only-a.test")) == [Exchanger(0, "127.0.0.5", "only-a.test")]
    assert dns.queries[before:] == [("only-a.test", "A")]
    with pytest.raises(NotFound):
        asyncio.run(asked.relay(b"plain.test"))


def test_answers_are_kept_for_as_long_as_they_say(dns: DnsServer) -> None:
    async def twice() -> None:
        asked = Resolver([dns.address], cache_size=10)
        for _ in range(2):
            await asked.exchangers(b"only-a.test")
            with pytest.raises(Permanent):
                await asked.exchangers(b"ghost.test")

    before = len(dns.queries)
    asyncio.run(twice())
    assert dns.queries[before:].count(("only-a.test", "A")) == 1
    assert dns.queries[before:].count(("ghost.test", "MX")) == 1


def test_but_not_for_long(dns: DnsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    async def twice() -> None:
        asked = Resolver([dns.address], cache_size=10)
        for _ in range(2):
            await asked.addresses(b"only-a.test")

    monkeypatch.setattr(resolver, "CACHE_S", 0.0)
    before = len(dns.queries)
    asyncio.run(twice())
    assert dns.queries[before:] == [("only-a.test", "A")] * 2


@pytest.mark.parametrize(
    ("why", "host", "ip"),
    [
        ("IPv4", b"192.0.2.1", "192.0.2.1"),
        ("in brackets", b"[192.0.2.1]", "192.0.2.1"),
        ("IPv6 as RFC 5321 writes it", b"[IPv6:2001:DB8::1]", "2001:db8::1"),
        ("IPv6 as people write it", b"[2001:db8::1]", "2001:db8::1"),
        ("a name", b"a.test", None),
        ("half a bracket", b"[192.0.2.1", None),
        ("too few numbers", b"192.0.2", None),
        ("a NUL", b"192.0.2.1\0", None),
        ("no ASCII", b"\xff", None),
    ],
)
def test_it_knows_a_written_address(why: str, host: bytes, ip: str | None) -> None:
    assert literal(host) == ip, why


@pytest.mark.parametrize(
    ("why", "text", "found"),
    [
        ("djbdns' form", b"127.0.0.53", [("127.0.0.53", 53)]),
        ("with a port, for tests", b"127.0.0.1:5353", [("127.0.0.1", 5353)]),
        ("IPv6 with a port", b"[::1]:5353", [("::1", 5353)]),
        ("IPv6 without", b"::1", [("::1", 53)]),
        ("several", b"127.0.0.1 127.0.0.2:54", [("127.0.0.1", 53), ("127.0.0.2", 54)]),
    ],
)
def test_dnscacheip_names_the_servers(why: str, text: bytes, found: list[tuple[str, int]]) -> None:
    assert servers({b"DNSCACHEIP": text}) == found, why


@pytest.mark.parametrize("text", [b"localhost", b"127.0.0.1:", b"127.0.0.1:x", b"127.0.0.1:0", b"127.0.0.1:65536", b":53"])
def test_dnscacheip_that_makes_no_sense_is_temporary(text: bytes) -> None:
    with pytest.raises(Temporary):
        servers({b"DNSCACHEIP": text})


def test_resolv_conf_names_the_servers_otherwise(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"{tmp_path}/resolv.conf"
    monkeypatch.setattr(resolver, "RESOLV_CONF", path)
    assert servers({}) == [("127.0.0.1", 53)], "there is none"
    with open(path, "w") as file:
        file.write("# ours\nnameserver 192.0.2.53\nnameserver 2001:db8::53\nsearch example.org\n")
    assert servers({}) == [("192.0.2.53", 53), ("2001:db8::53", 53)]


def test_a_process_that_lives_long_notices_a_new_resolv_conf(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"{tmp_path}/resolv.conf"
    monkeypatch.setattr(resolver, "RESOLV_CONF", path)
    resolvers = resolver.Resolvers({})
    first = resolvers.current
    resolvers.refresh()
    assert resolvers.current is first
    with open(path, "w") as file:
        file.write("nameserver 192.0.2.53\n")
    resolvers.refresh()
    assert resolvers.current is not first


def test_an_empty_name_server_table_says_that_names_do_not_exist() -> None:
    with DnsServer({"x.test": NXDOMAIN}) as dns, pytest.raises(NotFound):
        asyncio.run(Resolver([dns.address]).addresses(b"x.test"))
