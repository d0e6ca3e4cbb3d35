"""The tree of parts of a message, as offsets: found by looking at headers and at lines that begin with "--", in one pass.

Parts    a flat tuple in the order of the message; part 0 is the message itself; parent is an index into it, -1 for part 0.
Bodies   a part's body is [body, end): what stands between its header and the line end before the next boundary of any multipart around it.
Boundary a line "--B" or "--B--" with blanks behind it, B being one of a multipart that is still open; the innermost counts.
Doubt    two different Content-Type fields, two boundary parameters, an encoding on a multipart, no boundary, no part within: the body is
         taken for one text, so that nothing can hide in it; the part says why in its notes.
Limits   depth 100, 1000 parts, 1 000 000 lines that look like boundaries, boundaries of 1000 octets
Source   RFC 2045, RFC 2046 5.1, RFC 6532 for message/global
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mta.formats.mime import fields, notes, parameters
from mta.formats.mime.source import WINDOW, Source

DEPTH_MAX = 100
PARTS_MAX = 1000
BOUNDARY_MAX = 1000
LINES_MAX = 1_000_000
_FIRST_WINDOW = 1 << 14
TEXT = b"text/plain"
_MESSAGES = frozenset((b"message/rfc822", b"message/global", b"message/news"))
_IDENTITY = frozenset((b"", b"7bit", b"8bit", b"binary", b"none"))
_TYPE_BYTES = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789!#$&-^_.+/")


@dataclass(frozen=True, slots=True)
class Part:
    index: int
    parent: int
    depth: int
    start: int  # of its header
    header: fields.Header
    body: int
    end: int
    kind: bytes  # b"text/html": type and subtype in lower case
    parameters: parameters.Parameters
    encoding: bytes  # in lower case; b"" when not named
    is_container: bool  # its body is parts
    notes: tuple[str, ...]

    @property
    def size(self) -> int:
        """Octets of the body as it stands."""
        return self.end - self.body


@dataclass(frozen=True, slots=True)
class Structure:
    parts: tuple[Part, ...]
    notes: tuple[str, ...]  # about the whole

    def children(self) -> list[list[int]]:
        """For each part the indices of the parts within."""
        found: list[list[int]] = [[] for _ in self.parts]
        for part in self.parts[1:]:
            found[part.parent].append(part.index)
        return found


@dataclass(slots=True)
class _Draft:
    """A part under way."""

    parent: int
    depth: int
    start: int
    header: fields.Header
    kind: bytes
    parameters: parameters.Parameters
    encoding: bytes
    is_container: bool
    notes: list[str]
    end: int = -1
    has_parts: bool = False


def scan(source: Source, *, parts_max: int = PARTS_MAX) -> Structure:
    """Never raises but for what source.read() raises."""
    return _Scan(source, parts_max).run()


class _Scan:
    """open: indices of the parts around the place we are at, outermost first. boundaries: for each boundary in force the places in open
    of the multiparts it belongs to, innermost last."""

    __slots__ = ("_boundaries", "_drafts", "_lines", "_notes", "_open", "_parts_max", "_source")

    def __init__(self, source: Source, parts_max: int) -> None:
        self._source = source
        self._parts_max = parts_max
        self._drafts: list[_Draft] = []
        self._open: list[int] = []
        self._boundaries: dict[bytes, list[int]] = {}
        self._notes: list[str] = []
        self._lines = 0  # that looked like boundaries so far

    def run(self) -> Structure:
        at = self._begin(0, -1)
        while self._boundaries:
            hit = self._next_boundary(at)
            if hit is None:
                break
            line_start, at, place, is_close = hit
            self._close_above(place, self._before(line_start))
            if is_close:
                self._retire(place)
            elif len(self._drafts) >= self._parts_max:
                self._notes.append(notes.TOO_MANY_PARTS)
                break
            else:
                at = self._begin(at, self._open[place])
        self._finish()
        return Structure(tuple(self._done(i) for i in range(len(self._drafts))), tuple(self._notes))

    def _begin(self, start: int, parent: int) -> int:
        """A part begins at start, and with it perhaps a message within. -> where to look for the next boundary"""
        while True:
            index = len(self._drafts)
            draft = self._read_part(start, parent)
            self._drafts.append(draft)
            self._open.append(index)
            if parent >= 0:
                self._drafts[parent].has_parts = True
            if not draft.is_container:
                return draft.header.body
            if draft.kind not in _MESSAGES:
                self._boundaries.setdefault(_boundary(draft), []).append(len(self._open) - 1)
                return draft.header.body
            if len(self._drafts) >= self._parts_max:
                draft.is_container = False
                return draft.header.body
            start, parent = draft.header.body, index

    def _read_part(self, start: int, parent: int) -> _Draft:
        header = fields.scan(self._source, start, self._source.size, self._is_boundary)
        around = self._drafts[parent] if parent >= 0 else None
        said = list(header.notes)
        if parent >= 0 and notes.NO_HEADER in said and around is not None and around.kind not in _MESSAGES:
            said.remove(notes.NO_HEADER)  # usual in a multipart: an empty line is missing, the type is the default
        default = b"message/rfc822" if around is not None and around.kind == b"multipart/digest" else TEXT
        kind, values = _content_type(header, default, said)
        encoding = (header.get(b"content-transfer-encoding") or b"").partition(b";")[0].strip().lower()
        draft = _Draft(parent, around.depth + 1 if around else 0, start, header, kind, values, encoding, False, said)
        if kind.startswith(b"multipart/"):
            _check_multipart(draft)
        elif kind in _MESSAGES and encoding in _IDENTITY:
            draft.is_container = True
        if draft.is_container and draft.depth >= DEPTH_MAX:
            draft.is_container, draft.kind = False, TEXT
            said.append(notes.TOO_DEEP)
        return draft

    def _is_boundary(self, line: bytes) -> bool:
        return self._place(line) is not None

    def _place(self, line: bytes) -> tuple[int, bool] | None:
        """A line that begins with "--" -> (place in open of the multipart it parts, does it close it?)"""
        text = line[2:].rstrip(b" \t\r")
        places = self._boundaries.get(text)
        if places:
            return places[-1], False
        if text.endswith(b"--"):
            places = self._boundaries.get(text[:-2])
            if places:
                return places[-1], True
        return None

    def _next_boundary(self, at: int) -> tuple[int, int, int, bool] | None:
        """-> (start of the line, behind the line, place in open, does it close?), None at the end of the message."""
        for start, line, after in _dash_lines(self._source, at):
            found = self._place(line)
            if found is not None:
                return start, after, *found
            self._lines += 1
            if self._lines >= LINES_MAX:
                self._notes.append(notes.TOO_MANY_LINES)
                break
        return None

    def _before(self, line_start: int) -> int:
        """The line end before a boundary belongs to the boundary."""
        tail = self._source.read(max(0, line_start - 2), line_start)
        return line_start - (2 if tail == b"\r\n" else 1 if tail.endswith(b"\n") else 0)

    def _close_above(self, place: int, end: int) -> None:
        """Everything within the multipart at place ends."""
        for index in self._open[place + 1 :]:
            self._drafts[index].end = max(end, self._drafts[index].header.body)
        del self._open[place + 1 :]
        for boundary in list(self._boundaries):
            kept = [p for p in self._boundaries[boundary] if p <= place]
            if kept:
                self._boundaries[boundary] = kept
            else:
                del self._boundaries[boundary]

    def _retire(self, place: int) -> None:
        """The last boundary of the multipart at place was seen: what follows up to the next boundary around it belongs to nobody."""
        boundary = _boundary(self._drafts[self._open[place]])
        places = self._boundaries[boundary]
        places.pop()
        if not places:
            del self._boundaries[boundary]

    def _finish(self) -> None:
        for index in self._open:
            self._drafts[index].end = self._source.size
        if self._boundaries and notes.TOO_MANY_PARTS not in self._notes:
            for places in self._boundaries.values():
                self._drafts[self._open[places[-1]]].notes.append(notes.UNCLOSED)
        for draft in self._drafts:
            if draft.is_container and not draft.has_parts:
                draft.is_container, draft.kind = False, TEXT
                draft.notes.append(notes.NO_PARTS)

    def _done(self, index: int) -> Part:
        d = self._drafts[index]
        end = max(d.end, d.header.body)
        return Part(
            index,
            d.parent,
            d.depth,
            d.start,
            d.header,
            d.header.body,
            end,
            d.kind,
            d.parameters,
            d.encoding,
            d.is_container,
            tuple(d.notes),
        )


def _boundary(draft: _Draft) -> bytes:
    return (draft.parameters.get(b"boundary") or b"").rstrip(b" \t")


def _content_type(header: fields.Header, default: bytes, said: list[str]) -> tuple[bytes, parameters.Parameters]:
    given = [f.value for f in header.all(b"content-type")]
    if not given:
        return default, parameters.read(b"")
    if any(other != given[0] for other in given[1:]):
        said.append(notes.AMBIGUOUS)
        return TEXT, parameters.read(b"")
    values = parameters.read(given[0])
    kind = values.word
    if not _TYPE_BYTES.issuperset(kind) or kind.count(b"/") != 1 or kind.startswith(b"/") or kind.endswith(b"/"):
        if kind != b"text":  # seen in old mail, and clear enough
            said.append(notes.BAD_TYPE)
        kind = TEXT
    return kind, values


def _check_multipart(draft: _Draft) -> None:
    boundary = _boundary(draft)
    doubt = ""
    if b"boundary" in draft.parameters.duplicates or draft.encoding not in _IDENTITY:
        doubt = notes.AMBIGUOUS
    elif not boundary or len(boundary) > BOUNDARY_MAX:
        doubt = notes.NO_BOUNDARY
    if doubt:
        draft.kind = TEXT
        draft.notes.append(doubt)
    else:
        draft.is_container = True


def _dash_lines(source: Source, at: int) -> Iterator[tuple[int, bytes, int]]:
    """Lines that begin with "--" from at, which begins a line, on -> (start, the line cut to what a boundary can be, behind the line)."""
    line_max = BOUNDARY_MAX + 64
    size = _FIRST_WINDOW
    is_line_start = True
    while True:
        data = source.read(at, min(source.size, at + size))
        is_last = len(data) < size or at + size >= source.size
        spot = 0 if is_line_start and data.startswith(b"--") else _next_dash(data, 0)
        while spot >= 0:
            end = data.find(b"\n", spot, spot + line_max)
            if end < 0 and len(data) - spot < line_max and not is_last:
                break  # the line goes on in the next window
            if end < 0:
                end = min(len(data), spot + line_max)
            yield at + spot, data[spot:end], min(source.size, at + end + 1)
            spot = _next_dash(data, end)
        if is_last:
            return
        # the last two octets may be the beginning of a "\n--"
        at, is_line_start = (at + spot, True) if spot >= 0 else (at + len(data) - 2, False)
        size = min(WINDOW, size * 2)


def _next_dash(data: bytes, at: int) -> int:
    found = data.find(b"\n--", at)
    return found + 1 if found >= 0 else -1
