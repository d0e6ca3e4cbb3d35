"""tcprulescheck: ask what the rules say of a client.

Usage    tcprulescheck RULES.cdb
Reads    the cdb (formats/tcprules_record); the client from TCPREMOTEIP (else 0.0.0.0), TCPREMOTEHOST and TCPREMOTEINFO
Writes   to fd 1 "rule KEY:" or "default:", a line for each variable the connection would get, and the verdict
Exits    0 whatever the verdict; 100 usage; 111 the cdb cannot be read
Source   tcprulescheck(1), tcprulescheck.c
"""

from __future__ import annotations

import errno

from mta.formats import tcprules_record
from mta.unix import cdb_read, say
from mta.unix.fds import Fds

NAME = b"tcprulescheck"
_DAMAGED = b"protocol error"  # what the original calls it


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    if not argv:
        return say.usage(fds, NAME, b"tcprulescheck rules.cdb")
    path = argv[0]
    client = env.get(b"TCPREMOTEIP", b"0.0.0.0"), env.get(b"TCPREMOTEHOST"), env.get(b"TCPREMOTEINFO")
    try:
        file = cdb_read.open_(path)
        if file is None:
            raise FileNotFoundError(errno.ENOENT, "none")
        try:
            found = tcprules_record.find_record(file.get, *client)
        finally:
            file.close()
    except OSError as error:
        return say.fatal(fds, NAME, b"unable to read " + path, error)
    except ValueError:
        return say.fatal(fds, NAME, b"unable to read %b: %b" % (path, _DAMAGED))
    fds.write(1, _answer(found))
    return 0


def _answer(found: tuple[bytes, bytes] | None) -> bytes:
    if found is None:
        return b"default:\nallow connection\n"
    key, data = found
    lines = [b"rule %b:\n" % key]
    for item in tcprules_record.items(data):
        if item[:1] == b"D":
            return b"".join(lines) + b"deny connection\n"
        if item[:1] == b"+":
            lines.append(b"set environment variable %b\n" % item[1:])
    return b"".join(lines) + b"allow connection\n"
