"""xqp: pick out what became of one message.

Usage    xqp QP < MATCHED; QP, the number under which its sender was told of it
Reads    fd 0, lines of matchup's (decisions/matchup)
Writes   fd 1: deliveries and messages with that number, as they are
Exits    0; 100 usage; 111 unable to read or write
Runs as  anybody
Source   xqp(1)
"""

from __future__ import annotations

from mta.formats.analog_line import Line
from mta.unix import analog_input, say
from mta.unix.fds import Fds

NAME = b"xqp"


def main(argv: list[bytes], env: dict[bytes, bytes], fds: Fds) -> int:
    if len(argv) != 1:
        return say.usage(fds, NAME, b"xqp qp")

    def is_wanted(line: Line) -> bool:
        return (line.is_delivery or line.is_message) and line.word(9) == argv[0]

    return analog_input.each(NAME, fds, lambda line: line if is_wanted(Line(line)) else b"")
