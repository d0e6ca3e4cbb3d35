"""zsendmail: what matchup found, in words like those of sendmail's log.

Usage    zsendmail < MATCHED
Reads    fd 0, lines of matchup's (decisions/matchup)
Writes   fd 1: for a delivery its end, "qp", "to=", "uid=", "ddelay=", "xdelay=" and "stat=Sent", "Failed" or "Deferred" with the report;
         for a message when it was done, "qp", "from=", "uid=", "size=", "nrcpts=", "deferrals=" and "qtime="; all other lines as they are
Exits    0; 100 usage; 111 unable to read or write
Runs as  anybody
Source   zsendmail(1)
"""

from __future__ import annotations

from mta.formats.analog_line import Line, show
from mta.unix import analog_input, say
from mta.unix.fds import Fds

NAME = b"zsendmail"
_STATES = {b"k": b"Sent", b"d": b"Failed"}


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    if argv:
        return say.usage(fds, NAME, NAME)
    return analog_input.each(NAME, fds, _sentence)


def _sentence(text: bytes) -> bytes:
    line = Line(text)
    if line.is_delivery:
        return _delivery(line)
    return _message(line) if line.is_message else text


def _delivery(line: Line) -> bytes:
    w, n = line.word, line.number
    state = _STATES.get(w(2), b"Deferred")
    delays = (n(5) - n(3), n(5) - n(4))
    return b"%b qp %b: to=%b, uid=%b, ddelay=%.6f, xdelay=%.6f, stat=%b (%b)\n" % (w(5), w(9), w(8), w(10), *delays, state, w(11))


def _message(line: Line) -> bytes:
    w, n = line.word, line.number
    counts = (show(n(5) + n(6)), w(7), n(3) - n(2))
    return b"%b qp %b: from=%b, uid=%b, size=%b, nrcpts=%b, deferrals=%b, qtime=%.6f\n" % (w(3), w(9), w(8), w(10), w(4), *counts)
