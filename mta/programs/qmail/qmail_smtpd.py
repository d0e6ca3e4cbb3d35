"""qmail-smtpd: receive mail by SMTP on descriptors 0 and 1, as tcpserver or inetd starts it.

Reads    fd 0 the client; control/ me smtpgreeting localiphost timeoutsmtpd rcpthosts morercpthosts.cdb badmailfrom databytes;
         environment TCPREMOTEIP TCPREMOTEHOST TCPREMOTEINFO TCPLOCALIP TCPLOCALHOST RELAYCLIENT DATABYTES QMAILQUEUE
Writes   fd 1 the replies; each message to qmail-queue
Exits    0 after QUIT; 1 when the client went away
Limits   899 octets an address, 2048 a command line, 100 hops; strict CRLF everywhere (docs/quirks.md)
Runs as  qmaild
Source   qmail-smtpd(8), qmail-smtpd.c
"""

from __future__ import annotations

import os

from mta.errors import Temporary
from mta.net.smtp import filters, stdio, verbs
from mta.net.smtp.state import Client, Controls, Profile, Session
from mta.unix import clock, queue_call
from mta.unix.cdbfile import CdbFile
from mta.unix.controls import ControlDir, Unreadable
from mta.unix.fds import Fds


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    home = env[b"QMAIL_HOME"]
    try:
        os.chdir(home)
        folder = ControlDir(home)
        controls = _controls(folder, env)
        wire = stdio.Wire(fds[0], fds[1], max(1, folder.integer("timeoutsmtpd", 1200)))
    except (OSError, Unreadable, Temporary):
        fds.write(1, verbs.NO_CONTROLS)
        return 1
    session = Session(Profile(), _client(env), controls)
    is_quit = stdio.serve(session, wire, lambda: queue_call.open_(home, env), clock.now_s)
    return 0 if is_quit else 1


def _controls(folder: ControlDir, env: dict[bytes, bytes]) -> Controls:
    me = folder.line("me")
    greeting = folder.line("smtpgreeting", me)
    listed = folder.set_("rcpthosts")
    if greeting is None or (listed is None and b"RELAYCLIENT" not in env):
        raise Temporary("unable to read controls (#4.3.0)")  # without rcpthosts the original relays for everybody
    more = folder.open_file("morercpthosts.cdb")
    own = {b"127.0.0.1", b"0.0.0.0", env.get(b"TCPLOCALIP", b"")}
    return Controls(
        greeting=greeting,
        localiphost=folder.line("localiphost", me),
        databytes=folder.integer("databytes", 0),
        rcpthosts=listed,
        more=CdbFile(more).get if more is not None else None,
        badmailfrom=folder.set_("badmailfrom") or frozenset(),
        is_own_ip=own.__contains__,
        filters=filters.load(folder),
    )


def _client(env: dict[bytes, bytes]) -> Client:
    databytes = env.get(b"DATABYTES")
    return Client(
        ip=env.get(b"TCPREMOTEIP", b"unknown"),
        host=env.get(b"TCPREMOTEHOST", b"unknown"),
        info=env.get(b"TCPREMOTEINFO"),
        local=env.get(b"TCPLOCALHOST", env.get(b"TCPLOCALIP", b"unknown")),
        relayclient=env.get(b"RELAYCLIENT"),
        databytes=int(databytes) if databytes is not None and databytes.isdigit() else None,
        exceptions=filters.exceptions(env),
    )
