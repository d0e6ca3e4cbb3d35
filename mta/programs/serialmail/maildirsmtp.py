"""maildirsmtp: send what is in a Maildir to one host by SMTP.

Usage    maildirsmtp DIR PREFIX HOST HELOHOST
Does     what maildirserial -b -t 1209600 DIR PREFIX tcpclient -RHl0 -- HOST 25 serialsmtp PREFIX HELOHOST does, with the programs of
         this instance: what HOST will not have after two weeks is sent back
Exits    as maildirserial; 100 usage
Runs as  the owner of DIR
Source   maildirsmtp(1)
"""

from __future__ import annotations

from mta import runner
from mta.unix import exec_, say, warm
from mta.unix.fds import Fds

NAME = b"maildirsmtp"
LIFETIME_S = b"1209600"


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    """Our own maildirserial runs right here; whatever else stands in its place is run as it is."""
    if len(argv) < 4:
        return say.usage(fds, NAME, b"maildirsmtp dir prefix host helohost")
    folder, prefix, host, helohost = argv[:4]
    bin_ = env[b"QMAIL_HOME"] + b"/bin/"
    client = [bin_ + b"tcpclient", b"-RHl0", b"--", host, b"25", bin_ + b"serialsmtp", prefix, helohost]
    command = [b"-b", b"-t", LIFETIME_S, b"--", folder, prefix, *client]
    foreign = warm.foreign_program(env[b"QMAIL_HOME"], b"maildirserial")
    if foreign is None:
        return runner.call("maildirserial", command, env, fds)
    try:
        exec_.become(foreign, [foreign, *command], env, {n: fds[n] for n in (0, 1, 2)})
    except OSError as error:
        return say.fatal(fds, NAME, b"unable to run " + foreign, error)
