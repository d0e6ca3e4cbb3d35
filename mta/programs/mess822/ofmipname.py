"""ofmipname: compile names and addresses for ofmipd.

Usage    ofmipname NAME.cdb NAME.tmp < TEXT; both names on one file system
Reads    fd 0 (formats/ofmipname)
Writes   NAME.tmp, synced and renamed to NAME.cdb, readable for all
Exits    0; 100 usage; 111 files. Then the old NAME.cdb stands, and there is no NAME.tmp
Limits   text and database are held in memory
Runs as  whoever may write there
Source   ofmipname(8)
"""

from __future__ import annotations

from mta.formats import cdb, ofmipname
from mta.unix import compiled, say
from mta.unix.fds import Fds

NAME = b"ofmipname"


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    if len(argv) < 2:
        return say.usage(fds, NAME, b"ofmipname cdb tmp")
    path, temporary = argv[:2]
    try:
        records = ofmipname.compile_(compiled.read_all(fds[0]))
    except OSError as error:
        return say.fatal(fds, NAME, b"unable to read input", error)
    return compiled.install(fds, NAME, temporary, path, cdb.write(records))
