from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webadmin.domains import catchall
from webadmin.domains.catchall import CatchAll, Kind

HOME = b"/var/qmail"


@pytest.mark.parametrize(
    ("why", "body", "found"),
    [
        ("ours", b"|/var/qmail/bin/vdelivermail '' bounce-no-mailbox\n", CatchAll(Kind.BOUNCE)),
        ("vpopmail's", b"| /home/vpopmail/bin/vdelivermail '' delete", CatchAll(Kind.DELETE)),
        ("an address", b"|/x/vdelivermail '' all@example.net\n", CatchAll(Kind.FORWARD, "all@example.net")),
        ("a mailbox", b"|/x/vdelivermail '' /d/example.org/joe/\n", CatchAll(Kind.MAILBOX, "/d/example.org/joe")),
        ("after a comment", b"# ours\n|/x/vdelivermail '' delete\n", CatchAll(Kind.DELETE)),
        ("double quotes", b'|/x/vdelivermail "" delete\n', CatchAll(Kind.DELETE)),
        ("somebody's own", b"&all@example.net\n", CatchAll(Kind.OTHER)),
        ("a comment alone", b"# |/x/vdelivermail '' delete\n", CatchAll(Kind.OTHER)),
        ("no file", None, CatchAll(Kind.OTHER)),
    ],
)
def test_it_reads(why: str, body: bytes | None, found: CatchAll) -> None:
    assert catchall.read(body) == found, why


def test_it_keeps_everything_but_the_argument() -> None:
    body = b"# ours\n|preline filter\n| /home/vpopmail/bin/vdelivermail '' delete  \n# the end\n"
    written = catchall.write(body, CatchAll(Kind.FORWARD, "a@b.example"), HOME)
    assert written == b"# ours\n|preline filter\n| /home/vpopmail/bin/vdelivermail '' a@b.example  \n# the end\n"


def test_it_adds_a_line_where_there_is_none() -> None:
    assert catchall.write(b"&log@example.net", CatchAll(Kind.DELETE), HOME) == (
        b"&log@example.net\n|/var/qmail/bin/vdelivermail '' delete\n"
    )


@given(st.text(min_size=1, max_size=20))
def test_what_it_writes_is_one_word_to_a_shell(value: str) -> None:
    try:
        written = catchall.write(None, CatchAll(Kind.FORWARD, value), HOME)
    except ValueError:
        return
    assert shlex.split(written[1:].decode()) == ["/var/qmail/bin/vdelivermail", "", value]
    assert set(value) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+=@/-")


@pytest.mark.parametrize(
    "value", ["a b", "$HOME", "`id`", "a'b", 'a"b', "a;b", "a|b", "a&b", "a\nb", "-rf", "", "a*", "~x", "(a)", "a\\b", "#a"]
)
def test_it_refuses_what_a_shell_would_read(value: str) -> None:
    with pytest.raises(ValueError, match="shell"):
        catchall.write(None, CatchAll(Kind.FORWARD, value), HOME)


@pytest.mark.parametrize(
    "wanted", [CatchAll(Kind.BOUNCE), CatchAll(Kind.DELETE), CatchAll(Kind.FORWARD, "a@b"), CatchAll(Kind.MAILBOX, "/d/j")]
)
def test_it_reads_back_what_it_wrote(wanted: CatchAll) -> None:
    assert catchall.read(catchall.write(None, wanted, HOME)) == wanted
