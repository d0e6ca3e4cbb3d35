"""The files of the queue: todo, info, local and remote, and the envelope they begin with."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import envelope, info, recipients, todo
from mta.formats.address import ADDRESS_MAX

addresses = st.binary(max_size=80).map(lambda b: b.translate(None, b"\0\r\n"))
todos = st.builds(
    todo.Todo,
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**40),
    addresses,
    st.lists(addresses, max_size=6).map(tuple),
)


@given(todos)
def test_todo_reads_back_what_it_wrote(t: todo.Todo) -> None:
    assert todo.read(todo.write(t)) == t


def test_q01_todo_to_the_byte() -> None:
    assert todo.write(todo.Todo(7901, 812, b"s@a", (b"r@b",))) == b"u7901\0p812\0Fs@a\0Tr@b\0"


def test_q04_no_recipients_is_legal() -> None:
    assert todo.write(todo.Todo(1, 2, b"", ())) == b"u1\0p2\0F\0"


def test_queue_extra_adds_recipients_before_the_others() -> None:
    assert todo.read(todo.write(todo.Todo(1, 2, b"", (b"r@b",)), extra=b"Tlog\0")).recipients == (b"log", b"r@b")


@pytest.mark.parametrize(
    ("why", "data", "meant"),
    [
        ("records in any order", b"Ta@b\0Fs@a\0p2\0u1\0", todo.Todo(1, 2, b"s@a", (b"a@b",))),
        ("bytes after the last NUL are ignored", b"u1\0p2\0F\0Tcut", todo.Todo(1, 2, b"", ())),
        ("no sender at all", b"u1\0p2\0Ta@b\0", todo.Todo(1, 2, None, (b"a@b",))),
        ("a number that is none is 0", b"ux\0p2y\0F\0", todo.Todo(0, 2, b"", ())),
    ],
)
def test_todo_reads(why: str, data: bytes, meant: todo.Todo) -> None:
    assert todo.read(data) == meant, why


@pytest.mark.parametrize(("why", "data"), [("unknown letter", b"u1\0p2\0Fa\0Xc\0"), ("an empty record", b"u1\0\0Fa\0")])
def test_todo_refuses(why: str, data: bytes) -> None:
    with pytest.raises(ValueError, match="unknown record type"):
        todo.read(data)


@given(st.binary(max_size=200))
def test_todo_raises_nothing_but_value_error(data: bytes) -> None:
    try:
        todo.read(data)
    except ValueError:
        pass


@given(addresses)
def test_info_reads_back_what_it_wrote(sender: bytes) -> None:
    assert info.read(info.write(sender)) == sender
    assert info.read(info.write(sender) + b"Tignored\0") == sender


@pytest.mark.parametrize(("why", "data"), [("empty", b""), ("no NUL", b"Fa@b"), ("another letter", b"Ta@b\0")])
def test_info_refuses(why: str, data: bytes) -> None:
    with pytest.raises(ValueError, match="sender"):
        info.read(data)


@given(st.lists(addresses, max_size=8), st.data())
def test_a_mark_changes_one_recipient_and_nothing_else(found: list[bytes], data: st.DataObject) -> None:
    before = recipients.read(recipients.write(found))
    assert [(r.is_done, r.address) for r in before] == [(False, a) for a in found]
    if not found:
        return
    i = data.draw(st.integers(0, len(found) - 1))
    marked = bytearray(recipients.write(found))
    marked[before[i].offset : before[i].offset + 1] = recipients.DONE
    after = recipients.read(bytes(marked))
    assert [r.is_done for r in after] == [j == i for j in range(len(found))]
    assert [r.address for r in after] == found


def test_s25_recipients_of_another_kind_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown record type"):
        recipients.read(b"Tjoe@h\0Xann@h\0")


@given(addresses, st.lists(addresses, max_size=6), st.binary(max_size=20))
def test_the_envelope_reads_back_and_what_follows_is_not_looked_at(sender: bytes, found: list[bytes], garbage: bytes) -> None:
    assert envelope.read(envelope.write(sender, found) + garbage) == (sender, tuple(found))


@given(addresses, st.lists(addresses, min_size=1, max_size=6), st.data())
def test_an_envelope_that_ends_early_is_never_one(sender: bytes, found: list[bytes], data: st.DataObject) -> None:
    whole = envelope.write(sender, found)
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(envelope.EnvelopeError) as caught:
        envelope.read(whole[:cut])
    assert caught.value.exit == envelope.READ_ERROR


LONG = b"a" * (ADDRESS_MAX + 1)


@pytest.mark.parametrize(
    ("case", "data", "exit_"),
    [
        ("Q05 no closing NUL", b"Fa\0Tb\0", 54),
        ("Q06 nothing", b"", 54),
        ("Q07 no sender first", b"Xa\0", 91),
        ("Q07 neither recipient nor end", b"Fa\0Xb\0\0", 91),
        ("Q07 a second sender", b"Fa\0Fb\0\0", 91),
        ("Q08 sender too long", b"F" + LONG + b"\0\0", 11),
        ("Q08 recipient too long", b"Fa\0T" + LONG + b"\0\0", 11),
        ("a line break in an address", b"Fa\nb\0\0", 31),
        ("a carriage return in an address", b"Fa\0Tb\r\0\0", 31),
    ],
)
def test_an_envelope_is_refused_with_the_exit_of_qmail_queue(case: str, data: bytes, exit_: int) -> None:
    with pytest.raises(envelope.EnvelopeError) as caught:
        envelope.read(data)
    assert caught.value.exit == exit_, case


def test_q08_an_address_of_1002_octets_passes() -> None:
    assert envelope.read(b"F" + LONG[1:] + b"\0\0") == (LONG[1:], ())
