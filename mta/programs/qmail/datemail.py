"""datemail: sendmail with a Date line in local time.

Usage    datemail [ARGUMENT ...], the arguments being sendmail's
Does     what "predate sendmail ARGUMENT ..." does, with the programs of this instance
Reads    fd 0 the message
Exits    as predate and sendmail
Limits   see predate
Runs as  the user who sends
Source   datemail.sh
"""

from __future__ import annotations

from mta import runner
from mta.formats.error_str import error_str
from mta.unix import exec_, warm
from mta.unix.fds import Fds


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    """Our own predate runs right here, which saves a start of Python; whatever else stands in its place is run as it is."""
    home = env[b"QMAIL_HOME"]
    command = [home + b"/bin/sendmail", *argv]
    foreign = warm.foreign_program(home, b"predate")
    if foreign is None:
        return runner.call("predate", command, env, fds)
    try:
        exec_.become(foreign, [foreign, *command], env, {n: fds[n] for n in (0, 1, 2)})
    except OSError as error:
        fds.say(b"datemail: fatal: unable to run %b: %b\n" % (foreign, error_str(error.errno).encode()))
    return 111
