"""The two Received fields: the one qmail-queue puts before every message, and the one the network daemons put before that.

Example  b"Received: (qmail 812 invoked by uid 1000); 3 Jan 1996 01:05:34 -0000\\n"
         b"Received: from client.example (HELO me) (joe@192.0.2.7)\\n  by mx.example.org with SMTP; 3 Jan 1996 01:05:34 -0000\\n"
Source   qmail-queue.c receivedfmt, received.c
"""

from __future__ import annotations

from mta.formats.date822 import stamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.@%+/=:-[]")


def queue_line(qp: int, how: bytes, now_s: int) -> bytes:
    """how is b"by alias", b"from network", b"for bounce" or b"by uid N"."""
    return b"Received: (qmail %d invoked %b); %b\n" % (qp, how, stamp(now_s))


def network_line(
    *, helo: bytes | None, remote_host: bytes, remote_info: bytes | None, remote_ip: bytes, local: bytes, protocol: bytes, now_s: int
) -> bytes:
    """Line of a message that came over the network. helo is left out where it only repeats the host's name."""
    named = b" (HELO %b)" % safe(helo) if helo is not None and helo.lower() != remote_host.lower() else b""
    info = safe(remote_info) + b"@" if remote_info is not None else b""
    return b"Received: from %b%b (%b%b)\n  by %b with %b; %b\n" % (
        safe(remote_host),
        named,
        info,
        safe(remote_ip),
        safe(local),
        protocol,
        stamp(now_s),
    )


def of_environment(env: Mapping[bytes, bytes], protocol: bytes, now_s: int) -> bytes:
    """Line of a message from a client that tcpserver's environment describes (tcp-environ(5))."""
    return network_line(
        helo=None,
        remote_host=env.get(b"TCPREMOTEHOST", b"unknown"),
        remote_info=env.get(b"TCPREMOTEINFO"),
        remote_ip=env.get(b"TCPREMOTEIP", b"unknown"),
        local=env.get(b"TCPLOCALHOST", env.get(b"TCPLOCALIP", b"unknown")),
        protocol=protocol,
        now_s=now_s,
    )


def safe(text: bytes) -> bytes:
    """Bytes a stranger chose, made harmless for a header line: all but a few become "?"."""
    return text if _PLAIN.issuperset(text) else bytes(c if c in _PLAIN else 0x3F for c in text)
