"""Lines of qmail-send's log: what was written is read, and the genuine log of an original reads and writes back to the byte."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import qmaillog
from tests.conftest import CORPORA

numbers = st.integers(0, 2**40)
texts = st.binary(max_size=60).map(qmaillog.safe)
events = st.one_of(
    st.builds(qmaillog.NewMsg, numbers),
    st.builds(qmaillog.InfoMsg, numbers, numbers, texts, numbers, numbers),
    st.builds(qmaillog.Starting, numbers, numbers, st.sampled_from([b"local", b"remote"]), texts),
    st.builds(qmaillog.Delivery, numbers, st.sampled_from([b"success", b"deferral", b"failure"]), texts),
    st.builds(qmaillog.Mangled, numbers),
    st.builds(qmaillog.BounceMsg, numbers, numbers),
    st.builds(qmaillog.TripleBounce, numbers),
    st.builds(qmaillog.EndMsg, numbers),
    st.builds(qmaillog.Status, numbers, numbers, numbers, numbers, st.booleans()),
    st.just(qmaillog.Exiting()),
    st.builds(qmaillog.Note, st.sampled_from([b"warning", b"alert"]), texts),
)


@given(events)
def test_it_reads_what_it_wrote(event: qmaillog.Event) -> None:
    line = qmaillog.write(event)
    assert line.endswith(b"\n") and line.count(b"\n") == 1
    assert qmaillog.read(line[:-1]) == event


@given(st.binary(max_size=80))
def test_what_qmail_send_does_not_write_is_nothing(line: bytes) -> None:
    event = qmaillog.read(line)
    assert event is None or qmaillog.write(event).count(b"\n") == 1


def test_strangers_bytes_stay_on_one_line() -> None:
    assert qmaillog.safe(b"a\nb c%\x01\xff") == b"a/b_c___"
    assert qmaillog.delivery(7, b"K", b"did 1+0+0\n") == b"delivery 7: success: did_1+0+0/\n"
    assert qmaillog.delivery(7, b"K", b"") == b"delivery 7: success: \n"


def test_the_genuine_log_is_read_whole_and_written_back() -> None:
    path = CORPORA / "log/qmail-send-real/current.part1"
    if not path.exists():
        pytest.skip("the recorded qmail-send log is not beside this checkout")
    lines = [re.sub(rb"\A@[0-9a-f]{24} ", b"", line) for line in path.read_bytes().splitlines()]
    assert len(lines) > 500
    for line in lines:
        event = qmaillog.read(line)
        assert event is not None and qmaillog.write(event) == line + b"\n"
