"""maildirqmtp: send what is in a Maildir to one host by QMTP.

Usage    maildirqmtp DIR PREFIX HOST
Does     what maildirserial -b -t 1209600 DIR PREFIX tcpclient -RHl0 -- HOST 209 serialqmtp PREFIX does, with the programs of
         this instance: what HOST will not have after two weeks is sent back
Exits    as maildirserial; 100 usage
Runs as  the owner of DIR
Source   maildirqmtp(1)
"""

from __future__ import annotations

from mta import runner
from mta.unix import exec_, say, warm
from mta.unix.fds import Fds

NAME = b"maildirqmtp"
LIFETIME_S = b"1209600"


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    """Our own maildirserial runs right here; whatever else stands in its place is run as it is."""
    if len(argv) < 3:
        return say.usage(fds, NAME, b"maildirqmtp dir prefix host")
    folder, prefix, host = argv[:3]
    bin_ = env[b"QMAIL_HOME"] + b"/bin/"
    client = [bin_ + b"tcpclient", b"-RHl0", b"--", host, b"209", bin_ + b"serialqmtp", prefix]
    command = [b"-b", b"-t", LIFETIME_S, b"--", folder, prefix, *client]
    foreign = warm.foreign_program(env[b"QMAIL_HOME"], b"maildirserial")
    if foreign is None:
        return runner.call("maildirserial", command, env, fds)
    try:
        exec_.become(foreign, [foreign, *command], env, {n: fds[n] for n in (0, 1, 2)})
    except OSError as error:
        return say.fatal(fds, NAME, b"unable to run " + foreign, error)
