from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import local_job
from mta.formats.local_job import Address, Job, Report

FIELD = st.binary(max_size=12).map(lambda b: b.replace(b"\0", b""))
ADDRESSES = st.builds(Address, *[FIELD] * 8)


@given(st.builds(Job, st.integers(0, 255), st.booleans(), ADDRESSES))
def test_a_job_reads_back(job: Job) -> None:
    assert local_job.read_job(local_job.write_job(job)) == job


@given(st.builds(Report, st.integers(0, 255), st.integers(-64, 255), st.binary(max_size=80)))
def test_a_report_reads_back(report: Report) -> None:
    assert local_job.read_report(local_job.write_report(report)) == report


def test_a_report_carries_one_octet_more_than_is_passed_on() -> None:
    assert len(local_job.read_report(local_job.write_report(Report(1, 0, b"x" * 9000))).output) == local_job.REPORT_MAX


@given(st.binary(max_size=60))
def test_reading_raises_only_value_error(data: bytes) -> None:
    for read in (local_job.read_job, local_job.read_report):
        try:
            read(data)
        except ValueError:
            pass


@pytest.mark.parametrize(
    ("why", "data"),
    [
        ("a field short", b"1\x000" + b"\0x" * 7),
        ("a field long", b"1\x000" + b"\0x" * 9),
        ("no number", b"\x000" + b"\0x" * 8),
        ("neither suspected nor not", b"1\x002" + b"\0x" * 8),
    ],
)
def test_it_refuses_a_job(why: str, data: bytes) -> None:
    with pytest.raises(ValueError):
        local_job.read_job(data)


@pytest.mark.parametrize(("why", "data"), [("no exit", b"1\0"), ("no output", b"1\x000"), ("no number", b"x\x000\0")])
def test_it_refuses_a_report(why: str, data: bytes) -> None:
    with pytest.raises(ValueError):
        local_job.read_report(data)


def test_a_recipient_keeps_its_case() -> None:
    assert Address(b"u", b"/h", b"Joe-L", b"-", b"L", b"H.Ex", b"s", b"d").recipient == b"Joe-L@H.Ex"
