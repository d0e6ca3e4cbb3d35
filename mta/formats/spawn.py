"""What qmail-send says to qmail-lspawn and qmail-rspawn, and what they answer.

Start    spawner -> qmail-send, once: one byte, how many deliveries it can run at a time (conf-spawn; 120 is b"x").
Wide     above 255 that number and every SLOT take two bytes, the lower first, as with the big-concurrency patch. Both sides know it from
         control/concurrencylimit.
Command  SLOT (one byte), message NUL, sender NUL, recipient NUL; message is "H/N", the name below queue/mess.
Report   SLOT, letter K, Z or D, text, NUL. Text is free but for NUL.
Example  b"\\0" b"7/2361621\\0" b"s@x\\0" b"joe@h\\0"  ->  b"\\0Kdid 1+0+0\\n\\0"
Limits   qmail-send keeps the first 10000 octets of a report.
Source   INTERNALS 4, spawn.c, qmail-send.c
"""

from __future__ import annotations

from dataclasses import dataclass

CAPACITY = 120  # conf-spawn, where control/concurrencylimit does not say otherwise
CAPACITY_MAX = 65535
_NARROW_MAX = 255
REPORT_MAX = 10000
MESSAGE_NAME_MAX = 100


@dataclass(frozen=True, slots=True)
class Command:
    slot: int
    message: bytes  # b"H/N"
    sender: bytes
    recipient: bytes


@dataclass(frozen=True, slots=True)
class Report:
    slot: int
    letter: bytes
    text: bytes


def bounded(limit: int) -> int:
    """control/concurrencylimit as it counts."""
    return min(max(limit, 1), CAPACITY_MAX)


def width(capacity: int) -> int:
    """How many bytes a slot takes."""
    return 1 if capacity <= _NARROW_MAX else 2


def hello(capacity: int) -> bytes:
    """What a spawner says at start."""
    return capacity.to_bytes(width(capacity), "little")


def write_command(c: Command, wide: int = 1) -> bytes:
    """wide: the width of a slot, here and below."""
    return b"%b%b\0%b\0%b\0" % (c.slot.to_bytes(wide, "little"), c.message, c.sender, c.recipient)


def read_commands(buffer: bytes, wide: int = 1) -> tuple[list[Command], bytes]:
    """Bytes so far -> (whole commands, the bytes of the next one)."""
    found: list[Command] = []
    at = 0
    while True:
        ends = []
        end = at + wide - 1
        for _ in range(3):
            end = buffer.find(b"\0", end + 1)
            if end < 0:
                return found, buffer[at:]
            ends.append(end)
        a, b, c = ends
        slot = int.from_bytes(buffer[at : at + wide], "little")
        found.append(Command(slot, buffer[at + wide : a], buffer[a + 1 : b], buffer[b + 1 : c]))
        at = c + 1


def write_report(slot: int, letter: bytes, text: bytes, wide: int = 1) -> bytes:
    return b"%b%b%b\0" % (slot.to_bytes(wide, "little"), letter, text.replace(b"\0", b"?"))


def read_reports(buffer: bytes, wide: int = 1) -> tuple[list[Report], bytes]:
    """Bytes so far -> (whole reports, the bytes of the next one). Slot 0 is a NUL that ends nothing."""
    found: list[Report] = []
    at = 0
    while True:
        end = buffer.find(b"\0", at + wide)
        if end < 0:
            return found, buffer[at:]
        body = buffer[at + wide : end][:REPORT_MAX]
        found.append(Report(int.from_bytes(buffer[at : at + wide], "little"), body[:1], body[1:]))
        at = end + 1


def message_trouble(name: bytes) -> bytes | None:
    """The report text for a message name that no qmail-send would write, or None. The caller answers it with the class D."""
    if not name:
        return b"Internal error: messid too short. (#5.3.5)\n"
    if name.startswith(b"/") or not name.replace(b"/", b"").isdigit():
        return b"Internal error: messid has nonnumerics. (#5.3.5)\n"
    if len(name) > MESSAGE_NAME_MAX:
        return b"Internal error: messid too long. (#5.3.5)\n"
    return None
