from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import stale_policy
from mta.formats.stale_policy import StalePolicy

days = st.one_of(st.none(), st.integers(1, stale_policy.DAYS_MAX))


@given(st.builds(StalePolicy, days, days, days))
def test_it_reads_back_what_it_wrote(policy: StalePolicy) -> None:
    assert stale_policy.read(stale_policy.write(policy) or b"") == policy


def test_no_policy_needs_no_file() -> None:
    assert stale_policy.write(StalePolicy()) is None


def test_comments_and_blanks_are_passed_over() -> None:
    assert stale_policy.read(b"# ours\n\n  unread\t30 \n") == StalePolicy(unread=30)


@pytest.mark.parametrize(
    ("why", "data"),
    [
        ("an unknown key", b"spam 3\n"),
        ("no number", b"unread soon\n"),
        ("no days", b"unread\n"),
        ("a day of zero would take everything at once", b"read 0\n"),
        ("negative", b"read -1\n"),
        ("more than anybody lives", b"read 36501\n"),
        ("a NUL", b"read 3\0\n"),
    ],
)
def test_it_refuses(why: str, data: bytes) -> None:
    with pytest.raises(ValueError, match="line 1"):
        stale_policy.read(data)
