"""xrecipient: pick out the deliveries to one recipient.

Usage    xrecipient CHANNEL.ADDRESS < MATCHED; CHANNEL.ADDRESS, as local.joe@example.org
Reads    fd 0, lines of matchup's (decisions/matchup)
Writes   fd 1: deliveries to it, as they are
Exits    0; 100 usage; 111 unable to read or write
Runs as  anybody
Source   xrecipient(1)
"""

from __future__ import annotations

from mta.formats.analog_line import Line
from mta.unix import analog_input, say
from mta.unix.fds import Fds

NAME = b"xrecipient"


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    if len(argv) != 1:
        return say.usage(fds, NAME, b"xrecipient recipient")

    def is_wanted(line: Line) -> bool:
        return line.is_delivery and line.word(8) == argv[0]

    return analog_input.each(NAME, fds, lambda line: line if is_wanted(Line(line)) else b"")
