"""A name server on loopback for tests: UDP and TCP on one ephemeral port, answers from a table.

    with DnsServer({
        "dest.test":    {"MX": ["10 mx1.dest.test.", "20 mx2.dest.test."]},
        "mx1.dest.test": {"A": ["127.0.0.2"]},
        "alias.test":   {"CNAME": ["dest.test."]},       # chains are followed as far as the table goes, 20 links at most
        "null.test":    {"MX": ["0 ."]},
        "mail.test":    {"MX": SERVFAIL, "A": ["127.0.0.2"]},   # trouble with one kind only
        "broken.test":  SERVFAIL,                        # also REFUSED, NXDOMAIN
        "silent.test":  SILENCE,                         # no answer at all
        "junk.test":    GARBAGE,                         # an answer that cannot be read
    }) as dns:
        env[b"DNSCACHEIP"] = dns.dnscacheip              # b"127.0.0.1:PORT", for programs
        Resolver([dns.address])                          # ("127.0.0.1", PORT), for mta.net.resolver

Names not in the table do not exist; a kind not in a name's entry is an empty answer. Answers over 512 octets are truncated over UDP and
whole over TCP. Entries may be changed while it runs: dns.zone["new.test"] = {...}. What was asked stands in dns.queries, as (name, kind).
"""

from __future__ import annotations

import socket
import struct
import threading
from typing import Any

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

SERVFAIL, REFUSED, NXDOMAIN = "SERVFAIL", "REFUSED", "NXDOMAIN"
SILENCE, GARBAGE = "silence", "garbage"
UDP_MAX = 512
_LINKS_MAX = 20

Entry = dict[str, Any] | str


class DnsServer:
    def __init__(self, zone: dict[str, Entry], ip: str = "127.0.0.1", port: int = 0) -> None:
        """port: 53 for programs that know no other, as root and on an address of its own."""
        self.zone = {name.lower().rstrip("."): entry for name, entry in zone.items()}
        self.queries: list[tuple[str, str]] = []
        self._udp, self._tcp = _pair(ip, port)
        self.address: tuple[str, int] = self._udp.getsockname()
        self.dnscacheip = f"{ip}:{self.address[1]}".encode()
        self._threads = [threading.Thread(target=t, daemon=True) for t in (self._serve_udp, self._serve_tcp)]

    def __enter__(self) -> DnsServer:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        _hang_up(self._tcp)  # wakes accept
        self._udp.sendto(b"", self.address)  # wakes recvfrom
        for thread in self._threads:
            thread.join()
        self._udp.close()
        self._tcp.close()

    def _serve_udp(self) -> None:
        while True:
            query, client = self._udp.recvfrom(1 << 16)
            if not query:
                return
            answer = self._answer(query)
            if answer is not None:
                if len(answer) > UDP_MAX:
                    answer = _truncated(query)
                self._udp.sendto(answer, client)

    def _serve_tcp(self) -> None:
        while True:
            try:
                connection, _ = self._tcp.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as file:
                head = file.read(2)
                if len(head) == 2:
                    answer = self._answer(file.read(struct.unpack("!H", head)[0]))
                    if answer is not None:
                        connection.sendall(struct.pack("!H", len(answer)) + answer)

    def _answer(self, wire: bytes) -> bytes | None:
        query = dns.message.from_wire(wire)
        question = query.question[0]
        kind = dns.rdatatype.to_text(question.rdtype)
        self.queries.append((question.name.to_text(omit_final_dot=True).lower(), kind))
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        trouble = self._fill(response, question.name, kind)
        if trouble == SILENCE:
            return None
        if trouble == GARBAGE:
            return wire[:2] + b"\x81\x80\xff\xff\xff\xff\xff\xff\xff\xff"
        if trouble:
            response.set_rcode(dns.rcode.from_text(trouble))
        return response.to_wire(max_size=65535)

    def _fill(self, response: dns.message.Message, name: dns.name.Name, kind: str) -> str:
        """Put the records into the response -> "", or what is wrong with the name."""
        for _ in range(_LINKS_MAX):
            entry = self.zone.get(name.to_text(omit_final_dot=True).lower(), NXDOMAIN)
            if isinstance(entry, str):
                return entry
            found = entry.get(kind, [])
            if isinstance(found, str):
                return found
            if found:
                response.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *found))
                return ""
            if "CNAME" not in entry:
                return ""
            link = dns.rrset.from_text(name, 60, "IN", "CNAME", *entry["CNAME"])
            response.answer.append(link)
            name = link[0].target
        return ""


def _truncated(query: bytes) -> bytes:
    response = dns.message.make_response(dns.message.from_wire(query))
    response.flags |= dns.flags.TC | dns.flags.RA
    return response.to_wire()


def _pair(ip: str, port: int) -> tuple[socket.socket, socket.socket]:
    """A UDP and a TCP socket on the same port, a free one for 0."""
    while True:
        tcp = socket.create_server((ip, port))
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            udp.bind((ip, tcp.getsockname()[1]))
        except OSError:
            udp.close()
            tcp.close()
            if port:
                raise
        else:
            return udp, tcp


def _hang_up(listener: socket.socket) -> None:
    try:
        listener.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
