"""xsender: pick out the messages and deliveries of one sender.

Usage    xsender SENDER < MATCHED; SENDER, without angle brackets
Reads    fd 0, lines of matchup's (decisions/matchup)
Writes   fd 1: deliveries and messages whose sender is <SENDER>, as they are
Exits    0; 100 usage; 111 unable to read or write
Runs as  anybody
Source   xsender(1)
"""

from __future__ import annotations

from mta.formats.analog_line import Line
from mta.unix import analog_input, say
from mta.unix.fds import Fds

NAME = b"xsender"


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    if len(argv) != 1:
        return say.usage(fds, NAME, b"xsender sender")
    wanted = b"<%b>" % argv[0]

    def is_wanted(line: Line) -> bool:
        return (line.is_delivery and line.word(7) == wanted) or (line.is_message and line.word(8) == wanted)

    return analog_input.each(NAME, fds, lambda line: line if is_wanted(Line(line)) else b"")
