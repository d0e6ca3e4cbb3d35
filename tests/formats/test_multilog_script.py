"""multilog's actions, and its patterns, which never go back. Case C16."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import multilog_script as ms


@pytest.mark.parametrize(
    ("why", "pattern", "matching", "others"),
    [
        ("C16 up to the first b", b"*b", [b"b", b"ab"], [b"abb", b"xbx", b"bb", b""]),
        ("C16 a last star takes the rest", b"*: *", [b"deliver 1: x", b"a: deliver: y"], [b"a:b", b"a"]),
        ("no way back", b"*: deliver*", [b"a: deliver", b"b: deliver x"], [b"a: x: deliver"]),
        ("no star", b"a", [b"a"], [b"aa", b"", b"ab"]),
        ("empty", b"", [b""], [b"a"]),
        ("everything", b"*", [b"", b"a"], []),
        ("two stars", b"*a*b", [b"ab", b"xaxb"], [b"xaxbb", b"a"]),
        ("a star before a star searches for one", b"**", [b"*", b"x*", b"x*y", b"**"], [b"a", b""]),
        ("and goes on from it", b"**b", [b"*b", b"a*b", b"x*yb"], [b"ab", b"a*bb", b"x*yzbb"]),
        ("three", b"***", [b"*", b"**", b"x*y"], [b"a"]),
    ],
)
def test_c16_patterns(why: str, pattern: bytes, matching: list[bytes], others: list[bytes]) -> None:
    matches = ms.Pattern(pattern).matches
    assert [line for line in matching + others if matches(line)] == matching, why


def match_as_the_manual_says(pattern: bytes, line: bytes) -> bool:
    """The manual's rules one character at a time."""
    while pattern:
        if pattern == b"*":
            return True
        if pattern[:1] == b"*":
            line = line[line.find(pattern[1:2]) :] if pattern[1:2] in line else b""
            if not line:
                return False
        elif pattern[:1] != line[:1]:
            return False
        else:
            line = line[1:]
        pattern = pattern[1:]
    return not line


texts = st.text("ab*: ", max_size=9).map(str.encode)


@given(texts, texts)
def test_patterns_do_what_the_manual_says(pattern: bytes, line: bytes) -> None:
    assert ms.Pattern(pattern).matches(line) is match_as_the_manual_says(pattern, line)


@pytest.mark.parametrize(
    ("why", "actions", "folders"),
    [
        ("defaults", [b"./a"], [(b"./a", 99999, 10, None)]),
        ("for those that follow", [b"./a", b"s5000", b"n3", b"/b"], [(b"./a", 99999, 10, None), (b"/b", 5000, 3, None)]),
        ("limits", [b"s1", b"n1", b"./a", b"s99999999999999999999999", b"./b"], [(b"./a", 4096, 2, None), (b"./b", 16777215, 2, None)]),
        ("no number is the least", [b"sfoo", b"nfoo", b"./a"], [(b"./a", 4096, 2, None)]),
        ("digits up to something else", [b"s5000k", b"./a"], [(b"./a", 5000, 10, None)]),
        ("a processor", [b"!gzip", b"./a", b"!", b"./b"], [(b"./a", 99999, 10, b"gzip"), (b"./b", 99999, 10, b"")]),
        ("what is no action is none", [b"zzz", b"", b"Main", b"./a"], [(b"./a", 99999, 10, None)]),
    ],
)
def test_the_directories_of_a_script(why: str, actions: list[bytes], folders: list[tuple[bytes, int, int, bytes | None]]) -> None:
    assert [(f.path, f.size, f.number, f.processor) for f in ms.read(actions).folders] == folders, why


@pytest.mark.parametrize(
    ("actions", "has_time", "is_plain"),
    [
        ([], False, True),
        ([b"t", b"./a"], True, True),
        ([b"time", b"./a", b"./b"], True, True),
        ([b"./a", b"t"], False, True),
        ([b"-*", b"./a"], False, False),
        ([b"t", b"e"], True, False),
        ([b"=x", b"./a"], False, False),
    ],
)
def test_what_a_script_needs(actions: list[bytes], has_time: bool, is_plain: bool) -> None:
    script = ms.read(actions)
    assert (script.has_time, script.is_plain) == (has_time, is_plain)


def test_a_status_file_that_is_named_twice_is_one() -> None:
    script = ms.read([b"=st", b"-", b"=other", b"=st"])
    assert script.statuses == [b"st", b"other"]
    assert [step.index for step in script.steps if step.kind == ms.STATUS] == [0, 1, 0]


@given(st.lists(st.binary(max_size=8), max_size=8))
def test_no_argument_is_a_mistake(actions: list[bytes]) -> None:
    script = ms.read(actions)
    assert len(script.folders) == sum(action[:1] in (b".", b"/") for action in actions)
    assert len(script.statuses) == len({action for action in actions if action[:1] == b"="})


def test_what_goes_to_descriptor_2_is_cut() -> None:
    assert ms.stderr_line(b"c" * 200) == b"c" * 200 + b"\n"
    assert ms.stderr_line(b"b" * 201) == b"b" * 200 + b"...\n"


def test_a_status_file_always_has_the_same_size() -> None:
    assert ms.status_file(b"bb") == b"bb" + b"\n" * 999
    assert ms.status_file(b"x" * 2000) == b"x" * 1000 + b"\n"
