"""What a client says to the queue writer on run/queue-writer, and what it hears back.

Frame    length (4 octets, little-endian) of what follows, stream (4), kind (1), payload.
Kinds    client: "M" bytes of the message; "E" the envelope as qmail-queue takes it (formats/envelope), which ends the message and asks
         for it to be queued; "A" forget the message.  writer: "R" the result: exit code of qmail-queue (1), message number (8), qp (8).
Streams  any number of messages may be under way on one connection, told apart by a number of the client's choice.
Rules    a connection that ends takes its unfinished messages with it: nothing is queued without an "E". Who is calling is what the
         kernel says of the peer (SO_PEERCRED), never what the client says. A client that asks for one message gets its own process id
         as qp; one that keeps the connection for many gets numbers above the largest process id.
Limits   1 MiB a frame; one "E" frame may hold 64 MiB
Loaded by programs that run per message: builtins only.
"""

from __future__ import annotations

from struct import Struct

SOCKET = b"run/queue-writer"
MESSAGE, ENVELOPE, ABORT, RESULT = b"M", b"E", b"A", b"R"
FRAME_MAX = 1 << 20
ENVELOPE_MAX = 1 << 26

_HEAD = Struct("<IIc")
_RESULT = Struct("<BQQ")
HEAD_SIZE = _HEAD.size


def frame(stream: int, kind: bytes, payload: bytes = b"") -> bytes:
    return _HEAD.pack(len(payload), stream, kind) + payload


def result(stream: int, exit_: int, messnum: int, qp: int) -> bytes:
    return frame(stream, RESULT, _RESULT.pack(exit_, messnum, qp))


def read_result(payload: bytes) -> tuple[int, int, int]:
    """-> (exit code, message number, qp). Raises ValueError."""
    if len(payload) != _RESULT.size:
        raise ValueError("result of another size")
    exit_, messnum, qp = _RESULT.unpack(payload)
    return exit_, messnum, qp


def read_frames(buffer: bytes | bytearray) -> tuple[list[tuple[int, bytes, bytes]], int]:
    """-> (whole frames as (stream, kind, payload), octets they took). Raises ValueError on a frame no client of ours writes."""
    found: list[tuple[int, bytes, bytes]] = []
    at, size = 0, len(buffer)
    while size - at >= HEAD_SIZE:
        length, stream, kind = _HEAD.unpack_from(buffer, at)
        if kind not in (MESSAGE, ENVELOPE, ABORT, RESULT) or length > (ENVELOPE_MAX if kind == ENVELOPE else FRAME_MAX):
            raise ValueError("not a frame of the queue writer's")
        end = at + HEAD_SIZE + length
        if end > size:
            break
        found.append((stream, kind, bytes(buffer[at + HEAD_SIZE : end])))
        at = end
    return found, at
