"""Who gets a message by a database of fastforward. Conformance case C27."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.decisions import fastforward
from mta.formats import setforward

LISTS = {b"./l.bin": [b"&x@y", b"./m.bin"], b"./m.bin": [b"&z@y", b"./l.bin"]}


def plan(text: bytes, address: bytes, sender: bytes = b"ada@x.y") -> fastforward.Plan | None:
    records: dict[bytes, bytes] = {}
    for key, data in setforward.read(text):
        records.setdefault(key, data)
    return fastforward.plan(records.get, LISTS.__getitem__, address, sender)


def recipients(text: bytes, address: bytes) -> list[bytes]:
    found = plan(text, address)
    assert found is not None
    return found.recipients


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (b"a@h", b"exact"),
        (b"A@H", b"exact"),
        (b"b@h", b"everyone"),
        (b"a@k", b"anywhere"),
        (b"z@h", b"everyone"),
        (b"z@k", b"z"),
        (b"q@k", None),
        (b"a", None),
        (b"a@b@h", b"everyone"),
    ],
)
def test_c27_the_nearest_target_answers(address: bytes, expected: bytes | None) -> None:
    found = plan(b"a@h: exact; @h: everyone; a@: anywhere; z@: z;", address)
    assert (None if found is None else found.recipients) == (None if expected is None else [expected])


@pytest.mark.parametrize(
    ("why", "text", "expected"),
    [
        ("in order", b"a@h: b@x, c@x, d@x;", [b"b@x", b"c@x", b"d@x"]),
        ("an alias of an alias, in its place", b"a@h: b@h, c@x; b@h: d@x, e@x;", [b"d@x", b"e@x", b"c@x"]),
        ("wildcards are for the address of the message only", b"a@h: b@h; @h: c@x;", [b"b@h"]),
        ("aliases that name each other", b"a@h: b@h; b@h: a@h, c@x;", [b"c@x"]),
        ("an alias that names itself", b"a@h: a@h, c@x;", [b"c@x"]),
        ("an alias found by a wildcard that names it", b"@h: a@h;", [b"a@h"]),
        ("twice is once", b"a@h: b@x, b@x;", [b"b@x"]),
        ("an address in other letters is another", b"a@h: b@x, B@x;", [b"b@x", b"B@x"]),
        ("lists that name each other", b"a@h: ./l.bin, b@x;", [b"x@y", b"z@y", b"b@x"]),
        ("an alias with an owner gets the mail itself", b"a@h: l@h; l@h: ?o@h, b@x;", [b"l@h"]),
        ("nothing but a command", b"a@h: |prog;", []),
    ],
)
def test_it_is_forwarded_to(why: str, text: bytes, expected: list[bytes]) -> None:
    assert recipients(text, b"a@h") == expected, why


def test_commands_of_all_aliases_run_in_the_order_they_are_found() -> None:
    found = plan(b"a@h: |one, b@h, !two; b@h: |three;", b"a@h")
    assert found is not None and found.commands == [b"|one", b"!two", b"|three"]


@pytest.mark.parametrize(
    ("why", "text", "sender", "expected"),
    [
        ("no owner", b"a@h: b@x;", b"ada@x.y", b"ada@x.y"),
        ("its owner", b"a@h: ?o@h, b@x;", b"ada@x.y", b"o@h"),
        ("the owner of everyone there", b"@h: ?o@h; a@h: b@x;", b"ada@x.y", b"o@h"),
        ("bounces have no sender", b"a@h: ?o@h, b@x;", b"", b""),
        ("... nor have bounces of bounces", b"a@h: ?o@h, b@x;", b"#@[]", b"#@[]"),
        ("an alias without owner that names one with", b"a@h: l@h; l@h: ?o@h, b@x;", b"ada@x.y", b"ada@x.y"),
    ],
)
def test_bounces_go_to(why: str, text: bytes, sender: bytes, expected: bytes) -> None:
    found = plan(text, b"a@h", sender)
    assert found is not None and found.sender == expected, why


names = st.sampled_from([b"a@h", b"b@h", b"c@h", b"d@x", b"@h", b"a@"])
tables = st.lists(st.tuples(names, st.lists(names, min_size=1, max_size=4)), max_size=6)


@given(tables)
def test_it_ends_and_names_nobody_twice(table: list[tuple[bytes, list[bytes]]]) -> None:
    found = plan(b"".join(b"%b: %b;" % (name, b",".join(to)) for name, to in table), b"a@h")
    if found is not None:
        assert len(found.recipients) == len(set(found.recipients))
        assert set(found.recipients) <= {to for _, all_ in table for to in all_}
