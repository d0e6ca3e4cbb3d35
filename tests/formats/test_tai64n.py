"""TAI64N labels: written, read, packed, and as local time."""

from __future__ import annotations

import time
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import tai64n

LABEL = b"@4000000037c219bf2ef02e94"
moments = st.integers(-(2**61) * 10**9, 2**61 * 10**9)
in_utc = partial(tai64n.local, localtime=time.gmtime)


@given(moments)
def test_a_label_and_its_packed_form_read_back(time_ns: int) -> None:
    assert tai64n.read(tai64n.write(time_ns)) == time_ns
    assert tai64n.unpacked(tai64n.packed(time_ns)) == time_ns


@given(st.lists(moments, min_size=2))
def test_labels_sort_as_their_times(times: list[int]) -> None:
    assert [tai64n.read(label) for label in sorted(map(tai64n.write, times))] == sorted(times)


@pytest.mark.parametrize("label", [b"", LABEL[:-1], LABEL + b"0", LABEL.upper(), b"x" + LABEL[1:], LABEL[:-1] + b" "])
def test_it_refuses_what_is_no_label(label: bytes) -> None:
    with pytest.raises(ValueError, match="label"):
        tai64n.read(label)


def test_it_refuses_a_packed_form_cut_short() -> None:
    with pytest.raises(ValueError, match="cut short"):
        tai64n.unpacked(b"\x40" * 11)


@pytest.mark.parametrize(
    ("why", "line", "shown"),
    [
        ("V13 the vector of 12.1", LABEL, b"1999-08-24 04:04:05.787492500"),
        ("what follows stays", LABEL + b" x", b"1999-08-24 04:04:05.787492500 x"),
        ("upper case is no digit", LABEL + b"AB", b"1999-08-24 04:04:05.787492500AB"),
        ("the second label stays", LABEL + LABEL, b"1999-08-24 04:04:05.787492500" + LABEL),
        ("the last 24 digits count", b"@ffff" + LABEL[1:], b"1999-08-24 04:04:05.787492500"),
        ("before the epoch", b"@400000000000000900000000", b"1969-12-31 23:59:59.000000000"),
        ("no billion of nanoseconds", b"@4000000037c219bfffffffff", b"1999-08-24 04:04:05.4294967295"),
        ("no label", b"no label", b"no label"),
        ("not at the beginning", b" " + LABEL, b" " + LABEL),
        ("C21 no digits", b"@zz", b"@zz"),
        ("alone", b"@", b"@"),
        ("a time no calendar knows", b"@4000000037c219bf2ef02e9 z", b"@4000000037c219bf2ef02e9 z"),
        ("nothing", b"", b""),
    ],
)
def test_a_label_as_local_time(why: str, line: bytes, shown: bytes) -> None:
    assert in_utc(line) == shown, why


@given(st.one_of(st.binary(max_size=60), st.text("@0123456789abcdef zA", max_size=40).map(lambda text: b"@" + text.encode())))
def test_whatever_the_line_it_is_shown(line: bytes) -> None:
    shown = in_utc(line)
    assert shown == line or (line.startswith(b"@") and b":" in shown)


@pytest.mark.parametrize(("head", "answer"), [(b"@", True), (LABEL, True), (LABEL + b" ", False), (b"", False), (b"x", False)])
def test_a_label_that_may_go_on(head: bytes, answer: bool) -> None:
    assert tai64n.is_open(head) is answer
