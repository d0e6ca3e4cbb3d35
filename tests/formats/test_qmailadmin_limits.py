from __future__ import annotations

from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import qmailadmin_limits
from mta.formats.qmailadmin_limits import KEYS, NUMBER_MAX, Limits

numbers = st.none() | st.integers(1, NUMBER_MAX)
limits = st.builds(Limits, *(numbers for _ in KEYS))
texts = st.none() | st.lists(st.sampled_from([b"# ours\n", b"disable_pop\n", b"maxaliases 3\n", b"perm_account 7\n", b"\n"])).map(b"".join)


@given(limits, texts)
def test_it_reads_what_it_wrote_and_keeps_what_it_does_not_know(wanted: Limits, text: bytes | None) -> None:
    after = qmailadmin_limits.edited(text, asdict(wanted))
    assert qmailadmin_limits.read(after or b"") == wanted
    others = [row for row in (text or b"").splitlines() if not row.startswith(b"maxaliases")]
    assert [row for row in (after or b"").splitlines() if row.split(b" ")[0].decode() not in KEYS] == others


@pytest.mark.parametrize(
    ("why", "data", "wanted"),
    [
        ("as vmoddomlimits writes it", b"maxpopaccounts: 50\nmaxaliases: -1\n", Limits(maxpopaccounts=50)),
        ("tabs and spaces", b" maxforwards\t 7\r\nmaxmailinglists:0\n", Limits(maxforwards=7, maxmailinglists=0)),
        ("0 octets are no limit", b"quota 0\ndefault_quota 0\n", Limits()),
        ("the last counts", b"maxaliases 1\nmaxaliases 2\n", Limits(maxaliases=2)),
        ("a comment", b"# maxaliases 1\n#maxaliases 1\n", Limits()),
        ("no number", b"maxaliases many\nmaxforwards\nmaxautoresponders --1\n", Limits()),
        ("a number nobody can mean", b"maxaliases " + b"9" * 5000 + b"\n", Limits()),
        ("without its newline", b"maxaliases 4", Limits(maxaliases=4)),
    ],
)
def test_it_reads(why: str, data: bytes, wanted: Limits) -> None:
    assert qmailadmin_limits.read(data) == wanted, why


@pytest.mark.parametrize(
    ("why", "data", "changes", "wanted"),
    [
        ("in its place", b"maxaliases 1\ndisable_pop\n", {"maxaliases": 2}, b"maxaliases 2\ndisable_pop\n"),
        ("once", b"maxaliases 1\nmaxaliases 3\n", {"maxaliases": 2}, b"maxaliases 2\n"),
        ("taken away", b"maxaliases 1\ndisable_pop", {"maxaliases": None}, b"disable_pop\n"),
        ("others of ours stay", b"quota: 5\n", {"maxaliases": 0}, b"quota: 5\nmaxaliases 0\n"),
        ("nothing is left", b"maxaliases 1\n", {"maxaliases": None}, None),
        ("no file", None, {"maxaliases": None}, None),
    ],
)
def test_it_edits(why: str, data: bytes | None, changes: dict[str, int | None], wanted: bytes | None) -> None:
    assert qmailadmin_limits.edited(data, changes) == wanted, why


@given(st.binary())
def test_it_reads_anything(data: bytes) -> None:
    qmailadmin_limits.read(data)
    qmailadmin_limits.edited(data, {"quota": 1})
