"""relay-ctrl-check: let the client relay if somebody has logged in from its address a little while ago.

Usage    relay-ctrl-check PROGRAM [ARGUMENT ...], before qmail-smtpd
Reads    the file of TCPREMOTEIP (formats/relay_ctrl) in RELAY_CTRL_DIR, or RELAY_CTRL_DIR_FD; RELAY_CTRL_EXPIRY: how many seconds a login
         is good for (900); RELAY_CTRL_RELAYCLIENT: what RELAYCLIENT becomes (nothing); with RELAYCLIENT in the environment already nothing
         is looked at
Writes   fd 2 a line of what it found, with RELAY_CTRL_LOG_IPS in the environment, and of each variable, with RELAY_CTRL_LOG_ENV
Does     sets RELAYCLIENT and the variables of the file, or removes one that has expired, and becomes PROGRAM, looked for in PATH
Exits    as PROGRAM; 1 usage; 111 PROGRAM cannot be run. Trouble with the directory is a warning: then the client is a stranger
Runs as  the user of PROGRAM
Source   relay-ctrl-check(8), relay-ctrl-check.c
"""

from __future__ import annotations

import time

from mta.errors import Temporary
from mta.formats import relay_ctrl
from mta.unix import pathexec, say
from mta.unix.fds import Fds
from mta.unix.relay_ctrl import Directory, expiry_s

NAME = b"relay-ctrl-check"


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    if not argv:
        say.usage(fds, NAME, b"relay-ctrl-check program [arguments]")
        return 1
    changed = dict(env)
    if b"RELAYCLIENT" in env:
        _log(fds, env, b"$RELAYCLIENT already set, not checking IP")
    else:
        _check(changed, fds)
    return pathexec.chain(NAME, argv, changed, fds, env.get(b"PATH"))


def _check(env: dict[bytes, bytes], fds: Fds) -> None:
    ip = relay_ctrl.address(env.get(b"TCPREMOTEIP", b""))
    if ip is None:
        say.warning(fds, NAME, b"$TCPREMOTEIP not set, not checking IP")
        return
    try:
        directory = Directory(env)
        try:
            _look(directory, ip, env, fds)
        finally:
            directory.close()
    except Temporary as failure:
        say.warning(fds, NAME, failure.text.encode())
    except OSError as error:
        say.warning(fds, NAME, b"unable to look for " + ip, error)


def _look(directory: Directory, ip: bytes, env: dict[bytes, bytes], fds: Fds) -> None:
    """Raises OSError."""
    found = directory.find(ip)
    if found is None:
        _log(fds, env, b"IP %b not found" % ip)
        return
    data, when_s = found
    if int(when_s) + expiry_s(env) < int(time.time()):
        _log(fds, env, b"Expired IP %b found, removing" % ip)
        directory.remove(ip)
        return
    _log(fds, env, b"IP %b found, setting $RELAYCLIENT" % ip)
    env[b"RELAYCLIENT"] = env.get(b"RELAY_CTRL_RELAYCLIENT", b"")
    for name, value in relay_ctrl.read(data):
        if b"RELAY_CTRL_LOG_ENV" in env:
            fds.say(b"%b: Setting %b=%b\n" % (NAME, name, value))
        env[name] = value


def _log(fds: Fds, env: dict[bytes, bytes], text: bytes) -> None:
    if b"RELAY_CTRL_LOG_IPS" in env:
        fds.say(b"%b: %b\n" % (NAME, text))
