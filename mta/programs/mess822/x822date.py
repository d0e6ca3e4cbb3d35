"""822date: print the date of the message in three ways.

Usage    822date [NAME] < MESSAGE; the field NAME is Date unless another is given
Reads    fd 0, of the message the header (formats/mess822_header, formats/mess822_when); TZ
Writes   fd 1: the moment as the last field of that name that can be understood has it; in UTC; in local time as ctime(3) does
Exits    0; 100 no such field, or none that can be understood; 111 unable to read or write
Limits   the header is held in memory; the third line is empty for a year that the C library does not know
Runs as  whoever may read the message
Source   822date(1)
"""

from __future__ import annotations

import time

from mta.formats import mess822_header, mess822_when
from mta.unix import header_input, say
from mta.unix.fds import Fds

PROGRAM = b"822date"
_NONE = 100


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    wanted = argv[0].lower() if argv else b"date"
    found = None
    try:
        for field in header_input.fields(fds[0]):
            if mess822_header.name(field) == wanted:
                found = mess822_when.read(mess822_header.value(field)) or found
    except OSError as error:
        return say.fatal(fds, PROGRAM, b"unable to read input", error)
    if found is None:
        return _NONE
    time_s = found.unix_s()
    try:
        fds.write(1, b"%b\n%b\n%b\n" % (found.plain(), mess822_when.utc(time_s).plain(), mess822_when.ctime(time_s, time.localtime)))
    except OSError as error:
        return say.fatal(fds, PROGRAM, b"unable to write output", error)
    return 0
