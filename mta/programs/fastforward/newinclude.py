"""newinclude: compile sendmail's :include: file into a mailing list for fastforward.

Usage    newinclude LIST
Reads    LIST (formats/include_file); control/defaulthost, defaultdomain, plusdomain, else me; QMAILDEFAULTHOST, QMAILDEFAULTDOMAIN,
         QMAILPLUSDOMAIN
Writes   LIST.tmp, synced and renamed to LIST.bin, readable for all
Exits    0; 100 usage; 111 files, or a line that cannot be compiled. Then the old LIST.bin stands, and there is no LIST.tmp
Limits   the list is held in memory
Runs as  the owner of the list
Source   newinclude(1)
"""

from __future__ import annotations

from mta.formats import include_file, maillist
from mta.formats.forwards import Refused
from mta.unix import address_defaults, compiled, say
from mta.unix.controls import Unreadable
from mta.unix.fds import Fds

NAME = b"newinclude"


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    if not argv:
        return say.usage(fds, NAME, b"newinclude list")
    path = argv[0]
    try:
        defaults = address_defaults.load(env[b"QMAIL_HOME"], env)
        with open(path, "rb") as file:
            items = include_file.items(file.read(), defaults)
    except Unreadable as error:
        return say.fatal(fds, NAME, str(error).encode())
    except OSError as error:
        return say.fatal(fds, NAME, b"unable to read " + path, error)
    except Refused as error:
        say.fatal(fds, NAME, error.text)
        return error.exit
    return compiled.install(fds, NAME, path + b".tmp", path + b".bin", maillist.write(items))
