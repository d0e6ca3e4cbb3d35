"""Names -> mail exchangers and addresses, in qmail's two classes of failure, on dnspython.

Permanent  the name does not exist, or has nothing of the kind asked for; a name no DNS query can hold
Temporary  everything else: SERVFAIL, REFUSED, no answer in time, a CNAME chain without end, an answer that cannot be read
Servers    DNSCACHEIP (djbdns' variable) holds "ip", "ip:port" or "[ip]:port", several parted by blanks; without it /etc/resolv.conf,
           which is read again when it changes; without that 127.0.0.1. Names are absolute: search lists are not used.
Addresses  A records; AAAA only of a host that has no A, and only those this machine has a route to (the original knows IPv4 alone)
Limits     30 seconds a question, 5 for each try; 50 exchangers of a host, 50 addresses of each; 100 questions at a time
Use        in an event loop: await resolver.exchangers(host). Without one: asyncio.run(resolver.exchangers(host)).
Source     dns.c, dns_ip, dns_mxip; RFC 5321 5.1, RFC 7505 (null MX), djbdns' dnscache interface
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import dns.asyncresolver
import dns.exception
import dns.name
import dns.nameserver
import dns.rdatatype
import dns.resolver

from mta.decisions import mx_order
from mta.decisions.mx_order import Exchanger, Mx
from mta.errors import Permanent, Temporary
from mta.unix import interfaces

if TYPE_CHECKING:
    from dns.rdata import Rdata
    from dns.rdtypes.ANY.MX import MX

Server = tuple[str, int]  # address, port

LIFETIME_S = 30.0
TRY_S = 5.0
ADDRESS_MAX = 50  # addresses of one name that are looked at
QUESTIONS_MAX = 100  # at a time, of one resolver: each holds a socket
CACHE_SIZE = 10_000  # answers
CACHE_S = 60.0  # at most, whatever an answer says: enough for a burst, and an operator who flushed the name server's cache need not wait
DNS_PORT = 53
RESOLV_CONF = "/etc/resolv.conf"


class NotFound(Permanent):
    """No such name, or nothing of the kind asked for."""


class _Cache(dns.resolver.LRUCache):
    def put(self, key: dns.resolver.CacheKey, value: dns.resolver.Answer) -> None:
        value.expiration = min(value.expiration, time.time() + CACHE_S)
        super().put(key, value)


class Resolver:
    """Asks the given servers; the first that answers decides. cache_size: answers kept for a minute at most, 0 for none."""

    def __init__(self, servers: Sequence[Server], *, lifetime_s: float = LIFETIME_S, try_s: float = TRY_S, cache_size: int = 0) -> None:
        self._dns = dns.asyncresolver.Resolver(configure=False)
        self._dns.nameservers = [dns.nameserver.Do53Nameserver(ip, port) for ip, port in servers]
        self._dns.lifetime = lifetime_s
        self._dns.timeout = try_s
        if cache_size:
            self._dns.cache = _Cache(cache_size)
        self._room = asyncio.Semaphore(QUESTIONS_MAX)

    async def mx(self, host: bytes) -> list[Mx]:
        """MX records, unsorted. Raises NotFound, Temporary."""
        records: Sequence[MX] = await self._ask(host, "MX")  # type: ignore[assignment]  # an answer holds what was asked for
        return [Mx(r.preference, b".".join(r.exchange.labels[:-1])) for r in records]

    async def addresses(self, host: bytes) -> list[str]:
        """Addresses of a name, or the address that is written there. Raises NotFound, Temporary."""
        written = literal(host)
        if written is not None:
            return [written]
        try:
            return _texts(await self._ask(host, "A"))
        except NotFound:
            six = [ip for ip in _texts(await self._ask(host, "AAAA")) if interfaces.has_route(ip)]
            if not six:
                raise
            return six

    async def relay(self, host: bytes) -> list[Exchanger]:
        """Of a host that takes all mail itself: one named by smtproutes, or one without MX records. Raises NotFound, Temporary."""
        return [Exchanger(0, ip, _name(host)) for ip in await self.addresses(host)]

    async def exchangers(self, host: bytes) -> list[Exchanger]:
        """Every address that takes mail for host, at least one. Raises Permanent, Temporary: the texts of qmail-remote's reports."""
        if literal(host) is not None:
            return await self.relay(host)
        try:
            records = await self.mx(host)
        except NotFound:
            records = []
        if not records:
            return await self.relay(host)
        found = await asyncio.gather(*map(self._of_mx, mx_order.best(records)))
        usable = [e for one in found if isinstance(one, list) for e in one]
        if usable:
            return usable
        for failure in found:  # one that failed for now may be the one that would have taken the mail
            if isinstance(failure, Temporary):
                raise failure
        raise Permanent("Sorry, I couldn't find a mail exchanger or IP address. (#5.4.4)")

    async def _of_mx(self, mx: Mx) -> list[Exchanger] | Temporary:
        try:
            return [Exchanger(mx.preference, ip, _name(mx.name)) for ip in await self.addresses(mx.name)]
        except NotFound:
            return []
        except Temporary as failure:
            return failure

    async def _ask(self, name: bytes, kind: str) -> Sequence[Rdata]:
        """The records of one kind, CNAMEs followed; never empty."""
        try:
            question = dns.name.Name([*name.removesuffix(b".").split(b"."), b""])
        except dns.exception.DNSException:  # an empty label, or one over 63 octets
            raise _not_found(name) from None
        try:
            async with self._room:
                answer = await self._dns.resolve(question, kind, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            raise _not_found(name) from None
        except (dns.exception.DNSException, OSError) as error:
            raise Temporary("Sorry, I couldn't find any host by that name. (#4.1.2)", f"{_shown(name)} {kind}: {error}") from error
        return list(answer)


def literal(host: bytes) -> str | None:
    """b"192.0.2.1", b"[192.0.2.1]", b"[IPv6:2001:db8::1]" -> the address as the kernel writes it; None for a name."""
    text = host[1:-1] if host.startswith(b"[") and host.endswith(b"]") else host
    if text[:5].lower() == b"ipv6:":
        text = text[5:]
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            return socket.inet_ntop(family, socket.inet_pton(family, text.decode("ascii")))
        except (OSError, ValueError):  # a byte above 127, a NUL, or a name
            continue
    return None


def servers(env: Mapping[bytes, bytes]) -> list[Server]:
    """The name servers to ask. Raises Temporary when DNSCACHEIP makes no sense."""
    given = env.get(b"DNSCACHEIP", b"").split()
    if given:
        return [_server(text) for text in given]
    try:
        configured = dns.resolver.Resolver(RESOLV_CONF).nameservers
    except dns.resolver.NoResolverConfiguration:
        return [("127.0.0.1", DNS_PORT)]
    return [(str(ip), DNS_PORT) for ip in configured]


def _server(text: bytes) -> Server:
    ip = literal(text)
    port = str(DNS_PORT).encode()
    if ip is None:
        host, _, port = text.rpartition(b":")
        ip = literal(host)
    if ip is None or not port.isdigit() or not 0 < int(port) < 1 << 16:
        raise Temporary(f"DNSCACHEIP holds no address: {_shown(text)}")
    return ip, int(port)


class Resolvers:
    """The resolver of a process that lives long: made anew when /etc/resolv.conf has changed."""

    def __init__(self, env: Mapping[bytes, bytes]) -> None:
        self._env = env
        self._stamp = _stamp()
        self.current = Resolver(servers(env), cache_size=CACHE_SIZE)

    def refresh(self) -> None:
        stamp = _stamp()
        if stamp != self._stamp:
            self.current = Resolver(servers(self._env), cache_size=CACHE_SIZE)
            self._stamp = stamp


def _stamp() -> tuple[int, int, int] | None:
    try:
        st = os.stat(RESOLV_CONF)
    except OSError:
        return None
    return st.st_ino, st.st_mtime_ns, st.st_size


def _texts(records: Sequence[Rdata]) -> list[str]:
    return [r.to_text() for r in records[:ADDRESS_MAX]]


def _name(host: bytes) -> str:
    return host.strip(b"[].").decode("latin-1").lower()


def _not_found(host: bytes) -> NotFound:
    return NotFound(f"Sorry, I couldn't find any host named {_shown(host)}. (#5.1.2)")


def _shown(host: bytes) -> str:
    """Bytes that are no visible ASCII become "?"."""
    return "".join(chr(c) if 33 <= c <= 126 else "?" for c in host)
