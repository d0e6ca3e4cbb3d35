from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import dotqmail
from webadmin.aliases import lines

MAILDIR = b"/d/example.org/joe/Maildir/"
row = st.sampled_from(
    [b"# comment", b"|program", b"&a@b", b"c@d", b"./Maildir/", MAILDIR, b"./mbox", b"/other/Maildir/", b"+list", b"", b"&x@y  "]
)
bodies = st.builds(lambda rows, end: b"\n".join(rows) + end, st.lists(row, max_size=6), st.sampled_from([b"", b"\n"]))
targets = st.lists(st.sampled_from(["new@example.net", "other@example.net"]), unique=True)


def others(body: bytes | None) -> list[bytes]:
    return [
        line.text
        for line in dotqmail.read(body or b"")
        if line.kind is not dotqmail.Kind.FORWARD and line.text not in (MAILDIR, b"./Maildir/")
    ]


@given(bodies, targets, st.booleans())
def test_it_has_the_wanted_forwards_and_every_other_line(body: bytes, wanted: list[str], keeps: bool) -> None:
    written = lines.rewrite(body, wanted, MAILDIR if keeps else b"", MAILDIR)
    assert lines.forwards(written) == wanted
    assert others(written) == others(body)
    if keeps:
        assert lines.keeps_copy(written, MAILDIR)


@given(bodies, targets, st.booleans())
def test_a_second_time_changes_nothing(body: bytes, wanted: list[str], keeps: bool) -> None:
    copy = MAILDIR if keeps else b""
    once = lines.rewrite(body, wanted, copy, MAILDIR)
    assert lines.rewrite(once, wanted, copy, MAILDIR) == once


@pytest.mark.parametrize(
    ("why", "body", "written"),
    [
        ("nothing yet", None, b"&n@x\n"),
        ("in place of the old one", b"|a\n&old@x\n|b\n", b"|a\n&n@x\n|b\n"),
        ("all old ones in the place of the first", b"&old@x\n|b\nold2@x\n", b"&n@x\n|b\n"),
        ("after what is there", b"# c\n|a", b"# c\n|a\n&n@x\n"),
    ],
)
def test_it_puts_forwards_where_they_were(why: str, body: bytes | None, written: bytes) -> None:
    assert lines.rewrite(body, ["n@x"]) == written, why


@pytest.mark.parametrize(
    ("why", "body", "keeps"),
    [
        ("no file", None, True),
        ("an empty file", b"", True),
        ("a comment alone, which says nothing", b"# x\n", True),
        ("a forward alone", b"&a@b\n", False),
        ("a forward and the Maildir", b"&a@b\n" + MAILDIR + b"\n", True),
        ("the Maildir as seen from home", b"&a@b\n./Maildir/\n", True),
        ("another Maildir", b"/other/Maildir/\n", False),
    ],
)
def test_it_knows_whether_a_copy_is_kept(why: str, body: bytes | None, keeps: bool) -> None:
    assert lines.keeps_copy(body, MAILDIR) is keeps, why
