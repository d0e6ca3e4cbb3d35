"""The file of measured sizes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import maildirname, pop3_sizes

names = st.binary(min_size=1, max_size=30).filter(lambda n: b"\n" not in n)
sizes = st.integers(min_value=0, max_value=1 << 60)


@given(st.dictionaries(st.tuples(names, sizes), sizes))
def test_it_reads_what_it_wrote(known: dict[tuple[bytes, int], int]) -> None:
    assert pop3_sizes.read(pop3_sizes.write(known)) == known


@given(st.binary(max_size=100))
def test_nothing_makes_it_raise(data: bytes) -> None:
    assert all(size >= 0 for size in pop3_sizes.read(data).values())


@pytest.mark.parametrize(
    ("why", "data", "found"),
    [
        ("cut short by a crash: the last line may lack a part of its name", b"20 17 1.h\n30 27 2.", {(b"1.h", 17): 20}),
        ("a line of something else", b"/3 17 1700000000\n20 17 1.h\n", {(b"1.h", 17): 20}),
        ("a size no file has", b"99999999999999999999 1 1.h\n", {}),
        ("a name with a space", b"20 17 1 2.h\n", {(b"1 2.h", 17): 20}),
    ],
)
def test_it_passes_over_what_it_did_not_write(why: str, data: bytes, found: dict[tuple[bytes, int], int]) -> None:
    assert pop3_sizes.read(data) == found


def test_a_name_that_would_break_the_line_is_left_out() -> None:
    assert pop3_sizes.write({(b"a\nb", 1): 1, (b"c", 1): 2}) == b"2 1 c\n"


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
