"""QMTP as serialqmtp speaks it. Conformance case C34."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import netstring
from mta.formats.serial import TEXT_MAX
from mta.net.serial_qmtp import Answers, frame
from mta.net.serial_wire import Lost


def test_c34_a_message_begins_with_a_newline_of_its_own() -> None:
    before, behind = frame(17, b"s@x.y", b"joe@virt.dom")
    assert before == b"18:\n"
    assert behind == b",5:s@x.y,16:12:joe@virt.dom,,"


answers = st.lists(st.tuples(st.sampled_from([b"K", b"Z", b"D"]), st.binary(max_size=30)), max_size=5)


@given(answers, st.integers(1, 9))
def test_answers_are_read_however_they_come(sent: list[tuple[bytes, bytes]], size: int) -> None:
    data = b"".join(netstring.write(letter + text) for letter, text in sent)
    reader = Answers()
    assert [answer for at in range(0, len(data), size) for answer in reader.feed(data[at : at + size])] == sent


def test_of_a_long_answer_the_beginning_is_kept() -> None:
    [(letter, text)] = Answers().feed(netstring.write(b"K" + b"x" * 100_000))
    assert letter == b"K" and len(text) == TEXT_MAX - 1


@pytest.mark.parametrize("data", [b"0:,", b"x:K,", b"5:Kabcd;", b"1:Q,", b"0000000001:K,", b"300000000:K", b"-1:K,"])
def test_what_is_no_answer_ends_the_connection(data: bytes) -> None:
    with pytest.raises(Lost):
        Answers().feed(data)


@given(st.binary(max_size=40))
def test_any_bytes_are_answers_or_end_the_connection(data: bytes) -> None:
    try:
        for letter, _ in Answers().feed(data):
            assert letter in (b"K", b"Z", b"D")
    except Lost:
        pass
