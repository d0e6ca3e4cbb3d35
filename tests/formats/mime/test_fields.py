from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats.mime import fields, notes
from mta.formats.mime.source import Bytes


def scan(data: bytes) -> fields.Header:
    return fields.scan(Bytes(data), 0, len(data))


@pytest.mark.parametrize(
    ("why", "data", "found", "body"),
    [
        ("two fields and a body", b"A: b\nC: d\n\nbody\n", [(b"A", b"b"), (b"C", b"d")], b"body\n"),
        ("CR LF", b"A: b\r\nC: d\r\n\r\nbody", [(b"A", b"b"), (b"C", b"d")], b"body"),
        ("lines end both ways", b"A: b\r\nC: d\n\r\nbody", [(b"A", b"b"), (b"C", b"d")], b"body"),
        ("folded", b"A: b\n c\n\td\n\n", [(b"A", b"b c\td")], b""),
        ("blanks before the colon", b"A \t: b\n\n", [(b"A", b"b")], b""),
        ("an empty value", b"A:\n\nx", [(b"A", b"")], b"x"),
        ("no body", b"A: b\n", [(b"A", b"b")], b""),
        ("no newline at the end", b"A: b", [(b"A", b"b")], b""),
        ("an empty header", b"\nbody", [], b"body"),
        ("nothing", b"", [], b""),
        ("an mbox line first", b"From joe Sat Jan  3 01:05:34 1996\nA: b\n\nx", [(b"A", b"b")], b"x"),
        ("an empty line alone ends it, not one with a blank", b"A: b\n \n\nx", [(b"A", b"b")], b"x"),
    ],
)
def test_it_finds_fields_and_the_body(why: str, data: bytes, found: list[tuple[bytes, bytes]], body: bytes) -> None:
    header = scan(data)
    assert [(f.name, f.value) for f in header.fields] == found, why
    assert data[header.body :] == body, why
    assert header.notes == (), why


@pytest.mark.parametrize(
    ("why", "data", "names", "body", "note"),
    [
        ("no header at all", b"Hello there\nA: b\n", [], b"Hello there\nA: b\n", notes.NO_HEADER),
        ("a line without a colon", b"A: b\noops\nC: d\n\nx", [b"A"], b"oops\nC: d\n\nx", notes.BROKEN_HEADER),
        ("a name with a blank in it", b"A: b\nC d: e\n\nx", [b"A"], b"C d: e\n\nx", notes.BROKEN_HEADER),
        ("an empty name", b": b\n\nx", [], b": b\n\nx", notes.NO_HEADER),
        ("a NUL in a name", b"A\0: b\n\nx", [], b"A\0: b\n\nx", notes.NO_HEADER),
        ("it begins with a continuation", b" a\nB: c\n\nx", [], b" a\nB: c\n\nx", notes.NO_HEADER),
        ("a CR alone ends no line", b"A: b\rC: d\r\rx", [b"A"], b"", None),
    ],
)
def test_it_hides_nothing_of_a_broken_header(why: str, data: bytes, names: list[bytes], body: bytes, note: str | None) -> None:
    header = scan(data)
    assert [f.name for f in header.fields] == names, why
    assert data[header.body :] == body, why
    assert header.notes == ((note,) if note else ()), why


@pytest.mark.parametrize(
    ("why", "data", "count"),
    [
        ("too many fields", b"A: b\n" * 5000 + b"\nbody", fields.FIELDS_MAX),
        ("too many, and no body", b"A: b\n" * 300_000, fields.FIELDS_MAX),
        ("a field of 3 MB", b"A: b\nB: " + b"x" * 3_000_000 + b"\n\nbody", 1),
        ("2 MB of continuation lines", b"A: b\n" + b" x\n" * 700_000 + b"\nbody", 1),
    ],
)
def test_it_stops_at_its_caps_and_finds_the_body_nevertheless(why: str, data: bytes, count: int) -> None:
    header = scan(data)
    assert len(header.fields) == count, why
    assert header.notes == (notes.HEADER_TOO_LONG,), why
    assert data[header.body :] in (b"body", b""), why
    assert (data[header.body :] == b"body") == data.endswith(b"body"), why


def test_it_ends_at_a_boundary() -> None:
    data = b"A: b\n--x\nC: d\n\n"
    header = fields.scan(Bytes(data), 0, len(data), lambda line: line == b"--x")
    assert [f.name for f in header.fields] == [b"A"]
    assert data[header.body :].startswith(b"--x")
    assert header.notes == ()


def test_it_finds_fields_by_name() -> None:
    header = scan(b"To: a\nCC: b\nto: c\n\n")
    assert header.get(b"to") == b"a"
    assert [f.value for f in header.all(b"to")] == [b"a", b"c"]
    assert header.get(b"from") is None


names = (
    st.binary(min_size=1, max_size=20)
    .map(lambda b: bytes(33 + x % 94 for x in b))
    .map(lambda b: b.replace(b":", b"_").replace(b"--", b"__"))
)
values = st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=80).map(lambda t: t.encode("latin-1"))


@given(st.lists(st.tuples(names, values), max_size=20), st.binary(max_size=200))
def test_it_reads_what_anybody_writes(written: list[tuple[bytes, bytes]], body: bytes) -> None:
    data = b"".join(b"%b: %b\n" % pair for pair in written) + b"\n" + body
    header = scan(data)
    assert [(f.name, f.value) for f in header.fields] == [(n, v.strip(b" \t\r")) for n, v in written]
    assert data[header.body :] == body


@given(st.binary(max_size=2000))
def test_it_never_raises_and_never_leaves_the_bytes(data: bytes) -> None:
    assert 0 <= scan(data).body <= len(data)
