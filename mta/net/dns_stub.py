"""Questions to a name server that knows the rest, for programs that are started for each connection: no cache, no threads, next to no
imports. (Servers that live long use net/resolver.)

Servers  DNSCACHEIP (djbdns' variable) holds "ip", "ip:port" or "[ip]:port", several parted by blanks; without it the nameserver lines of
         /etc/resolv.conf; without those 127.0.0.1
Tries    each server in turn by UDP, for 3, then 11, then 45 seconds; one that is in trouble is not asked again. A truncated answer is asked
         for once more by TCP, 10 seconds
Limits   16 servers. Temporary when no server answers; a name that does not exist has no records
Source   dns_transmit.c, dns_resolve.c, dns_rcip.c, dns_txt.c, dns_ip.c, dns_name.c, dns_ipq.c in djbdns
"""

from __future__ import annotations

import _socket
import os
import select
import time

from mta.errors import Temporary
from mta.formats import dns_message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    Server = tuple[str, int]

DNS_PORT = 53
RESOLV_CONF = "/etc/resolv.conf"
_SERVERS_MAX = 16
TIMES_S = (3.0, 11.0, 45.0)
_TCP_S = 10.0
_CONFIGURATION_MAX = 1 << 16


class _Trouble(Exception):
    """This server cannot help."""


def texts(env: Mapping[bytes, bytes], name: bytes) -> bytes:
    """All TXT records, one behind the other; octets that are no visible ASCII or blank become "?". Raises Temporary."""
    return bytes(c if 32 <= c <= 126 else 63 for c in b"".join(_ask(env, name, dns_message.TXT)))


def addresses(env: Mapping[bytes, bytes], name: bytes) -> list[str]:
    """IPv4 addresses of a name, none when it has none, or the one that is written there. Raises Temporary."""
    if all(c in b"0123456789.[]" for c in name):  # no name of a host
        written = packed(name.strip(b"[]").removesuffix(b"."))
        return [] if written is None else [_socket.inet_ntop(_socket.AF_INET, written)]
    return [_socket.inet_ntop(_socket.AF_INET, ip) for ip in _ask(env, name, dns_message.A)]


def addresses_of_word(env: Mapping[bytes, bytes], name: bytes) -> list[str]:
    """addresses() of a name as a person writes it: one without dots gets the domains of LOCALDOMAIN or of /etc/resolv.conf behind it, one
    after the other until it has an address. "localhost" is 127.0.0.1. Raises Temporary."""
    if name.lower() == b"localhost":
        return ["127.0.0.1"]
    domains = _search(env) if b"." not in name else []
    for domain in domains:
        found = addresses(env, b"%b.%b" % (name, domain))
        if found:
            return found
    return [] if domains else addresses(env, name.removesuffix(b"."))


def name_of(env: Mapping[bytes, bytes], ip: str) -> bytes | None:
    """The first name of an address, None when it has none. Raises Temporary."""
    family = _socket.AF_INET6 if ":" in ip else _socket.AF_INET
    found = _ask(env, dns_message.reverse(_socket.inet_pton(family, ip)), dns_message.PTR)
    return found[0] if found else None


def is_name_of(env: Mapping[bytes, bytes], name: bytes, ip: str) -> bool:
    """Has this name this address? Raises Temporary."""
    family, kind = (_socket.AF_INET6, dns_message.AAAA) if ":" in ip else (_socket.AF_INET, dns_message.A)
    return _socket.inet_pton(family, ip) in _ask(env, name, kind)


def packed(ip: bytes) -> bytes | None:
    """The 4 octets of an IPv4 address; None: it is none."""
    try:
        return _socket.inet_pton(_socket.AF_INET, ip.decode("latin-1"))
    except (OSError, ValueError):  # ValueError: a NUL
        return None


def written_six(ip: bytes) -> str | None:
    """An IPv6 address as the kernel writes it; None: it is none."""
    try:
        return _socket.inet_ntop(_socket.AF_INET6, _socket.inet_pton(_socket.AF_INET6, ip.decode("latin-1")))
    except (OSError, ValueError):
        return None


def servers(env: Mapping[bytes, bytes]) -> list[Server]:
    """Whom to ask. What makes no sense is left out."""
    given = env.get(b"DNSCACHEIP", b"").split() or [words[1] for words in _configuration() if words[0] == b"nameserver" and len(words) > 1]
    found = [server for server in map(_server, given) if server is not None]
    return found[:_SERVERS_MAX] or [("127.0.0.1", DNS_PORT)]


