"""printmaillist: write out a compiled mailing list, one item a line.

Usage    printmaillist < LIST.bin
Reads    fd 0, the list (formats/maillist)
Writes   fd 1: addresses with their "&", and the paths of other lists; setmaillist compiles it again
Exits    0; 100 what is on fd 0 is no such list: then nothing was written; 111 unable to read or write
Limits   the list is held in memory
Runs as  whoever may read it
Source   printmaillist(1)
"""

from __future__ import annotations

from mta.formats import maillist
from mta.unix import compiled, say
from mta.unix.fds import Fds

NAME = b"printmaillist"


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    try:
        text = maillist.to_text(compiled.read_all(fds[0]))
    except OSError as error:
        return say.fatal(fds, NAME, b"unable to read input", error)
    except ValueError:
        say.fatal(fds, NAME, b"bad mailing list format")
        return 100
    try:
        fds.write(1, text)
    except OSError as error:
        return say.fatal(fds, NAME, b"unable to write output", error)
    return 0
