"""Is a connection to a mail server encrypted, and must its certificate be right?

tlshosts/FQDN.pem       the certificates that vouch for FQDN: encryption and verification are required
notlshosts/FQDN         never
tlshosts/exhaustivelist never, but for the hosts with a FQDN.pem
otherwise               when the server offers it; its certificate is not looked at, for most servers have none that could be checked
login                   where we log in, encryption is required as well: a password does not cross a network in clear, unless notlshosts
                        says so or the server is on this machine
FQDN is the name of the mail exchanger or relay, not the domain of the recipient.
Source   the TLS patch of qmail-remote (ecosystem of 1.03), RFC 3207, RFC 7435
"""

from __future__ import annotations

from collections.abc import Container
from enum import Enum


class Tls(Enum):
    NEVER = "never"
    OFFERED = "offered"
    REQUIRED = "required"


def remote_tls(name: str, *, verified: Container[str], never: Container[str], is_exhaustive: bool) -> Tls:
    """name: of the server, lower case. verified: names with a FQDN.pem; it outweighs the other two."""
    if name in verified:
        return Tls.REQUIRED
    if is_exhaustive or name in never:
        return Tls.NEVER
    return Tls.OFFERED


def with_login(tls: Tls, ip: str) -> Tls:
    """For a server that we log in to."""
    is_here = ip.startswith("127.") or ip == "::1"
    return Tls.REQUIRED if tls is Tls.OFFERED and not is_here else tls
