"""config: find out this host's full name, and fill control/ accordingly.

Usage    config
Reads    the host's name, what the DNS calls it, the addresses of its interfaces and their names
Writes   control/me, defaultdomain, plusdomain (formats/host_name); control/locals, the names of all addresses; control/rcpthosts, the same;
         fd 1 says so
Exits    0 done; 111 the DNS does not know this host, which then needs config-fast, or a file cannot be written: those before it are
Limits   locals and rcpthosts are written anew: what they held is gone, as with the original. /etc/hosts counts as much as the DNS
Runs as  root
Source   config.sh, INSTALL
"""

from __future__ import annotations

import os
import socket

from mta.formats import control, host_name
from mta.formats.error_str import error_str
from mta.unix import atomic, interfaces
from mta.unix.fds import Fds

_NOWHERE = ("0.0.0.0", "::")  # noqa: S104 - addresses that stand for this host, and bear no name


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    host = os.uname().nodename
    name = _full_name(host)
    if name is None:
        fds.say(b"config: fatal: the DNS knows no host %b; run config-fast with the full name of this one\n" % os.fsencode(host))
        return 111
    _tell(fds, b"The full name of this host is %b.\n" % name)
    names = _names(name, fds)
    files = {
        b"me": [name],
        b"defaultdomain": [host_name.default_domain(name)],
        b"plusdomain": [host_name.plus_domain(name)],
        b"locals": names,
        b"rcpthosts": names,
    }
    return _write(env[b"QMAIL_HOME"], files, fds)


def _full_name(host: str) -> bytes | None:
    """What the DNS calls a host; None: it does not know it."""
    try:
        found = socket.getaddrinfo(host, None, flags=socket.AI_CANONNAME)[0][3]
    except OSError:  # socket.gaierror is one
        return None
    name = found.encode("ascii", "replace").lower()
    return name if b"." in name and host_name.is_name(name) else None


def _names(name: bytes, fds: Fds) -> list[bytes]:
    """Those of all our addresses, each once."""
    found = []
    for ip in sorted({*interfaces.own_addresses(), *_addresses(name)} - set(_NOWHERE)):
        local = _name_of(ip)
        if local is None:
            _tell(fds, b"%b has no name.\n" % ip.encode())
            continue
        _tell(fds, b"%b is %b.\n" % (ip.encode(), local))
        if local not in found:
            found.append(local)
    return found


def _addresses(name: bytes) -> set[str]:
    try:
        return {str(entry[4][0]) for entry in socket.getaddrinfo(name, None)}
    except OSError:
        return set()


def _name_of(ip: str) -> bytes | None:
    try:
        name = socket.getnameinfo((ip, 0), socket.NI_NAMEREQD)[0].encode("ascii", "replace").lower()
    except OSError:
        return None
    return name if host_name.is_name(name) else None


def _write(home: bytes, files: dict[bytes, list[bytes]], fds: Fds) -> int:
    folder = os.path.realpath(home + b"/control")  # where it is a link to a generation, the files of that are meant
    for file, lines in files.items():
        try:
            atomic.replace(os.path.join(folder, file), control.write_lines(lines))
        except OSError as error:
            fds.say(b"config: fatal: unable to write control/%b: %b\n" % (file, error_str(error.errno).encode()))
            return 111
        _tell(fds, b"control/%b: %b\n" % (file, b" ".join(lines)))
    _tell(
        fds,
        b"Mail by SMTP is now received for these names only. Domains that come to locals or virtualdomains belong into rcpthosts, too.\n",
    )
    return 0


def _tell(fds: Fds, text: bytes) -> None:
    try:
        fds.write(1, text)
    except OSError:  # nobody reads it
        pass
