"""What maildirserial and its clients say to each other, and how both read a message of a Maildir.

Names    to the client, on its descriptor 0: paths relative to the Maildir, each ended by a NUL
Answers  from the client, on its descriptor 1: path, NUL, a letter, text, newline. K sent, Z not now, D never.
Message  begins "Return-Path: <sender>", "Delivered-To: recipient", as qmail-local delivers it; who gets it is what follows the prefix
Example  b"new/1.2.host\\0" -> b"new/1.2.host\\0K1.2.3.4 to: bo@x.y said: 250 ok\\n"
Limits   64 KiB a line of a message, or an answer
Source   maildirserial(1), serialsmtp(1), serialqmtp(1)
"""

from __future__ import annotations

from dataclasses import dataclass

SENT, LATER, NEVER = b"K", b"Z", b"D"
LINE_MAX = 1 << 16
TEXT_MAX = 2000
_SENDER, _SENDER_END, _RECIPIENT = b"Return-Path: <", b">\n", b"Delivered-To: "
_PLAIN = bytes(c if 32 <= c <= 126 else ord("?") for c in range(256))


@dataclass(frozen=True, slots=True)
class Envelope:
    sender: bytes
    recipient: bytes  # with its prefix


def envelope(first: bytes, second: bytes) -> Envelope:
    """The first two lines of a message. Raises ValueError: it was not delivered by qmail-local."""
    if not (first.startswith(_SENDER) and first.endswith(_SENDER_END) and second.startswith(_RECIPIENT) and second.endswith(b"\n")):
        raise ValueError("no message as qmail-local delivers it")
    return Envelope(first[len(_SENDER) : -len(_SENDER_END)], second[len(_RECIPIENT) : -1])


@dataclass(frozen=True, slots=True)
class Answer:
    name: bytes
    letter: bytes
    text: bytes  # for people, without its newline


def write(answer: Answer) -> bytes:
    text = answer.text.translate(_PLAIN)[: TEXT_MAX - 1]
    return b"%b\0%b%b\n" % (answer.name, answer.letter, text)


class Answers:
    """Collects what a client says and hands out its answers."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> list[Answer]:
        """Raises ValueError: it says something else."""
        self._buffer += data
        found: list[Answer] = []
        while True:
            name, nul, rest = self._buffer.partition(b"\0")
            text, newline, behind = rest.partition(b"\n")
            if not nul or not newline:
                if len(self._buffer) > LINE_MAX:
                    raise ValueError("no answer of a client")
                return found
            found.append(Answer(name, text[:1], text[1:]))
            self._buffer = behind
