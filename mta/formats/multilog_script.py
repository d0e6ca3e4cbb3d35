"""The arguments of multilog: actions, done from left to right for each line.

t          first only: put a TAI64N label and a space before each line
-PATTERN   deselect the line if it matches;  +PATTERN  select it if it matches. Every line begins selected.
e          a selected line, cut to 200 octets, goes to descriptor 2
=FILE      a selected line, cut to 1000 octets, replaces the contents of FILE, filled up with newlines to 1001
sSIZE      largest file, in octets, in the directories that follow: 99999, within 4096 ... 16777215
nNUMBER    how many files they keep, with current: 10, at least 2
!COMMAND   a shell command their finished files pass through
DIR        begins with "." or "/": a selected line is appended to this directory's log
Anything else means nothing, as in the original.

Pattern    "*" and a character stand for everything up to the first such character, and that character; there is no way back. "*" at the
           end stands for the rest. There are no escapes. A pattern sees the first 1000 octets of a line, with its label.
Example    [b"t", b"-*", b"+* status: *", b"./status"] keeps lines with a label, a word, "status:" and anything
Loaded by multilog, of which many run: plain classes only.
Source     multilog(8)
"""

from __future__ import annotations

HEAD_MAX = 1000  # what patterns, e and = see of a line
STDERR_MAX = 200
STATUS_SIZE = 1001
SIZE_MIN, SIZE_MAX, SIZE_DEFAULT = 4096, 16777215, 99999
NUMBER_MIN, NUMBER_DEFAULT = 2, 10
_DIGITS_MAX = 20

SELECT, DESELECT, STDERR, STATUS, FOLDER = range(5)


class Pattern:
    """A pattern taken apart: what stands before the first star, then for each star what it searches and what follows there."""

    __slots__ = ("_head", "_is_open", "_stars")

    def __init__(self, text: bytes) -> None:
        self._head, *literals = text.split(b"*")
        self._is_open = bool(literals) and not literals[-1]
        if self._is_open:
            literals.pop()
        # after a star directly before another one the search is for a literal "*", which the other star then stands on
        self._stars = [(literal[:1] or b"*", literal) for literal in literals]

    def matches(self, line: bytes) -> bool:
        """line without its end, at most HEAD_MAX octets."""
        if not line.startswith(self._head):
            return False
        at = len(self._head)
        for first, literal in self._stars:
            at = line.find(first, at)
            if at < 0 or not line.startswith(literal, at):
                return False
            at += len(literal)
        return self._is_open or at == len(line)


class Folder:
    """A directory of logs. processor: None, or a shell command, which may be empty."""

    __slots__ = ("number", "path", "processor", "size")

    def __init__(self, path: bytes, size: int, number: int, processor: bytes | None) -> None:
        self.path = path
        self.size = size
        self.number = number
        self.processor = processor


class Step:
    """kind SELECT, DESELECT: pattern. STATUS: index into statuses. FOLDER: index into folders."""

    __slots__ = ("index", "kind", "pattern")

    def __init__(self, kind: int, pattern: Pattern, index: int) -> None:
        self.kind = kind
        self.pattern = pattern
        self.index = index


class Script:
    """is_plain: every line goes to every directory, and nowhere else."""

    __slots__ = ("folders", "has_time", "is_plain", "statuses", "steps")

    def __init__(self, has_time: bool) -> None:
        self.has_time = has_time
        self.steps: list[Step] = []
        self.statuses: list[bytes] = []
        self.folders: list[Folder] = []
        self.is_plain = True


_KINDS = {b"+": SELECT, b"-": DESELECT, b"e": STDERR, b"=": STATUS, b".": FOLDER, b"/": FOLDER}


def read(actions: list[bytes]) -> Script:
    """Never fails: what is no action is none."""
    script = Script(actions[:1] != [] and actions[0][:1] == b"t")
    size, number, processor = SIZE_DEFAULT, NUMBER_DEFAULT, None
    for action in actions:
        letter, argument = action[:1], action[1:]
        if letter == b"s":
            size = min(SIZE_MAX, max(SIZE_MIN, _integer(argument)))
        elif letter == b"n":
            number = max(NUMBER_MIN, _integer(argument))
        elif letter == b"!":
            processor = argument
        elif letter in (b".", b"/"):
            script.folders.append(Folder(action, size, number, processor))
        elif letter == b"=" and argument not in script.statuses:  # a file named twice shows what was last selected, by either
            script.statuses.append(argument)
        if letter in _KINDS:
            _add(script, _KINDS[letter], argument)
    return script


def _add(script: Script, kind: int, argument: bytes) -> None:
    index = script.statuses.index(argument) if kind == STATUS else len(script.folders) - 1
    script.steps.append(Step(kind, Pattern(argument), index))
    script.is_plain = script.is_plain and kind == FOLDER


def _integer(text: bytes) -> int:
    """The digits it begins with; 0 without any."""
    digits = text[: len(text) - len(text.lstrip(b"0123456789"))]
    return int(digits[:_DIGITS_MAX] or b"0")


def stderr_line(head: bytes) -> bytes:
    return head[:STDERR_MAX] + b"...\n" if len(head) > STDERR_MAX else head + b"\n"


def status_file(head: bytes) -> bytes:
    return head[:HEAD_MAX].ljust(STATUS_SIZE, b"\n")
