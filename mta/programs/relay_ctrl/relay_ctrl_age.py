"""relay-ctrl-age: forget logins that are too old to be good for anything.

Usage    relay-ctrl-age, from cron every few minutes
Reads    environment RELAY_CTRL_DIR, or RELAY_CTRL_DIR_FD; RELAY_CTRL_EXPIRY, seconds (900)
Writes   removes the files of that directory that are older. relay-ctrl-check does not trust them in any case
Exits    0; 1 the directory cannot be read
Runs as  root
Source   relay-ctrl-age(8), relay-ctrl-age.c
"""

from __future__ import annotations

import time

from mta.errors import Temporary
from mta.unix import say
from mta.unix.fds import Fds
from mta.unix.relay_ctrl import Directory, expiry_s

NAME = b"relay-ctrl-age"


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    try:
        directory = Directory(env)
        try:
            for name in directory.expired(int(time.time()) - expiry_s(env)):
                _remove(directory, name)
        finally:
            directory.close()
    except Temporary as failure:
        say.fatal(fds, NAME, failure.text.encode())
        return 1
    except OSError as error:
        say.fatal(fds, NAME, b"unable to read the directory", error)
        return 1
    return 0


def _remove(directory: Directory, name: bytes) -> None:
    try:
        directory.remove(name)
    except OSError:  # a folder, or somebody else's: no login of ours
        pass
