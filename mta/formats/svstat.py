"""The line svstat prints for a service.

Grammar  DIR ": " ("up (pid " N ") " / "down ") S " seconds" then what applies of ", normally down" (up) or ", normally up" (down);
         ", paused" (up); ", want up" (down) or ", want down" (up)
         DIR ": " TROUBLE
Example  b"smtpd: up (pid 812) 86402 seconds\\n", b"smtpd: supervise not running\\n"
Limits   the seconds are those since the last start or end, 0 when the clock went back
Source   svstat(8), svstat.c
"""

from __future__ import annotations

from mta.formats.supervise_status import Status


def line(folder: bytes, status: Status, is_normally_up: bool, now_ns: int) -> bytes:
    """is_normally_up: there is no file "down"."""
    seconds = max(0, now_ns // 1_000_000_000 - status.when_ns // 1_000_000_000)
    what = b"up (pid %d)" % status.pid if status.pid else b"down"
    return b"%b: %b %d seconds%b\n" % (folder, what, seconds, b"".join(_notes(status, is_normally_up)))


def _notes(status: Status, is_normally_up: bool) -> list[bytes]:
    is_up = status.pid != 0
    notes = []
    if is_up != is_normally_up:
        notes.append(b", normally up" if is_normally_up else b", normally down")
    if is_up and status.is_paused:
        notes.append(b", paused")
    if is_up and status.want == b"d":
        notes.append(b", want down")
    if not is_up and status.want == b"u":
        notes.append(b", want up")
    return notes


def trouble(folder: bytes, words: bytes) -> bytes:
    return b"%b: %b\n" % (folder, words)
