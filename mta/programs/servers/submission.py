"""submission: receive mail by SMTP from our own users, who must log in first (or come from an address that may relay).

Usage    submission --listen HOST:PORT ... [--listen-tls HOST:PORT ...] [--workers N]
Reads    as smtpd; asks run/login-broker whether a password is right
Writes   as smtpd
Exits    0 after TERM; 100 for a wrong command line; 111 if it cannot start
Limits   passwords are taken under TLS only, or from this machine; 1000 recipients a message
Runs as  qmaild, after it bound its addresses and read its key as root
Source   RFC 6409, RFC 4954, RFC 8314
"""

from __future__ import annotations

from mta.net.smtp import server
from mta.unix.fds import Fds


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    return server.run(b"submission", argv, env, fds, is_submission=True)
