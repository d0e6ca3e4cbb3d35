"""qmail-remote: send one message by SMTP.

qmail-remote HOST SENDER RECIPIENT [RECIPIENT ...]

Reads    fd 0 the message; control/ me helohost smtproutes authsenders outgoingip timeoutconnect timeoutremote tlshosts/ notlshosts/
         clientcert.pem tlsclientciphers; queue/lock/tcpto; /etc/resolv.conf, or the environment's DNSCACHEIP
Writes   fd 1 the reports (net/smtp_client/reports): r, h or s for each recipient, then K, Z or D; queue/lock/tcpto
Exits    0, always: the reports say how it went
Limits   see net/smtp_client/reply, net/resolver; a message may be of any size and is never held whole
Runs as  qmailr
Source   qmail-remote(8), qmail-remote.c; EHLO, TLS and the rest that is not in the original: docs/quirks.md
"""

from __future__ import annotations

import asyncio
import os

from mta.errors import MailError, Permanent, Temporary
from mta.net import resolver
from mta.net.smtp_client import controls, reports
from mta.net.smtp_client.deliver import Courier
from mta.net.smtp_client.message import Message
from mta.net.smtp_client.state import Envelope
from mta.unix.controls import ControlDir, Unreadable
from mta.unix.fds import Fds
from mta.unix.tcpto import TcpTo

_OPERANDS_MIN = 3


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    try:
        said = asyncio.run(_deliver(argv, env, fds))
    except MailError as error:
        said = reports.of_error(error)
    fds.write(1, said)
    return 0


async def _deliver(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> bytes:
    """The reports. Raises Permanent, Temporary when it does not come to a delivery."""
    if len(argv) < _OPERANDS_MIN:
        raise Permanent(reports.IMPROPER)
    host, sender, *recipients = argv
    home = env[b"QMAIL_HOME"]
    if not os.path.isdir(home):
        raise Temporary(reports.NO_HOME)
    try:
        folder = ControlDir(home)
    except Unreadable:
        raise Temporary(reports.NO_CONTROLS) from None
    courier = Courier(
        controls=controls.load(folder),
        resolver=resolver.Resolver(resolver.servers(env)),
        tcpto=TcpTo(os.path.join(home, b"queue/lock/tcpto"), pid=os.getpid()),
    )
    said = await courier.deliver(host, Envelope(sender, tuple(recipients)), Message(fds[0]))
    await courier.pool.close()
    return said
