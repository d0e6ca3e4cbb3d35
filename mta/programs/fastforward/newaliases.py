"""newaliases: compile sendmail's /etc/aliases into a database for fastforward.

Usage    newaliases [FILE]; options, which sendmail's program has, are taken and ignored
Reads    FILE, /etc/aliases unless another is named (formats/aliases); control/defaulthost, defaultdomain, plusdomain, else me
Writes   FILE.tmp, synced and renamed to FILE.cdb, readable for all
Exits    0; 100 usage, or an address over 800 octets; 111 files, or a line that cannot be compiled. Then the old FILE.cdb stands, and
         there is no FILE.tmp
Limits   table and database are held in memory. Two at a time wait for each other.
Runs as  root
Source   newaliases(1)
"""

from __future__ import annotations

import os

from mta.formats import aliases, cdb
from mta.formats.forwards import Refused
from mta.unix import address_defaults, cdbfile, compiled, say
from mta.unix.controls import Unreadable
from mta.unix.fds import Fds

NAME = b"newaliases"
TABLE = b"/etc/aliases"


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    files = [word for word in argv if not word.startswith(b"-")]
    if len(files) > 1:
        return say.usage(fds, NAME, b"newaliases [ file ]")
    table = files[0] if files else TABLE
    try:
        with cdbfile.one_compiler(os.path.dirname(table) or b"."):
            return _compile(table, env[b"QMAIL_HOME"], fds)
    except OSError as error:
        return say.fatal(fds, NAME, b"unable to read " + table, error)


def _compile(table: bytes, home: bytes, fds: Fds) -> int:
    """Exit code. Raises OSError: table cannot be read."""
    try:
        defaults = address_defaults.load(home)
        with open(table, "rb") as file:
            records = aliases.compile_(file.read(), defaults)
    except Unreadable as error:
        return say.fatal(fds, NAME, str(error).encode())
    except Refused as error:
        say.fatal(fds, NAME, error.text)
        return error.exit
    return compiled.install(fds, NAME, table + b".tmp", table + b".cdb", cdb.write(records))
