"""The ledger: which messages were acknowledged, and whether each of them is where it belongs.

A loader (tests/crash/load) numbers its messages and writes a number into the ledger once it has seen the acknowledgement. Afterwards
    acknowledged = in Maildirs + taken by a remote server + told of in bounces
must hold for every recipient, whatever was killed, cut off or full in between.

    ledger = Ledger(folder() / "ledger")          # on another file system than the instance, where there is one
    loader = Loader(port, ledger, letter_of) ...   # letter_of: number -> Letter, the same each time it is asked
    found = audit(ledger.acknowledged(), [*maildir(path, b"joe@example.org"), *more], letter_of)
    assert found.is_good, found

Ledger   a line for each message: its number. Appended with one write: a loader that dies leaves whole lines.
Message  "X-Number: 812 SHA256-OF-THE-BODY" stands in the header; text() makes it, read() finds it in whatever the message has become.
Copy     one message found at one place: an address, or b"bounce:" and the address that a bounce tells of
"""

from __future__ import annotations

import os
import random
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from mta.formats import maildirname

BOUNCE = b"bounce:"
_NUMBER = re.compile(rb"^X-Number: (\d+) ([0-9a-f]{64})\r?$", re.MULTILINE)
_BELOW = re.compile(rb"^--- Below this line is .*\n\nReturn-Path: <.*>\n", re.MULTILINE)
_FAILED = re.compile(rb"^<(.+)>:$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as it is to be sent. places: for each recipient where its copy may end, usually one place."""

    number: int
    sender: bytes
    recipients: tuple[bytes, ...]
    places: tuple[tuple[bytes, ...], ...]
    size_bytes: int = 600

    def text(self) -> bytes:
        """Lines end in LF. The body is this number's own."""
        return text(self.number, self.size_bytes)


LetterOf = Callable[[int], Letter]


@dataclass(frozen=True, slots=True)
class Copy:
    """name: what tells this copy from another one at the same place. A file that merely moved within its Maildir keeps it."""

    number: int
    place: bytes
    name: bytes
    is_whole: bool


class Ledger:
    """path: best on a file system that nothing happens to. Any number of threads may note."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def note(self, number: int) -> None:
        """The acknowledgement has been seen."""
        os.write(self._fd, b"%d\n" % number)

    def acknowledged(self) -> set[int]:
        return {int(line) for line in self.path.read_bytes().splitlines()}

    def close(self) -> None:
        os.close(self._fd)


def folder() -> Path:
    """A new folder on a file system in memory where there is one, else among temporary files."""
    memory = Path("/dev/shm")
    return Path(tempfile.mkdtemp(prefix="ledger-", dir=memory if os.access(memory, os.W_OK) else None))


# -- messages ----------------------------------------------------------------------------------------------------------------------


def text(number: int, size_bytes: int) -> bytes:
    lines = random.Random(number).randbytes(size_bytes // 2 + 1).hex().encode()
    body = b"".join(b"%b\n" % lines[at : at + 70] for at in range(0, size_bytes, 70)) + b".a dot at the beginning\n"
    return b"Subject: message %d\nX-Number: %d %b\n\n%b" % (number, number, sha256(body).hexdigest().encode(), body)


def read(data: bytes) -> tuple[int, bool] | None:
    """(number, does the body hash to what its header says?), whatever lines were added above; None: not ours, or not even its header."""
    data = data.replace(b"\r\n", b"\n")
    head, _, body = data.partition(b"\n\n")
    match = _NUMBER.search(head)
    return None if match is None else (int(match[1]), sha256(body).hexdigest().encode() == match[2])


def copies(data: bytes, place: bytes, name: bytes) -> Iterator[Copy]:
    """What a stored message is: one of ours, or a bounce that holds one of ours. Anything else is number 0, and broken."""
    below = _BELOW.search(data)
    found = read(data if below is None else data[below.end() :])
    if found is None or below is None:
        number, is_whole = found or (0, False)
        yield Copy(number, place, name, is_whole)
        return
    for address in _FAILED.findall(data[: below.start()]):
        yield Copy(found[0], BOUNCE + address, name, found[1])


def maildir(path: Path, place: bytes) -> Iterator[Copy]:
    """Every message of a Maildir's inbox."""
    for part in ("new", "cur"):
        for file in sorted((path / part).iterdir()):
            yield from copies(file.read_bytes(), place, maildirname.split(os.fsencode(file.name))[0])


# -- the comparison ----------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Audit:
    """What the comparison found. duplicates: copies beyond the first, by place."""

    acknowledged: int
    lost: list[tuple[int, tuple[bytes, ...]]] = field(default_factory=list)
    corrupted: list[Copy] = field(default_factory=list)
    foreign: list[Copy] = field(default_factory=list)
    duplicates: Counter[bytes] = field(default_factory=Counter)

    @property
    def is_good(self) -> bool:
        """Nothing lost, nothing changed, nothing where it does not belong. Duplicates are for the caller to judge."""
        return not self.lost and not self.corrupted and not self.foreign

    @property
    def summary(self) -> str:
        counts = ", ".join(f"{len(some)} {what}" for what, some in self._told().items())
        return f"{self.acknowledged} acknowledged: {counts}"

    @property
    def counts(self) -> dict[str, int]:
        told = {what: len(some) for what, some in self._told().items()}
        return {"acknowledged": self.acknowledged, **told, "copies too many": self.duplicates.total()}

    def twice(self, domain: str) -> dict[str, int]:
        """The copies too many, by what they are. domain: whose mailboxes are here."""
        end = domain.encode()
        found = {"twice in a Maildir": 0, "told of in two bounces": 0, "twice far away": 0}
        for place, count in self.duplicates.items():
            is_bounce, is_here = place.startswith(BOUNCE), place.endswith(end)
            found["told of in two bounces" if is_bounce else "twice in a Maildir" if is_here else "twice far away"] += count
        return found

    def _told(self) -> dict[str, list[object]]:
        return {"lost": [*self.lost], "corrupted": [*self.corrupted], "at a wrong place": [*self.foreign]}

    def __str__(self) -> str:
        examples = "".join(f"\n  {what}: {some[:5]}" for what, some in self._told().items() if some)
        return f"{self.summary}, {self.duplicates.total()} copies too many{examples}"


def audit(acknowledged: set[int], found: Iterable[Copy], letter_of: LetterOf) -> Audit:
    """Everything that was found anywhere against the ledger. A message that was sent but not acknowledged may be there or not."""
    result = Audit(len(acknowledged))
    seen: dict[int, dict[bytes, set[bytes]]] = {}
    for copy in found:
        if not copy.is_whole:
            result.corrupted.append(copy)
        elif not any(copy.place in places for places in letter_of(copy.number).places):
            result.foreign.append(copy)
        else:
            seen.setdefault(copy.number, {}).setdefault(copy.place, set()).add(copy.name)
    for number in sorted(acknowledged | set(seen)):
        there = seen.get(number, {})
        for places in letter_of(number).places:
            names = [(place, name) for place in places for name in there.get(place, ())]
            if not names and number in acknowledged:
                result.lost.append((number, places))
            result.duplicates.update(place for place, _ in names[1:])
    return result
