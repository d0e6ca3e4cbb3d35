from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import cdb, users_assign
from mta.formats.users_assign import Assignment, BadLine, User, compile_, find, read, write

JOE = User(b"joe", 507, 100, b"/home/joe", b"", b"")

word = st.text("abXY-.=+", max_size=5).map(str.encode)
user = st.builds(User, word, st.integers(0, 2**31), st.integers(0, 2**31), word, word, word)
assignment = st.builds(Assignment, st.booleans(), word, user)


@given(st.lists(assignment, max_size=8), st.binary(max_size=10))
def test_it_reads_back_what_it_wrote_and_ignores_what_follows(found: list[Assignment], garbage: bytes) -> None:
    assert read(write(found) + garbage) == found


@pytest.mark.parametrize(
    ("why", "text", "number"),
    [
        ("no closing dot", b"=a:b:1:2:c:d:e:\n", 0),
        ("nothing at all", b"", 0),
        ("too few fields", b"=a:b:1:2:c:d:e:\n=a:b:1:2:c:d\n.\n", 2),
        ("colon first", b":b:1:2:c:d:e:\n.\n", 1),
        ("an empty line", b"\n.\n", 1),
        ("a NUL", b"=a:b\0:1:2:c:d:e:\n.\n", 1),
        ("the last line cut short", b"=a:b:1:2:c:d:e:", 1),
    ],
)
def test_it_refuses_and_says_where(why: str, text: bytes, number: int) -> None:
    for use in (read, compile_):
        with pytest.raises(BadLine) as caught:
            use(text)
        assert caught.value.number == number, why


@pytest.mark.parametrize("bad", [b"a:b", b"a\nb", b"a\0b"])
@pytest.mark.parametrize("field", ["local", "user", "home", "dash", "ext"])
def test_no_field_can_smuggle_in_another(field: str, bad: bytes) -> None:
    whole = Assignment(False, b"joe", JOE)
    with pytest.raises(ValueError):
        write([replace(whole, local=bad) if field == "local" else replace(whole, user=replace(JOE, **{field: bad}))])


def test_text_behind_the_seventh_colon_and_other_first_letters_pass() -> None:
    assert read(b"xjoe:joe:507:100:/home/joe::: a comment: \n.") == [Assignment(False, b"joe", JOE)]


def look_up(text: bytes, local: bytes) -> tuple[bytes, User] | None:
    return find(cdb.reader(compile_(text)).get, local)


WILD = b"+:alias:1:1:/a:-::\n=joe:joe:507:100:/home/joe:::\n+joe-:joe:507:100:/home/joe:-::\n+joe-x:x:5:5:/x:+:p:\n.\n"


@pytest.mark.parametrize(
    ("why", "local", "key", "user", "ext"),
    [
        ("exactly", b"joe", b"!joe\0", b"joe", b""),
        ("case does not matter", b"JOE", b"!joe\0", b"joe", b""),
        ("a wildcard", b"joe-list", b"!joe-", b"joe", b"list"),
        ("the extension keeps its case", b"Joe-LIST", b"!joe-", b"joe", b"LIST"),
        ("with nothing behind it", b"joe-", b"!joe-", b"joe", b""),
        ("the longest wildcard", b"joe-xyz", b"!joe-x", b"x", b"pyz"),
        ("the catch-all", b"ann", b"!", b"alias", b"ann"),
        ("of nothing", b"", b"!", b"alias", b""),
    ],
)
def test_it_finds_who_answers(why: str, local: bytes, key: bytes, user: bytes, ext: bytes) -> None:
    found = look_up(WILD, local)
    assert found is not None
    assert (found[0], found[1].user, found[1].ext) == (key, user, ext), why


def test_without_a_catch_all_the_system_is_asked() -> None:
    assert look_up(b"=joe:joe:1:1:/j:::\n.\n", b"ann") is None
    assert look_up(b".\n", b"ann") is None


def test_a_database_without_the_record_of_wildcards_is_damaged() -> None:
    with pytest.raises(ValueError):
        find(cdb.reader(cdb.write([(b"!joe\0", b"x")])).get, b"joe")


def test_a_record_that_is_cut_short_is_damaged() -> None:
    with pytest.raises(ValueError):
        find(cdb.reader(cdb.write([(b"!joe\0", b"joe\x001\x001"), (b"", b"")])).get, b"joe")


def test_the_last_letters_of_wildcards_are_noted_once_each_in_order() -> None:
    text = b"+b-:u:1:1:/:-::\n+a.:u:1:1:/:-::\n+c-:u:1:1:/:-::\n+:u:1:1:/:-::\n+UP:u:1:1:/:-::\n.\n"
    assert cdb.reader(compile_(text)).get(b"") == b"-.p"


def test_u01_a_known_digest() -> None:
    text = b"=joe:joe:507:100:/home/joe:::\n+joe-:joe:507:100:/home/joe:-::\n.\n"
    assert hashlib.sha256(compile_(text)).hexdigest() == "a0f3e7bd3041e6bcb771e142ac92a3267f0aed33e206a47ec2c6a92e40a5fd59"


def by_hand(found: list[Assignment], local: bytes) -> tuple[bytes, bytes] | None:
    """The rule of qmail-users(5) without a database -> (user, ext)."""
    low = local.lower()
    exact = [a for a in found if not a.is_wildcard and a.local.lower() == low]
    if exact:
        return exact[0].user.user, exact[0].user.ext
    wild = [a for a in found if a.is_wildcard and low.startswith(a.local.lower())]
    if not wild:
        return None
    best = max(wild, key=lambda a: len(a.local))  # the first of the longest
    return best.user.user, best.user.ext + local[len(best.local) :]


@given(st.lists(assignment, max_size=8), word)
def test_the_database_answers_as_the_rule_says(found: list[Assignment], local: bytes) -> None:
    answer = look_up(write(found), local)
    assert (None if answer is None else (answer[1].user, answer[1].ext)) == by_hand(found, local)


@given(st.binary(max_size=60))
def test_reading_raises_only_value_error(text: bytes) -> None:
    try:
        read(text)
        compile_(text)
    except ValueError:
        return
    assert b"." in text


def test_a_user_is_read_as_leniently_as_the_original_reads() -> None:
    assert users_assign.read_user(b"u\x0012x\0\0/h\0-\0e\0more") == User(b"u", 12, 0, b"/h", b"-", b"e")
