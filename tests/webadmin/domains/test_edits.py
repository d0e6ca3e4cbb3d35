from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import control, users_assign
from mta.formats.users_assign import Assignment, User
from webadmin.domains import edits

lines = st.lists(st.sampled_from([b"# a comment", b"", b"other.example", b"x:y", b"  blank first", b"last"]), max_size=6)
files = st.builds(lambda rows, end: b"\n".join(rows) + end, lines, st.sampled_from([b"", b"\n"]))
NEW = Assignment(True, b"example.org-", User(b"example.org", 89, 89, b"/d/example.org", b"-", b""))


@given(files)
def test_what_is_added_can_be_removed_and_the_rest_stays(data: bytes) -> None:
    added = edits.add_line(data, b"example.org")
    assert b"example.org" in control.lines(added)
    assert edits.remove_name(added, b"example.org").rstrip(b"\n") == data.rstrip(b"\n")


@pytest.mark.parametrize(
    ("why", "data", "left"),
    [
        ("in the middle", b"a\nexample.org\nb\n", b"a\nb\n"),
        ("in capitals", b"Example.ORG\n", b""),
        ("with blanks behind", b"example.org \t\n", b""),
        ("without a newline", b"a\nexample.org", b"a\n"),
        ("twice", b"example.org\nexample.org\n", b""),
        ("a comment about it", b"# example.org\n", b"# example.org\n"),
        ("a longer name", b"www.example.org\n.example.org\n", b"www.example.org\n.example.org\n"),
        ("a carriage return makes another name", b"example.org\r\n", b"example.org\r\n"),
    ],
)
def test_it_removes_the_line_that_is_the_name(why: str, data: bytes, left: bytes) -> None:
    assert edits.remove_name(data, b"example.org") == left, why


def test_it_removes_the_lines_of_a_key() -> None:
    data = b"example.org:example.org\nEXAMPLE.ORG:again\njoe@example.org:x\nexample.org\n"
    assert edits.remove_key(data, b"example.org") == b"joe@example.org:x\nexample.org\n"


@pytest.mark.parametrize(
    ("why", "data", "result"),
    [
        ("no file", None, b"L.\n"),
        ("empty", b".\n", b"L.\n"),
        ("a dot without its newline", b".", b"L."),
        ("after the others", b"=a:b:1:2:/c:::\n.\n", b"=a:b:1:2:/c:::\nL.\n"),
        ("what follows the dot stays", b".\nnotes\n", b"L.\nnotes\n"),
    ],
)
def test_it_adds_an_assignment_before_the_dot(why: str, data: bytes | None, result: bytes) -> None:
    expected = result.replace(b"L", users_assign.write_line(NEW))
    added = edits.add_assignment(data, NEW)
    assert added == expected, why
    assert NEW in users_assign.read(added)
    assert edits.remove_assignment(added, b"example.org") == (data or b".\n")


def test_it_removes_no_assignment_that_looks_alike() -> None:
    data = b"=example.org-:a:1:2:/c:::\n+example.org:a:1:2:/c:-::\n+www.example.org-:a:1:2:/c:-::\n.\n"
    assert edits.remove_assignment(data, b"example.org") == data


def test_an_assignment_file_without_its_dot_is_refused() -> None:
    with pytest.raises(ValueError, match="does not end"):
        edits.add_assignment(b"=a:b:1:2:/c:::\n", NEW)


@pytest.mark.parametrize(
    ("why", "rcpthosts", "more", "result"),
    [
        ("a first domain", None, None, (b"d.example\n", None)),
        ("49 lines, comments not counted", b"# x\n" + b"a\n" * 49, None, (b"# x\n" + b"a\n" * 49 + b"d.example\n", None)),
        ("50 lines", b"a\n" * 50, None, (b"a\n" * 50, b"d.example\n")),
        ("50 lines and more", b"a\n" * 50, b"b\n", (b"a\n" * 50, b"b\nd.example\n")),
        ("there already", b"D.example\n", None, (b"D.example\n", None)),
        ("there already, in the other", b"a\n", b"d.example\n", (b"a\n", b"d.example\n")),
    ],
)
def test_it_chooses_the_file_by_its_length(
    why: str, rcpthosts: bytes | None, more: bytes | None, result: tuple[bytes | None, bytes | None]
) -> None:
    assert edits.add_to_rcpthosts(rcpthosts, more, b"d.example") == result, why
