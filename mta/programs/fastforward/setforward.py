"""setforward: compile forwarding instructions for fastforward.

Usage    setforward DATA.cdb DATA.tmp < TEXT; both names on one file system
Reads    fd 0, the instructions (formats/setforward)
Writes   DATA.tmp, synced and renamed to DATA.cdb, readable for all
Exits    0; 100 usage, or text that cannot be compiled; 111 files. Then the old DATA.cdb stands, and there is no DATA.tmp
Limits   text and database are held in memory
Runs as  whoever may write there
Source   setforward(1)
"""

from __future__ import annotations

from mta.formats import cdb, setforward
from mta.formats.forwards import Refused
from mta.unix import compiled, say
from mta.unix.fds import Fds

NAME = b"setforward"


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    if len(argv) < 2:
        return say.usage(fds, NAME, b"setforward data.cdb data.tmp")
    path, temporary = argv[:2]
    try:
        records = setforward.read(compiled.read_all(fds[0]))
    except OSError as error:
        return say.fatal(fds, NAME, b"unable to read input", error)
    except Refused as error:
        say.fatal(fds, NAME, error.text)
        return error.exit
    return compiled.install(fds, NAME, temporary, path, cdb.write(records))
