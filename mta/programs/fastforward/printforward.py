"""printforward: write out a database of fastforward as text that setforward compiles again.

Usage    printforward < DATA.cdb
Reads    fd 0, the database (formats/forwards)
Writes   fd 1, its records in order (formats/setforward)
Exits    0; 100 what is on fd 0 is no such database: then nothing was written; 111 unable to read or write
Limits   the database is held in memory
Runs as  whoever may read it
Source   printforward(1)
"""

from __future__ import annotations

from mta.formats import cdb, setforward
from mta.unix import compiled, say
from mta.unix.fds import Fds

NAME = b"printforward"


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    try:
        text = setforward.write(cdb.records(compiled.read_all(fds[0])))
    except OSError as error:
        return say.fatal(fds, NAME, b"unable to read input", error)
    except ValueError:
        say.fatal(fds, NAME, b"bad database format")
        return 100
    try:
        fds.write(1, text)
    except OSError as error:
        return say.fatal(fds, NAME, b"unable to write output", error)
    return 0
