"""The actions of multilog on pieces of input: whatever the pieces, the same comes out. No file is touched."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import multilog_script, tai64n
from mta.programs.daemontools.multilog.lines import Lines


def outcome(actions: list[bytes], pieces: list[bytes]) -> tuple[list[bytes], bytes, list[bytes | None]]:
    """-> per directory what is appended, what descriptor 2 gets, what the status files show."""
    clock = itertools.count(10**18)
    lines = Lines(multilog_script.read(actions), lambda: next(clock))
    for piece in pieces:
        lines.feed(piece)
    lines.end()
    return [b"".join(out) for out in lines.outs], b"".join(lines.stderr), lines.statuses


long_lines = st.builds(lambda size, last: b"x" * size + last, st.integers(990, 1010), st.sampled_from([b"a", b"b", b""]))
text = st.lists(st.one_of(st.sampled_from([b"a", b"b", b"ab", b"", b"a: b"]), long_lines), max_size=6).map(b"\n".join)
scripts = st.lists(st.sampled_from([b"t", b"-*", b"+*a", b"-a*", b"+*: *", b"e", b"=s", b"./1", b"./2"]), max_size=6)


@given(scripts, text, st.booleans(), st.lists(st.integers(0, 3000), max_size=5))
def test_it_does_not_matter_how_the_input_is_cut(actions: list[bytes], data: bytes, is_ended: bool, cuts: list[int]) -> None:
    if is_ended:
        data += b"\n"
    places = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    pieces = [data[a:b] for a, b in itertools.pairwise(places) if a < b]
    whole = outcome(actions, [data] if data else [])
    assert outcome(actions, pieces) == whole
    if actions[:1] != [b"t"]:
        assert outcome(actions, [bytes([octet]) for octet in data]) == whole


@given(text)
def test_without_patterns_every_line_is_everywhere(data: bytes) -> None:
    wanted = data if not data or data.endswith(b"\n") else data + b"\n"
    assert outcome([b"./1", b"./2"], [data] if data else [])[0] == [wanted, wanted]


@pytest.mark.parametrize(
    ("why", "actions", "data", "outs"),
    [
        ("C16", [b"-*", b"+*b", b"./1"], b"b\nab\nabb\nxbx\nbb\n", [b"b\nab\n"]),
        ("C16 a last star", [b"-*", b"+*: *", b"./1"], b"deliver 1: x\na: deliver: y\nz\n", [b"deliver 1: x\na: deliver: y\n"]),
        ("C17 no end", [b"./1"], b"x", [b"x\n"]),
        ("nothing", [b"./1"], b"", [b""]),
        ("each directory what is selected there", [b"-a", b"./1", b"+a", b"-b", b"./2", b"-*", b"./3"], b"a\nb\n", [b"b\n", b"a\n", b""]),
        ("the first 1000 decide", [b"-*", b"+*b", b"./1"], b"a" * 999 + b"b\n" + b"a" * 1000 + b"b\n", [b"a" * 999 + b"b\n"]),
        ("the rest goes with them", [b"-*", b"+a*", b"./1"], b"a" * 3000 + b"\nb" + b"a" * 3000, [b"a" * 3000 + b"\n"]),
    ],
)
def test_c16_c17_what_goes_where(why: str, actions: list[bytes], data: bytes, outs: list[bytes]) -> None:
    assert outcome(actions, [data] if data else [])[0] == outs, why


def test_every_line_has_its_own_time_and_patterns_see_it() -> None:
    first, second = tai64n.write(10**18), tai64n.write(10**18 + 1)
    assert outcome([b"t", b"-*", b"+@* abc", b"./1"], [b"abc\nx\n"])[0] == [first + b" abc\n"]
    assert outcome([b"t", b"-*", b"+abc", b"./1"], [b"abc\nx\n"])[0] == [b""]
    assert outcome([b"t", b"./1"], [b"\n", b"x"])[0] == [first + b" \n" + second + b" x\n"]


def test_the_time_is_that_of_the_beginning() -> None:
    assert outcome([b"t", b"./1"], [b"ab", b"c\nd\n"])[0] == [b"%b abc\n%b d\n" % (tai64n.write(10**18), tai64n.write(10**18 + 1))]


def test_descriptor_2_and_status_files_get_the_head_of_selected_lines() -> None:
    data = b"no\n" + b"y" * 300 + b"\nyes\nno\n"
    outs, stderr, statuses = outcome([b"-no", b"e", b"=s", b"./1"], [data])
    assert stderr == b"y" * 200 + b"...\nyes\n"
    assert statuses == [b"yes" + b"\n" * 998]
    assert outs == [b"y" * 300 + b"\nyes\n"]


def test_what_is_held_is_never_more_than_the_beginning_of_a_line() -> None:
    lines = Lines(multilog_script.read([b"-b*", b"./1"]), lambda: 0)
    for _ in range(50):
        lines.feed(b"a" * 1000)
        assert b"".join(lines.outs[0]) == b"a" * 1000
        lines.outs[0].clear()
