"""Every disk that a power cut may have left: of what was done and not yet made to last, any part may be there or not.

    replay = Replay(trace)
    for state in replay.states(random.Random(1), chosen=5): ...
Rules     contents last once the file was synced after them, names once their directory was, all once everything was; a rename is one act,
          which lasts once its new directory was synced. Of the rest every subset may survive, in any order, but that later pieces of a
          file are not there without the earlier ones; a piece may be cut at 512 octets, or be all zeros
Bounds    after each operation: all of the rest, nothing, all but one, only one, `chosen` subsets by chance, each single write torn
Source    T. S. Pillai et al., "All File Systems Are Not Created Equal" (OSDI 2014), the weakest of the persistence models
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b

from tests.crash.reorder_trace import ROOT, Enter, Mark, Move, Op, Remove, Sync, Trace, Truncate, Write

_SECTOR = 512
NEVER = 1 << 60

Tree = dict[bytes, "bytes | Tree"]
Tear = Callable[[bytes], bytes]


@dataclass(frozen=True)
class State:
    """tree: what is on the disk; marks: what had been told by then; after: how many operations had ended; missing: which of them are."""

    tree: Tree
    marks: frozenset[bytes]
    after: int
    missing: tuple[Op, ...]
    torn: str = ""

    def __str__(self) -> str:
        missing = ", ".join(str(op)[:160] for op in self.missing) or "nothing"
        return f"after {self.after} operations, without {missing}; {self.torn[:160]}"


BROKEN: dict[str, Callable[[Op], bool]] = {
    "no fsync": lambda op: False,
    "no directory fsync": lambda op: isinstance(op, Write | Truncate),
}


class Replay:
    """does_last: which operations a sync makes last at all; less than all of them for a broken mail system."""

    def __init__(self, trace: Trace, does_last: Callable[[Op], bool] = lambda op: True) -> None:
        self._does_last = does_last
        self._trace = trace
        self.ops = trace.ops
        self._lasts_at = [NEVER] * len(self.ops)
        for at, op in enumerate(self.ops):
            if isinstance(op, Sync):
                self._sync(op, at)

    def _sync(self, sync: Sync, at: int) -> None:
        for i in range(sync.begun):
            op = self.ops[i]
            if self._lasts_at[i] == NEVER and (sync.file is None or sync.file == _place(op)) and self._does_last(op):
                self._lasts_at[i] = at

    def states(self, chance: random.Random, chosen: int) -> Iterator[State]:
        """Each different one once."""
        seen: set[bytes] = set()
        for after in range(len(self.ops) + 1):
            marks = frozenset(op.word for op in self.ops[:after] if isinstance(op, Mark))
            for missing, torn, tear in self._choices(after, chance, chosen):
                tree = self._build(after, missing, torn, tear)
                key = _digest(tree, marks)
                if key not in seen:
                    seen.add(key)
                    yield self._state(after, marks, missing, torn, tree)

    def some(self, chance: random.Random, count: int) -> Iterator[State]:
        """So many of them, by chance, without making all the others."""
        for _ in range(count):
            after = chance.randrange(1, len(self.ops) + 1)
            marks = frozenset(op.word for op in self.ops[:after] if isinstance(op, Mark))
            missing, torn, tear = chance.choice(list(self._choices(after, chance, chosen=10)))
            yield self._state(after, marks, missing, torn, self._build(after, missing, torn, tear))

    def _state(self, after: int, marks: frozenset[bytes], missing: frozenset[int], torn: int | None, tree: Tree) -> State:
        told = f"{self.ops[torn]} torn" if torn is not None else ""
        return State(tree, marks, after, tuple(self.ops[i] for i in sorted(missing)), told)

    def _choices(self, after: int, chance: random.Random, chosen: int) -> Iterator[tuple[frozenset[int], int | None, Tear | None]]:
        open_ = [i for i in range(after) if self._lasts_at[i] >= after and _place(self.ops[i]) is not None]
        yield frozenset(), None, None
        yield frozenset(open_), None, None
        for i in open_:
            yield self._closed({i}, open_), None, None
            yield self._closed(set(open_) - {i}, open_), None, None
        for _ in range(chosen if len(open_) > 2 else 0):
            share = chance.random()
            yield self._closed({i for i in open_ if chance.random() < share}, open_), None, None
        for i in open_:
            op = self.ops[i]
            if isinstance(op, Write):
                for tear in _tears(op.data):
                    yield frozenset(), i, tear

    def _closed(self, missing: set[int], open_: list[int]) -> frozenset[int]:
        """Without an earlier piece of a file its later ones are not there either."""
        ends: dict[int, int] = {}
        for i in sorted(missing):
            op = self.ops[i]
            if isinstance(op, Write):
                ends.setdefault(op.file, op.offset)
        found = set(missing)
        for i in open_:
            op = self.ops[i]
            if isinstance(op, Write) and op.file in ends and op.offset > ends[op.file]:
                found.add(i)
        return frozenset(found)

    def _build(self, after: int, missing: frozenset[int], torn: int | None, tear: Tear | None) -> Tree:
        contents = {number: bytearray(data) for number, data in self._trace.files.items()}
        names = {number: dict(there) for number, there in self._trace.folders.items()}
        for i in range(after):
            if i in missing:
                continue
            op = self.ops[i]
            if isinstance(op, Write):
                data = tear(op.data) if i == torn and tear is not None else op.data
                content = contents.setdefault(op.file, bytearray())
                content.extend(bytes(max(0, op.offset - len(content))))
                content[op.offset : op.offset + len(data)] = data
            elif isinstance(op, Truncate):
                del contents.setdefault(op.file, bytearray())[op.size :]
            elif isinstance(op, Enter):
                names.setdefault(op.folder, {})[op.name] = op.file
            elif isinstance(op, Remove):
                names.setdefault(op.folder, {}).pop(op.name, None)
            elif isinstance(op, Move):
                names.setdefault(op.folder, {}).pop(op.name, None)
                names.setdefault(op.to_folder, {})[op.to_name] = op.file
        return self._tree(ROOT, contents, names)

    def _tree(self, folder: int, contents: dict[int, bytearray], names: dict[int, dict[bytes, int]]) -> Tree:
        found: Tree = {}
        for name, number in names.get(folder, {}).items():
            is_folder = number in names or number in self._trace.made
            found[name] = self._tree(number, contents, names) if is_folder else bytes(contents.get(number, b""))
        return found


def _place(op: Op) -> int | None:
    """What must be synced for the operation to last; None: it changes nothing."""
    if isinstance(op, Write | Truncate):
        return op.file
    if isinstance(op, Enter | Remove):
        return op.folder
    return op.to_folder if isinstance(op, Move) else None


def _tears(data: bytes) -> Iterator[Tear]:
    for end in range(_SECTOR, len(data), _SECTOR):
        yield lambda whole, end=end: whole[:end]  # type: ignore[misc]
    if len(data) > 1:
        yield lambda whole: bytes(len(whole))


def _digest(tree: Tree, marks: frozenset[bytes]) -> bytes:
    hasher = blake2b(b"\0".join(sorted(marks)), digest_size=16)
    _feed(hasher, tree)
    return hasher.digest()


def _feed(hasher: blake2b, tree: Tree) -> None:
    for name in sorted(tree):
        there = tree[name]
        hasher.update(b"%b/" % name)
        if isinstance(there, dict):
            _feed(hasher, there)
            hasher.update(b"..")
        else:
            hasher.update(b"%d:%b" % (len(there), there))
