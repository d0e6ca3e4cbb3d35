from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats.mime import notes, structure
from mta.formats.mime.source import Bytes
from tests.conftest import CORPORA

MIXED = b"Content-Type: multipart/mixed; boundary=b\n\n"
ENCODED_MESSAGE = b"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nQQ==\n"
SAME_WITHIN = MIXED + b"--b\n" + MIXED + b"--b\n\nx\n--b--\n--b--\n"
WITH_COLON = b'Content-Type: multipart/mixed; boundary="a:b"\n\n--a:b\n\nx\n--a:b--\n'


def scan(data: bytes) -> structure.Structure:
    return structure.scan(Bytes(data))


def bodies(data: bytes) -> list[tuple[bytes, bytes]]:
    return [(p.kind, data[p.body : p.end]) for p in scan(data).parts if not p.is_container]


def said(found: structure.Structure) -> set[str]:
    return {n for p in found.parts for n in p.notes} | set(found.notes)


@pytest.mark.parametrize(
    ("why", "data", "found"),
    [
        ("plain", b"A: b\n\nhello\n", [(b"text/plain", b"hello\n")]),
        ("empty", b"", [(b"text/plain", b"")]),
        ("one part", MIXED + b"pre\n--b\n\nx\n--b--\npost\n", [(b"text/plain", b"x")]),
        ("CR LF before boundaries", MIXED + b"--b\r\n\r\nx\r\n\r\n--b--\r\n", [(b"text/plain", b"x\r\n")]),
        ("two parts", MIXED + b"--b\nContent-Type: text/html\n\n<p>\n--b\n\ny\n--b--", [(b"text/html", b"<p>"), (b"text/plain", b"y")]),
        ("blanks behind a boundary", MIXED + b"--b \t\n\nx\n--b-- \n", [(b"text/plain", b"x")]),
        ("a boundary that begins like ours", MIXED + b"--b\n\nx\n--bb\ny\n--b--\n", [(b"text/plain", b"x\n--bb\ny")]),
        ("the last boundary is missing", MIXED + b"--b\n\nx\n", [(b"text/plain", b"x\n")]),
        ("an empty part", MIXED + b"--b\n\n--b--\n", [(b"text/plain", b"")]),
        ("a part that ends within its header", MIXED + b"--b\nA: b\n--b--\n", [(b"text/plain", b"")]),
        ("the part has no empty line", MIXED + b"--b\nhello\n--b--\n", [(b"text/plain", b"hello")]),
        ("what follows the end is nobody's", MIXED + b"--b\n\nx\n--b--\n--b\n\ny\n", [(b"text/plain", b"x")]),
        ("digest", b"Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: x\n\ny\n--b--\n", [(b"text/plain", b"y")]),
        (
            "an inner multipart that is not closed ends with the outer boundary",
            MIXED + b"--b\nContent-Type: multipart/alternative; boundary=i\n\n--i\n\nx\n--b\n\ny\n--b--\n",
            [(b"text/plain", b"x"), (b"text/plain", b"y")],
        ),
        (
            "a message within",
            MIXED + b"--b\nContent-Type: message/rfc822\n\nSubject: s\n\ninner\n--b--\n",
            [(b"text/plain", b"inner")],
        ),
        ("a message that is encoded is a file", ENCODED_MESSAGE, [(b"message/rfc822", b"QQ==\n")]),
        ("the same boundary within", SAME_WITHIN, [(b"text/plain", b"x")]),
        ("a quoted boundary with a colon", WITH_COLON, [(b"text/plain", b"x")]),
        ("an unknown multipart", b"Content-Type: multipart/x-odd; boundary=b\n\n--b\n\nx\n--b--\n", [(b"text/plain", b"x")]),
    ],
)
def test_it_finds_the_parts(why: str, data: bytes, found: list[tuple[bytes, bytes]]) -> None:
    assert bodies(data) == found, why


@pytest.mark.parametrize(
    ("why", "data", "note"),
    [
        ("no boundary", b"Content-Type: multipart/mixed\n\n--b\n\nx\n", notes.NO_BOUNDARY),
        ("an empty one", b'Content-Type: multipart/mixed; boundary=""\n\n--\n\nx\n', notes.NO_BOUNDARY),
        ("one of 2000 octets", b"Content-Type: multipart/mixed; boundary=" + b"b" * 2000 + b"\n\nx\n", notes.NO_BOUNDARY),
        ("two of them", b"Content-Type: multipart/mixed; boundary=a; boundary=b\n\n--b\n\nx\n--a\n\ny\n", notes.AMBIGUOUS),
        (
            "an encoding on the whole",
            b"Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n\n--b\n\nx\n",
            notes.AMBIGUOUS,
        ),
        ("two types", b"Content-Type: text/html\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n", notes.AMBIGUOUS),
        ("no part in it", MIXED + b"only text\n", notes.NO_PARTS),
        ("a type without a slash", b"Content-Type: html\n\n<b>x\n", notes.BAD_TYPE),
    ],
)
def test_it_takes_for_text_what_is_in_doubt(why: str, data: bytes, note: str) -> None:
    found = scan(data)
    assert len(found.parts) == 1, why
    part = found.parts[0]
    assert (part.kind, part.end) == (b"text/plain", len(data)), why
    assert note in part.notes, why


