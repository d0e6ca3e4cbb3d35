from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.decisions import getpw
from mta.formats.users_assign import User

ALIAS = User(b"alias", 7790, 7791, b"/var/qmail/alias", b"", b"")


def answer(local: bytes, *names: bytes) -> tuple[bytes, bytes, bytes]:
    """-> (user, dash, ext) where users of these names count."""

    def lookup(name: bytes) -> User | None:
        return User(name, 1001, 100, b"/home/" + name, b"", b"") if name in names else None

    user = getpw.find(local, lookup, lambda: ALIAS)
    return user.user, user.dash, user.ext


@pytest.mark.parametrize(
    ("why", "local", "names", "found"),
    [
        ("a name", b"joe", (b"joe",), (b"joe", b"", b"")),
        ("in capitals", b"JOE", (b"joe",), (b"joe", b"", b"")),
        ("U08: an extension keeps its case", b"Joe-Ext-Two", (b"joe",), (b"joe", b"-", b"Ext-Two")),
        ("the longest name wins", b"joe-ext-two", (b"joe", b"joe-ext"), (b"joe-ext", b"-", b"two")),
        ("a name with a dash wins whole", b"joe-ext", (b"joe", b"joe-ext"), (b"joe-ext", b"", b"")),
        ("an empty extension", b"joe-", (b"joe",), (b"joe", b"-", b"")),
        ("U09: nobody", b"root", (), (b"alias", b"-", b"root")),
        ("a virtual domain of the alias user's", b"alias-cars-info", (), (b"alias", b"-", b"cars-info")),
        ("the alias user", b"Alias", (), (b"alias", b"", b"")),
        ("no address", b"", (), (b"alias", b"-", b"")),
        ("a dash first", b"-joe", (b"joe", b""), (b"alias", b"-", b"-joe")),
        ("a name of 31 octets", b"a" * 31, (b"a" * 31,), (b"a" * 31, b"", b"")),
        ("one of 32 is too long", b"a" * 32, (b"a" * 32,), (b"alias", b"-", b"a" * 32)),
        ("but its beginning is not", b"joe-" + b"a" * 40, (b"joe",), (b"joe", b"-", b"a" * 40)),
    ],
)
def test_it_finds_who_answers(why: str, local: bytes, names: tuple[bytes, ...], found: tuple[bytes, bytes, bytes]) -> None:
    assert answer(local, *names) == found, why


@given(st.text("aB-.", max_size=50).map(str.encode))
def test_every_candidate_is_a_beginning_at_a_dash_longest_first(local: bytes) -> None:
    found = list(getpw.candidates(local))
    for name, dash, ext in found:
        assert name + dash + ext.lower() == local.lower()
        assert dash == (b"-" if len(name) < len(local) else b"")
        assert 0 < len(name) < 32
    assert [len(n) for n, _, _ in found] == sorted({len(n) for n, _, _ in found}, reverse=True)
