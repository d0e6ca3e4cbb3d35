"""sendmail: qmail-inject with sendmail's options.

Usage    sendmail [-t] [-fSENDER] [-FNAME] [-bp] [-bs] [RECIPIENT ...]
         -t recipients from the header too; -bp list the queue (qmail-qread); -bs speak SMTP on descriptors 0 and 1 (qmail-smtpd);
         -v -i -m -x -bm -eX -pX -BX -oX -E -J are taken and ignored; everything else is refused
         As mailq it is -bp; as newaliases it is that program of fastforward. QMAIL_ARGV0 in the environment is the name it goes by.
Reads    what qmail-inject reads
Writes   nothing itself: it becomes qmail-inject -a (with -t: -H), qmail-qread, qmail-smtpd or newaliases
Exits    100 usage; 111 unable to run the program; else that program's
Limits   -f takes away the name of -F, as it always has: the From line then follows the sender (docs/quirks.md)
Runs as  the user who sends
Source   sendmail.c, SENDMAIL.md, qmail-inject(8)
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # the C module: signal would load enum
import os

from mta import runner
from mta.formats.sgetopt import BadOption, Options
from mta.unix import exec_, warm
from mta.unix.fds import Fds

_USAGE = b"sendmail: usage: sendmail [ -t ] [ -fsender ] [ -Fname ] [ -bp ] [ -bs ] [ arg ... ]\n"
_PERMANENT, _TEMPORARY = 100, 111

# a session of qmail-smtpd with a user of this machine, who may send anywhere
_LOCAL_SESSION = {
    b"RELAYCLIENT": b"",
    b"DATABYTES": b"0",
    b"PROTO": b"TCP",
    b"TCPLOCALIP": b"127.0.0.1",
    b"TCPLOCALHOST": b"localhost",
    b"TCPREMOTEIP": b"127.0.0.1",
    b"TCPREMOTEHOST": b"localhost",
    b"TCPREMOTEINFO": b"sendmail-bs",
}


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    env = dict(env)
    name = os.path.basename(env.pop(b"QMAIL_ARGV0", b"sendmail"))
    try:
        os.chdir(env[b"QMAIL_HOME"])
    except OSError:
        fds.say(b"sendmail: fatal: unable to switch to qmail home directory\n")
        return _TEMPORARY
    options = Options(argv, "vimte:f:p:o:B:F:E?J?xb:")
    try:
        return _run(options, name, env, fds)
    except BadOption as error:
        fds.say(b"%b: %b\n%b" % (name, error.text, _USAGE))
        return _PERMANENT


def _run(options: Options, name: bytes, env: dict[bytes, bytes], fds: Fds) -> int:
    recipients, sender = b"-a", None
    for letter, value in options:
        if letter == b"t":
            recipients = b"-H"
        elif letter == b"f":
            sender = value
        elif letter == b"F":
            env[b"MAILNAME"] = value
        elif letter == b"b" and value[:1] != b"m":
            return _other_mode(value[:1], env, fds)
    if name == b"mailq":
        return _become(b"qmail-qread", [], env, fds)
    if name == b"newaliases":
        return _run_or_become(b"newaliases", [], env, fds)
    if sender is not None:
        _take_sender(sender, env)
    given = [] if sender is None else [b"-f", sender]
    return _run_or_become(b"qmail-inject", [recipients, *given, b"--", *options.operands], env, fds)


def _other_mode(mode: bytes, env: dict[bytes, bytes], fds: Fds) -> int:
    if mode == b"p":
        return _become(b"qmail-qread", [], env, fds)
    if mode == b"s":
        session = env if b"PROTO" in env else {**env, **_LOCAL_SESSION}
        return _become(b"qmail-smtpd", [], session, fds)
    fds.say(_USAGE)
    return _PERMANENT


def _take_sender(sender: bytes, env: dict[bytes, bytes]) -> None:
    """The From line that qmail-inject may have to make shall follow the sender."""
    for variable in (b"QMAILNAME", b"MAILNAME", b"NAME", b"QMAILHOST", b"MAILHOST"):
        env.pop(variable, None)
    user, at, host = sender.rpartition(b"@")
    env[b"QMAILUSER"] = user if at else sender
    if at:
        env[b"QMAILHOST"] = host


def _run_or_become(name: bytes, argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    """A program of ours runs right here, which saves a second start of Python; whatever else stands in its place is run as it is."""
    if warm.foreign_program(env[b"QMAIL_HOME"], name) is None:
        return runner.call(name.decode(), argv, env, fds)
    return _become(name, argv, env, fds)


def _become(name: bytes, argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    """Returns only when that fails."""
    path = b"bin/" + name
    _signal.signal(_signal.SIGPIPE, _signal.SIG_DFL)  # Python ignores it; what comes next decides for itself
    try:
        exec_.become(path, [path, *argv], env, {number: fds[number] for number in (0, 1, 2)})
    except OSError:
        fds.say(b"sendmail: fatal: unable to run %b\n" % name)
    return _TEMPORARY
