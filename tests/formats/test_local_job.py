from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import local_job
from mta.formats.local_job import Address, Job, Report

FIELD = st.binary(max_size=12).map(lambda b: b.replace(b"\0", b""))
ADDRESSES = st.builds(Address, *[FIELD] * 8)


@given(st.lists(st.builds(Job, st.integers(0, 255), st.booleans(), ADDRESSES), min_size=1, max_size=5))
def test_jobs_read_back(jobs: list[Job]) -> None:
    assert local_job.read_jobs(local_job.write_jobs(map(local_job.write_job, jobs))) == jobs


@given(st.lists(st.builds(Report, st.integers(0, 255), st.integers(-64, 255), st.binary(max_size=80)), max_size=5))
def test_reports_read_back(reports: list[Report]) -> None:
    assert local_job.read_reports(b"".join(map(local_job.write_report, reports))) == reports


def test_a_report_carries_one_octet_more_than_is_passed_on() -> None:
    (report,) = local_job.read_reports(local_job.write_report(Report(1, 0, b"x" * 9000)))
    assert len(report.output) == local_job.REPORT_MAX


@given(st.binary(max_size=60))
def test_reading_raises_only_value_error(data: bytes) -> None:
    for read in (local_job.read_jobs, local_job.read_reports):
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
        local_job.read_jobs(data)


@pytest.mark.parametrize(
    ("why", "data"), [("no netstring", b"1\x000\0"), ("no exit", b"2:1\0,"), ("no output", b"3:1\x000,"), ("no number", b"4:x\x000\0,")]
)
def test_it_refuses_a_report(why: str, data: bytes) -> None:
    with pytest.raises(ValueError):
        local_job.read_reports(data)


def test_a_recipient_keeps_its_case() -> None:
    assert Address(b"u", b"/h", b"Joe-L", b"-", b"L", b"H.Ex", b"s", b"d").recipient == b"Joe-L@H.Ex"
