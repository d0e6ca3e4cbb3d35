"""qmail-smtpd: receive mail by SMTP on descriptors 0 and 1, as tcpserver or inetd starts it.

Usage    qmail-smtpd [CHECKPASSWORD SUBPROGRAM [ARGUMENT ...]], the arguments being a checkpassword program for AUTH (unix/checkpassword)
Reads    fd 0 the client; control/ me smtpgreeting localiphost timeoutsmtpd rcpthosts morercpthosts.cdb badmailfrom databytes badhelo
         badrcptto morebadrcptto.cdb signatures tarpitcount tarpitdelay; environment TCPREMOTEIP TCPREMOTEHOST TCPREMOTEINFO TCPLOCALIP
         TCPLOCALHOST RELAYCLIENT DATABYTES NOBADHELO TARPITCOUNT TARPITDELAY QMAILQUEUE SMTPAUTH
Writes   fd 1 the replies; each message to qmail-queue
AUTH     SMTPAUTH set: LOGIN and PLAIN; "+cram" those and CRAM-MD5; "cram" CRAM-MD5 only; with a "!" before it, nobody sends mail without;
         "-" and "0" are none. Who has logged in may send anywhere, and is TCPREMOTEINFO.
Exits    0 after QUIT; 1 when the client went away
Limits   899 octets an address, 2048 a command line, 100 hops; strict CRLF everywhere (docs/quirks.md)
Runs as  qmaild; as root where CHECKPASSWORD needs that
Source   qmail-smtpd(8), qmail-smtpd.c; the patches named in net/smtp/filters and net/smtp/auth
"""

from __future__ import annotations

import os

from mta.errors import MailError, Temporary
from mta.net.smtp import auth, filters, stdio, verbs
from mta.net.smtp.state import Client, Controls, Profile, Session, Verify
from mta.unix import checkpassword, clock, queue_call
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
    variables = dict(env)

    def verify(wanted: Verify) -> MailError | None:
        record = checkpassword.record(wanted.user, wanted.password, wanted.challenge)
        failure = checkpassword.ask(argv, record, variables)
        if failure is None:  # what the queue program is told
            variables.update({b"TCPREMOTEINFO": wanted.user, b"RELAYCLIENT": b""})
        return failure

    profile = _profile(argv, env.get(b"SMTPAUTH", _NO_AUTH[0]))
    session = Session(profile, _client(env, controls.greeting), controls)
    is_quit = stdio.serve(session, wire, lambda: queue_call.open_(home, variables), clock.now_s, verify)
    return 0 if is_quit else 1


_NO_AUTH = (b"-", b"0")
_IN_CLEAR = (b"LOGIN", b"PLAIN")


def _profile(argv: list[bytes], smtpauth: bytes) -> Profile:
    if smtpauth in _NO_AUTH or len(argv) < 2:
        return Profile()
    word = smtpauth.removeprefix(b"!")
    mechanisms = {b"cram": (auth.CRAM,), b"+cram": (*_IN_CLEAR, auth.CRAM)}.get(word, _IN_CLEAR)
    return Profile(has_size=True, has_auth=True, requires_auth=word != smtpauth, mechanisms=mechanisms, auth_in_clear=True)


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


def _client(env: dict[bytes, bytes], greeting: bytes) -> Client:
    databytes = env.get(b"DATABYTES")
    return Client(
        ip=env.get(b"TCPREMOTEIP", b"unknown"),
        host=env.get(b"TCPREMOTEHOST", b"unknown"),
        info=env.get(b"TCPREMOTEINFO"),
        local=env.get(b"TCPLOCALHOST", env.get(b"TCPLOCALIP", b"unknown")),
        relayclient=env.get(b"RELAYCLIENT"),
        databytes=int(databytes) if databytes is not None and databytes.isdigit() else None,
        exceptions=filters.exceptions(env),
        stamp=b"<%d.%d@%b>" % (os.getpid(), clock.now_s(), greeting.split(b" ", 1)[0]),
    )
