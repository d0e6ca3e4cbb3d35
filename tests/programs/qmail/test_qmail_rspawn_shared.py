from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.decisions.remote_route import Target, remote_route
from mta.formats.spawn import Command
from mta.programs.qmail.qmail_rspawn.shared import RECIPIENTS_MAX, shared

ROUTES = {b"a.test": b"mx.test", b"b.test": b"MX.test"}


def find(host: bytes, _sender: bytes) -> Target:
    return remote_route(ROUTES, host)


def groups(*commands: tuple[bytes, bytes, bytes]) -> list[list[bytes]]:
    """(message, sender, recipient) ... -> the recipients of each transaction."""
    found = shared([Command(slot, *one) for slot, one in enumerate(commands)], find)
    return [[c.recipient for c in group] for _, group in found]


@pytest.mark.parametrize(
    ("why", "commands", "together"),
    [
        ("one message, one host", [(b"1/1", b"s", b"u@x"), (b"1/1", b"s", b"v@X")], [[b"u@x", b"v@X"]]),
        ("two hosts", [(b"1/1", b"s", b"u@x"), (b"1/1", b"s", b"v@y")], [[b"u@x"], [b"v@y"]]),
        ("two hosts behind one relay", [(b"1/1", b"s", b"u@a.test"), (b"1/1", b"s", b"v@b.test")], [[b"u@a.test", b"v@b.test"]]),
        ("two messages", [(b"1/1", b"s", b"u@x"), (b"1/24", b"s", b"v@x")], [[b"u@x"], [b"v@x"]]),
        ("a sender for each (VERP)", [(b"1/1", b"s-u=x@h", b"u@x"), (b"1/1", b"s-v=x@h", b"v@x")], [[b"u@x"], [b"v@x"]]),
        ("a bounce", [(b"1/1", b"", b"u@x"), (b"1/1", b"", b"v@x")], [[b"u@x"], [b"v@x"]]),
        ("an address that cannot be sent, last", [(b"1/1", b"s", b"u@x"), (b"1/1", b"s", b"v\r@x")], [[b"u@x"], [b"v\r@x"]]),
        ("an address that cannot be sent, first", [(b"1/1", b"s", b"v\n@x"), (b"1/1", b"s", b"u@x")], [[b"v\n@x"], [b"u@x"]]),
        ("an address twice", [(b"1/1", b"s", b"u@x"), (b"1/1", b"s", b"u@x")], [[b"u@x"], [b"u@x"]]),
    ],
)
def test_it_puts_together(why: str, commands: list[tuple[bytes, bytes, bytes]], together: list[list[bytes]]) -> None:
    assert groups(*commands) == together, why


@given(
    st.lists(st.tuples(st.sampled_from([b"1/1", b"2/2"]), st.sampled_from([b"", b"s"]), st.sampled_from([b"u@x", b"v@x", b"u@y", b"w@x"])))
)
def test_every_command_is_in_one_transaction_that_fits_it(commands: list[tuple[bytes, bytes, bytes]]) -> None:
    given_ = [Command(slot, *one) for slot, one in enumerate(commands)]
    found = shared(given_, find)
    assert sorted(c.slot for _, group in found for c in group) == list(range(len(given_)))
    for target, group in found:
        assert len({(c.message, c.sender) for c in group}) == 1
        assert {find(c.recipient.partition(b"@")[2], c.sender) for c in group} == {target}
        assert len({c.recipient for c in group}) == len(group) <= RECIPIENTS_MAX


def test_no_transaction_has_more_recipients_than_every_server_takes() -> None:
    sizes = [len(one) for one in groups(*[(b"1/1", b"s", b"u%d@x" % i) for i in range(2 * RECIPIENTS_MAX + 1)])]
    assert sizes == [RECIPIENTS_MAX, RECIPIENTS_MAX, 1]
    assert RECIPIENTS_MAX <= 100, "RFC 5321 4.5.3.1.8"