def _server(text: bytes) -> Server | None:
    host, port = text, b"%d" % DNS_PORT
    if text.startswith(b"["):
        host, _, rest = text[1:].partition(b"]")
        port = rest.removeprefix(b":") or port
    elif text.count(b":") == 1:
        host, _, port = text.partition(b":")
    family = _socket.AF_INET6 if b":" in host else _socket.AF_INET
    try:
        _socket.inet_pton(family, host.decode("latin-1"))
        number = int(port)
    except (OSError, ValueError):
        return None
    return (host.decode(), number) if 0 < number < 1 << 16 else None


def _search(env: Mapping[bytes, bytes]) -> list[bytes]:
    if b"LOCALDOMAIN" in env:
        return env[b"LOCALDOMAIN"].split()
    for words in _configuration():
        if words[0] in (b"search", b"domain"):
            return words[1:]
    host = os.uname().nodename.encode()
    return [host.partition(b".")[2]] if b"." in host else []


def _configuration() -> list[list[bytes]]:
    """The words of each line that has any."""
    try:
        with open(RESOLV_CONF, "rb") as file:
            return [words for line in file.read(_CONFIGURATION_MAX).split(b"\n") if (words := line.split())]
    except OSError:
        return []


def _ask(env: Mapping[bytes, bytes], name: bytes, kind: int) -> list[bytes]:
    try:
        dns_message.question(0, name, kind)
    except ValueError:  # no such name can exist
        return []
    left = servers(env)
    for patience_s in TIMES_S:
        for server in list(left):
            try:
                found = _udp(server, name, kind, patience_s)
            except (_Trouble, OSError):
                left.remove(server)
            else:
                if found is not None:
                    return found
        if not left:
            break
    raise Temporary("temporarily unable to ask the name server", name.decode("latin-1"))


def _udp(server: Server, name: bytes, kind: int, patience_s: float) -> list[bytes] | None:
    """The values; None: no answer came in time. Raises _Trouble, OSError."""
    asked = dns_message.question(int.from_bytes(os.urandom(2), "big"), name, kind)
    sock = _connected(
        server, _socket.SOCK_DGRAM, _TCP_S
    )  # connected: the kernel drops what comes from elsewhere, and tells of a closed port
    try:
        sock.send(asked)
        answer = _answer_in_time(sock, asked, time.monotonic() + patience_s)
    finally:
        sock.close()
    if answer is None:
        return None
    if answer.is_truncated:
        answer = _tcp(server, name, kind)
    if answer.code not in (dns_message.NO_ERROR, dns_message.NO_SUCH_NAME):
        raise _Trouble
    return answer.values


def _answer_in_time(sock: _socket.socket, asked: bytes, deadline_s: float) -> dns_message.Answer | None:
    while (left_s := deadline_s - time.monotonic()) > 0:
        if not select.select([sock.fileno()], [], [], left_s)[0]:
            break
        try:
            return dns_message.read(sock.recv(1 << 16), asked)
        except dns_message.NotAsked:  # somebody guesses
            continue
        except ValueError as error:
            raise _Trouble from error
    return None


def _tcp(server: Server, name: bytes, kind: int) -> dns_message.Answer:
    asked = dns_message.question(int.from_bytes(os.urandom(2), "big"), name, kind)
    sock = _connected(server, _socket.SOCK_STREAM, _TCP_S)
    try:
        sock.sendall(len(asked).to_bytes(2, "big") + asked)
        size = int.from_bytes(_exactly(sock, 2), "big")
        answer = dns_message.read(_exactly(sock, size), asked)
    except ValueError as error:
        raise _Trouble from error
    finally:
        sock.close()
    return dns_message.Answer(answer.code, False, answer.values)


def _exactly(sock: _socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = sock.recv(size - len(data))
        if not piece:
            raise _Trouble
        data += piece
    return data


def _connected(server: Server, kind: int, timeout_s: float) -> _socket.socket:
    sock = _socket.socket(_socket.AF_INET6 if ":" in server[0] else _socket.AF_INET, kind | _socket.SOCK_CLOEXEC)
    sock.settimeout(timeout_s)
    try:
        sock.connect(server)
    except OSError:
        sock.close()
        raise
    return sock
