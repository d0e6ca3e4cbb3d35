"""The list of a Maildir that POP3 sessions keep."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import maildirname, pop3_list
from mta.formats.pop3_list import NO_STAMP, Listing

numbers = st.integers(min_value=0, max_value=1 << 62)
names = st.binary(min_size=1, max_size=30).filter(lambda n: n.split() == [n] and b"/" not in n)
paths = st.builds(lambda folder, name: folder + b"/" + name, st.sampled_from([b"new", b"cur"]), names)
stamps = st.from_regex(rb"\A[0-9.]{1,40}\Z")


def listing(stamp: bytes, rows: list[tuple[int, int, int, bytes]]) -> Listing:
    wire_sizes, sizes, mtimes_ns, where = map(list, zip(*rows, strict=True)) if rows else ([], [], [], [])
    return Listing(stamp, wire_sizes, sizes, mtimes_ns, where)


@given(stamps, st.lists(st.tuples(numbers, numbers, numbers, paths), max_size=5))
def test_it_reads_what_it_wrote(stamp: bytes, rows: list[tuple[int, int, int, bytes]]) -> None:
    assert pop3_list.read(pop3_list.write(listing(stamp, rows))) == listing(stamp, rows)


@given(st.binary(max_size=60), st.sampled_from([b"", b"tawny-pop3-list 1 1 ", b"tawny-pop3-list 1 1 -\n"]))
def test_nothing_raises_but_a_value_error(data: bytes, before: bytes) -> None:
    try:
        pop3_list.read(before + data)
    except ValueError:
        pass


TWO = listing(b"1.2.3.4", [(20, 17, 1, b"new/1.h"), (30, 27, 2, b"cur/2.h:2,S")])


def test_its_lines_are_these() -> None:
    assert pop3_list.write(TWO) == b"tawny-pop3-list 1 2 1.2.3.4\n20 17 1 new/1.h\n30 27 2 cur/2.h:2,S\n"


@given(st.integers(min_value=0, max_value=len(pop3_list.write(TWO)) - 1))
def test_one_that_a_crash_cut_short_is_known_as_such(length: int) -> None:
    with pytest.raises(ValueError):
        pop3_list.read(pop3_list.write(TWO)[:length])


@pytest.mark.parametrize(
    ("why", "data"),
    [
        ("of another version", b"tawny-pop3-list 2 0 -\n"),
        ("a path that leads out of the Maildir", b"tawny-pop3-list 1 1 -\n1 1 1 new/../../bo/Maildir/cur/1.h\n"),
        ("another folder", b"tawny-pop3-list 1 1 -\n1 1 1 tmp/1.h\n"),
        ("no folder", b"tawny-pop3-list 1 1 -\n1 1 1 1.h\n"),
        ("a full path", b"tawny-pop3-list 1 1 -\n1 1 1 /new/1.h\n"),
        ("paths in the wrong column", b"tawny-pop3-list 1 2 -\n1 1 new/1.h 1\n1 1 1 new/1.h\n"),
        ("zeros, as some file systems leave them", b"tawny-pop3-list 1 1 -\n" + bytes(16)),
        ("more lines than it says", b"tawny-pop3-list 1 0 -\n1 1 1 new/1.h\n"),
    ],
)
def test_what_it_did_not_write_is_refused(why: str, data: bytes) -> None:
    with pytest.raises(ValueError):
        pop3_list.read(data)


@pytest.mark.parametrize("name", [b"cur/a b", b"cur/a\nb", b"cur/a ", b"new/\t"])
def test_a_name_that_would_break_the_line_is_left_out_and_the_list_is_not_all(name: bytes) -> None:
    written = pop3_list.write(listing(b"1.2.3.4", [(1, 1, 1, name), (2, 2, 2, b"new/c")]))
    assert pop3_list.read(written) == listing(NO_STAMP, [(2, 2, 2, b"new/c")])


@pytest.mark.parametrize(
    ("name", "size", "wire_size"),
    [
        (b"1.h,S=12,W=13:2,S", 12, 13),
        (b"1.h,W=13,S=12", 12, 13),
        (b"1.h", None, None),
        (b"1.h,S=-5", None, None),
        (b"1.h:2,S=5", None, None),
        (b"1.h,S=" + b"9" * 30, None, None),
    ],
)
def test_sizes_in_names(name: bytes, size: int | None, wire_size: int | None) -> None:
    assert (maildirname.size(name), maildirname.wire_size(name)) == (size, wire_size)
