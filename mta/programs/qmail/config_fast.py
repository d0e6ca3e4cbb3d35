"""config-fast: fill control/ for a host of that name.

Usage    config-fast NAME, the full name of this host
Writes   control/me, defaultdomain, plusdomain (formats/host_name); NAME is added to control/locals and control/rcpthosts; fd 1 says so
Exits    0 done; 100 usage, or that is no host name; 111 a file cannot be written: those before it are
Limits   what locals and rcpthosts hold stays, whatever it is
Runs as  root
Source   config-fast.sh, INSTALL
"""

from __future__ import annotations

import os

from mta.formats import host_name
from mta.formats.error_str import error_str
from mta.unix import atomic
from mta.unix.fds import Fds


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    if len(argv) != 1:
        fds.say(b"config-fast: usage: config-fast fqdn\n")
        return 100
    name = argv[0]
    if not host_name.is_name(name):
        fds.say(b"config-fast: fatal: that is no host name\n")
        return 100
    folder = os.path.realpath(env[b"QMAIL_HOME"] + b"/control")  # where it is a link to a generation, the files of that are meant
    file = b""
    try:
        for file, value in _lines(name):
            atomic.replace(os.path.join(folder, file), value)
            _tell(fds, b"control/%b: %b" % (file, value))
        for file in (b"locals", b"rcpthosts"):
            _add(os.path.join(folder, file), name)
            _tell(fds, b"control/%b: %b added\n" % (file, name))
    except OSError as error:
        fds.say(b"config-fast: fatal: unable to write control/%b: %b\n" % (file, error_str(error.errno).encode()))
        return 111
    _tell(
        fds, b"Mail by SMTP is now received for %b only. Domains that come to locals or virtualdomains belong into rcpthosts, too.\n" % name
    )
    return 0


def _lines(name: bytes) -> list[tuple[bytes, bytes]]:
    domains = ((b"defaultdomain", host_name.default_domain(name)), (b"plusdomain", host_name.plus_domain(name)))
    return [(file, value + b"\n") for file, value in ((b"me", name), *domains)]


def _add(path: bytes, name: bytes) -> None:
    """Raises OSError."""
    old = atomic.read(path) or b""
    if old and not old.endswith(b"\n"):
        old += b"\n"
    atomic.replace(path, old + name + b"\n")


def _tell(fds: Fds, text: bytes) -> None:
    try:
        fds.write(1, text)
    except OSError:  # nobody reads it
        pass
