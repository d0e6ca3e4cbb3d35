from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import scan


@pytest.mark.parametrize(
    ("why", "text", "value", "digits"),
    [
        ("digits", b"40", 40, 2),
        ("as far as they go", b"2+58", 2, 1),
        ("none is 0", b"x", 0, 0),
        ("nothing is 0", b"", 0, 0),
        ("no sign", b"-1", 0, 0),
        ("no blank", b" 1", 0, 0),
        ("past 64 bits it wraps", b"18446744073709551617", 1, 20),
        ("a NUL ends it as it ends a C string", b"1\x002", 1, 1),
    ],
)
def test_it_reads_what_scan_ulong_reads(why: str, text: bytes, value: int, digits: int) -> None:
    assert scan.ulong(text) == (value, digits)


@given(st.integers(0, 2**64 - 1))
def test_a_number_is_read_back(number: int) -> None:
    assert scan.whole(b"%d" % number) == number
    assert scan.whole(b"%dx" % number) is None
