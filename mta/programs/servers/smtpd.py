"""smtpd: receive mail by SMTP from many clients at a time, for our domains and from relay clients.

Usage    smtpd --listen HOST:PORT ... [--listen-tls HOST:PORT ...] [--workers N]
Reads    control/ me smtpgreeting localiphost timeoutsmtpd rcpthosts morercpthosts.cdb badmailfrom databytes virtualdomains maxrcpt
         maxconnip concurrencyincoming tcp.smtp.cdb servercert.pem, and those of net/smtp/filters: badhelo badrcptto morebadrcptto.cdb
         signatures tarpitcount tarpitdelay; asks run/vmaild whether a virtual recipient exists
Writes   messages to run/queue-writer; fd 2 one line for each message taken and each refusal
Exits    0 after TERM; 100 for a wrong command line; 111 if it cannot start, and always when control/rcpthosts is missing
Limits   see net/smtp/edge and net/smtp/service; 100 recipients of a stranger's message
Runs as  qmaild, after it bound its addresses and read its key as root
Source   qmail-smtpd(8), tcpserver(1), RFC 5321
"""

from __future__ import annotations

from mta.net.smtp import server
from mta.unix.fds import Fds


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    return server.run(b"smtpd", argv, env, fds, is_submission=False)