def test_it_says_that_the_end_is_missing() -> None:
    assert notes.UNCLOSED in said(scan(MIXED + b"--b\n\nx\n"))
    assert notes.UNCLOSED not in said(scan(MIXED + b"--b\n\nx\n--b--\n"))


def test_it_follows_a_hundred_levels() -> None:
    deep = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(5000)) + b"\nx"
    found = scan(deep)
    assert max(p.depth for p in found.parts) == structure.DEPTH_MAX
    assert notes.TOO_DEEP in said(found)
    messages = scan(b"Content-Type: message/rfc822\n\n" * 5000)
    assert max(p.depth for p in messages.parts) == structure.DEPTH_MAX


def test_it_finds_a_thousand_parts() -> None:
    found = scan(MIXED + b"--b\n\nx\n" * 20_000)
    assert len(found.parts) == structure.PARTS_MAX
    assert notes.TOO_MANY_PARTS in said(found)
    nested = scan(MIXED + b"--b\nContent-Type: message/rfc822\n\n\nx\n" * 20_000)
    assert len(nested.parts) <= structure.PARTS_MAX


@pytest.mark.parametrize(
    ("why", "data"),
    [
        ("lines of dashes", MIXED + b"--\n" * 2_000_000),
        ("headers that never end", MIXED + (b"--b\n" + b"A: b\n" * 300) * 1000),
        ("parts without an empty line", MIXED + (b"--b\nA: b\n" + b"x" * 20_000 + b"\n") * 600),
        ("a field of 5 MB", b"A: " + b"x" * 5_000_000),
    ],
)
def test_it_takes_linear_time(why: str, data: bytes) -> None:
    assert scan(data).parts, why


class Counting(Bytes):
    """Remembers how much was asked for at once."""

    largest = 0

    def read(self, start: int, end: int) -> bytes:
        self.largest = max(self.largest, end - start)
        return super().read(start, end)


def test_it_reads_in_windows() -> None:
    big = base64.encodebytes(os.urandom(6_000_000))
    source = Counting(MIXED + b"--b\nContent-Transfer-Encoding: base64\n\n" + big + b"--b\n\nlast\n--b--\n")
    found = structure.scan(source)
    assert [p.size for p in found.parts[1:]] == [len(big) - 1, 4]
    assert source.largest <= 1 << 18


@pytest.mark.parametrize("shift", range(9))
def test_it_sees_boundaries_wherever_a_window_ends(shift: int) -> None:
    filler = b"x" * ((1 << 14) - 6 - len(b"\n") + shift)
    data = MIXED + b"--b\n\n" + filler + b"\n--b\n\nsecond\n--b--\n"
    assert [b for _, b in bodies(data)] == [filler, b"second"]


class Shrunk(Bytes):
    """A file that is shorter than it was when it was opened."""

    def __init__(self, data: bytes, size: int) -> None:
        super().__init__(data)
        self.size = size


def test_it_ends_with_a_file_that_shrinks() -> None:
    assert structure.scan(Shrunk(MIXED + b"--b\n\nx\n", 1 << 24)).parts


boundaries = st.sampled_from([b"a", b"b", b"ab", b"--", b"a--"])
lines = st.one_of(
    boundaries.map(lambda b: b"--" + b),
    boundaries.map(lambda b: b"--" + b + b"--"),
    boundaries.map(lambda b: b'Content-Type: multipart/mixed; boundary="' + b + b'"'),
    st.sampled_from([b"", b"x", b"Content-Type: message/rfc822", b"Content-Type: text/html", b"A: b", b" c", b"--"]),
)


@given(st.lists(lines, max_size=60), st.sampled_from([b"\n", b"\r\n"]))
def test_parts_lie_within_each_other_and_in_order(given_: list[bytes], end: bytes) -> None:
    data = end.join(given_)
    parts = scan(data).parts
    for part in parts:
        assert part.start <= part.body <= part.end <= len(data)
        if part.parent >= 0:
            around = parts[part.parent]
            assert around.is_container
            assert around.body <= part.start
            assert part.end <= around.end
            assert part.depth == around.depth + 1
    leaves = [p for p in parts if not p.is_container]
    assert all(a.end <= b.start for a, b in zip(leaves, leaves[1:], strict=False))


@given(st.binary(max_size=2000))
def test_it_never_raises(data: bytes) -> None:
    scan(data)


FILES = sorted(p for top in ("mime", "spam", "bounce", "hostile/mime-bombs") for p in (CORPORA / top).rglob("*") if p.is_file())


@pytest.mark.skipif(not FILES, reason="the corpora of real and hostile messages are not beside this checkout")
def test_it_reads_every_message_of_the_corpora() -> None:
    for path in FILES:
        data = path.read_bytes()
        found = scan(data)
        assert found.parts[0].start == 0, path
        assert all(p.end <= len(data) for p in found.parts), path
    assert len(FILES) > 500


def test_a_few_known_messages_have_their_parts() -> None:
    path: Path = CORPORA / "mime" / "mimekit"
    if not path.exists():
        pytest.skip("the corpora of real messages are not beside this checkout")
    known = {p.name: scan(p.read_bytes()) for p in path.rglob("*") if p.is_file() and p.suffix in (".eml", ".txt")}
    assert any(len(s.parts) > 5 for s in known.values())
