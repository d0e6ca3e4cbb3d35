"""POP3 after login, over a mailbox in memory."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.net.pop3 import verbs
from mta.net.pop3.lines import TOO_LONG
from mta.net.pop3.state import CLASSIC, RFC, Profile
from tests.conftest import as_bytes, corpus
from tests.support.pop3_model import Model

THREE = [(b"1.a.h", b"S: 1\n\na\nb\n"), (b"2.b.h", b"S: 2\n\n"), (b"3.c.h", b"S: 3\n\nno newline")]


def model(profile: Profile) -> Model:
    return Model(profile, list(THREE))


ORACLE = [c for c in corpus("oracle/qmail-pop3d-popup") if not c["name"].startswith("popup")]


@pytest.mark.parametrize("case", ORACLE, ids=lambda c: c["name"])
def test_it_says_what_the_original_said(case: dict[str, Any]) -> None:
    messages = [(as_bytes(path)[4:].partition(b":")[0], as_bytes(text)) for path, text in case["files"]]
    session = Model(CLASSIC, messages)
    assert session.dialog(*map(as_bytes, case["input"])) == as_bytes(case["output"])


@pytest.mark.parametrize("profile", [CLASSIC, RFC], ids=["classic", "rfc"])
@pytest.mark.parametrize(
    ("why", "line", "reply"),
    [
        ("not a number", b"RETR x", b"-ERR syntax error\r\n"),
        ("no number", b"DELE", b"-ERR syntax error\r\n"),
        ("a sign is no digit", b"RETR -1", b"-ERR syntax error\r\n"),
        ("zero", b"DELE 0", b"-ERR messages are counted from 1\r\n"),
        ("too big", b"LIST 4", b"-ERR not that many messages\r\n"),
        ("too big for any machine", b"UIDL 99999999999999999999", b"-ERR not that many messages\r\n"),
        ("too big for int() itself", b"DELE " + b"9" * 5000, b"-ERR not that many messages\r\n"),
        ("deleted", b"TOP 2 1", b"-ERR already deleted\r\n"),
        ("unknown", b"XTND", b"-ERR unimplemented\r\n"),
        ("logged in already", b"USER joe", b"-ERR unimplemented\r\n"),
        ("too long", TOO_LONG, b"-ERR line too long\r\n"),
        ("NOOP", b"noop", b"+OK \r\n"),
        ("LIST of one", b"LIST 1", b"+OK 1 "),
        ("UIDL of one", b"UIDL 3", b"+OK 3 3.c.h\r\n"),
    ],
)
def test_it_replies_in_both_profiles(profile: Profile, why: str, line: bytes | object, reply: bytes) -> None:
    session = model(profile)
    session.say(b"DELE 2")
    assert session.say(line).startswith(reply)


@pytest.mark.parametrize(
    ("case", "line", "classic", "rfc"),
    [
        ("N08 STAT after DELE", b"STAT", b"+OK 3 26\r\n", b"+OK 2 34\r\n"),
        ("C44 sizes", b"LIST 1", b"+OK 1 10\r\n", b"+OK 1 14\r\n"),
        ("TOP without its number", b"TOP 1", b"+OK \r\nS: 1\r\n\r\na\r\nb\r\n\r\n.\r\n", b"-ERR syntax error\r\n"),
        ("RETR with a number", b"RETR 1 0", b"+OK \r\nS: 1\r\n\r\n\r\n.\r\n", b"-ERR syntax error\r\n"),
        ("TOP", b"TOP 1 1", b"+OK \r\nS: 1\r\n\r\na\r\n\r\n.\r\n", b"+OK \r\nS: 1\r\n\r\na\r\n.\r\n"),
        ("digits and more", b"DELE 1x", b"+OK \r\n", b"-ERR syntax error\r\n"),
        (
            "CAPA",
            b"CAPA",
            b"-ERR unimplemented\r\n",
            b"+OK \r\nTOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\nEXPIRE NEVER\r\nUSER\r\n.\r\n",
        ),
        ("NUL", b"NOOP\0x", b"+OK \r\n", b"-ERR unimplemented\r\n"),
    ],
)
def test_the_profiles_differ(case: str, line: bytes, classic: bytes, rfc: bytes) -> None:
    for profile, reply in ((CLASSIC, classic), (RFC, rfc)):
        session = model(profile)
        session.say(b"DELE 2")
        assert session.say(line) == reply, case


def test_last_is_what_was_deleted_and_in_the_other_profile_what_was_seen() -> None:
    for profile, seen in ((CLASSIC, b"+OK 1\r\n"), (RFC, b"+OK 3\r\n")):
        session = model(profile)
        session.say(b"DELE 1")
        session.say(b"RETR 3")
        assert session.say(b"LAST") == seen
        assert (session.say(b"RSET"), session.say(b"LAST")) == (b"+OK \r\n", b"+OK 0\r\n")


def test_deleted_messages_keep_their_numbers() -> None:
    session = model(RFC)
    session.say(b"DELE 1")
    assert session.say(b"LIST") == b"+OK \r\n2 8\r\n3 20\r\n.\r\n"
    assert session.say(b"UIDL") == b"+OK \r\n2 2.b.h\r\n3 3.c.h\r\n.\r\n"


def test_failures_at_quit_are_told() -> None:
    assert verbs.committed(model(CLASSIC).session, 2) == verbs.NOT_UNLINKED * 2 + b"+OK \r\n"
    assert verbs.committed(model(RFC).session, 2) == verbs.TEMPORARILY_NOT_UNLINKED


def test_an_empty_mailbox() -> None:
    assert Model(RFC, []).dialog(b"STAT", b"LIST", b"UIDL", b"RETR 1", b"QUIT") == (
        b"+OK \r\n+OK 0 0\r\n+OK \r\n.\r\n+OK \r\n.\r\n-ERR not that many messages\r\n+OK \r\n"
    )


def test_wrong_commands_are_answered_only_so_often() -> None:
    session = model(RFC)
    assert session.dialog(*[b"XYZZY"] * 50).endswith(b"-ERR unimplemented\r\n-ERR too many errors\r\n")
    assert session.left == [uid for uid, _ in THREE]


def test_ten_thousand_deletions_are_counted_right() -> None:
    session = verbs.begin(RFC, range(10_000), [b"%d" % i for i in range(10_000)])
    for i in range(0, 10_000, 2):
        session = verbs.command(session, b"DELE %d" % (i + 1))[0]
    assert verbs.command(session, b"STAT")[1] == b"+OK 5000 %d\r\n" % sum(range(1, 10_000, 2))
    assert verbs.command(session, b"LIST")[1].count(b"\r\n") == 5002


@pytest.mark.parametrize("profile", [CLASSIC, RFC], ids=["classic", "rfc"])
@pytest.mark.parametrize("case", [c for c in corpus("hostile/imap-pop-qmtp") if c["proto"] == "pop3"], ids=lambda c: c["id"])
def test_hostile_lines_are_refused(profile: Profile, case: dict[str, str]) -> None:
    session = model(profile)
    for line in as_bytes(case["bytes"]).split(b"\r\n")[:-1]:
        reply = session.say(line if len(line) <= profile.line_max else TOO_LONG)
        may_pass = line.startswith(b"TOP 1 99") or (profile.is_classic and line == b"TOP 1 -1")  # the original sends all of it
        assert reply.startswith(b"-ERR") or may_pass
    assert session.left == [uid for uid, _ in THREE]


commands = st.sampled_from(
    [b"STAT", b"LIST", b"UIDL", b"RSET", b"LAST", b"DELE 1", b"DELE 2", b"DELE 3", b"RETR 2", b"TOP 3 1", b"LIST 1", b"X"]
)


@given(st.lists(commands, max_size=15), st.sampled_from([CLASSIC, RFC]))
def test_the_books_balance(said: list[bytes], profile: Profile) -> None:
    session = model(profile)
    deleted: set[int] = set()
    for line in said:
        reply = session.say(line)
        assert reply.endswith(b"\r\n")
        if line.startswith(b"DELE"):
            assert reply.startswith(b"+OK") == (int(line[5:]) not in deleted)
            deleted.add(int(line[5:]))
        elif line == b"RSET":
            deleted.clear()
    listed = session.say(b"LIST").split(b"\r\n")[1:-2]
    assert [int(row.split()[0]) for row in listed] == [n for n in (1, 2, 3) if n not in deleted]
    assert session.session.left_octets == sum(int(row.split()[1]) for row in listed)
    session.say(b"QUIT")
    assert session.left == [uid for n, (uid, _) in enumerate(THREE, 1) if n not in deleted]
