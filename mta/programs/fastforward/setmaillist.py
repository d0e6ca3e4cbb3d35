"""setmaillist: compile a mailing list for fastforward.

Usage    setmaillist LIST.bin LIST.tmp < TEXT; both names on one file system
Reads    fd 0, an address or the path of another list a line (formats/maillist)
Writes   LIST.tmp, synced and renamed to LIST.bin, readable for all
Exits    0; 100 usage; 111 files, or text that cannot be compiled. Then the old LIST.bin stands, and there is no LIST.tmp
Limits   the list is held in memory
Runs as  the owner of the list
Source   setmaillist(1)
"""

from __future__ import annotations

from mta.formats import maillist
from mta.formats.forwards import Refused
from mta.unix import compiled, say
from mta.unix.fds import Fds

NAME = b"setmaillist"


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    if len(argv) < 2:
        return say.usage(fds, NAME, b"setmaillist list.bin list.tmp")
    path, temporary = argv[:2]
    try:
        items = maillist.from_text(compiled.read_all(fds[0]))
    except OSError as error:
        return say.fatal(fds, NAME, b"unable to read input", error)
    except Refused as error:
        say.fatal(fds, NAME, error.text)
        return error.exit
    return compiled.install(fds, NAME, temporary, path, maillist.write(items))
