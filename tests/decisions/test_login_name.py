"""Which mailboxes a login name may mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.decisions import login_name

DEFAULTS = [b"Example.org", b"mail.example.org"]


@pytest.mark.parametrize(
    ("why", "name", "found"),
    [
        ("an address", b"joe@example.com", [(b"joe", b"example.com")]),
        ("percent", b"joe%example.com", [(b"joe", b"example.com")]),
        ("slash", b"joe/example.com", [(b"joe", b"example.com")]),
        ("case", b"Joe@Example.COM", [(b"joe", b"example.com")]),
        ("bare: the defaults in order", b"joe", [(b"joe", b"example.org"), (b"joe", b"mail.example.org")]),
        ("extension characters", b"joe+x@example.com", [(b"joe+x", b"example.com")]),
        ("two separators: the rest is no domain", b"joe@a@example.com", []),
        ("a percent belongs to no name", b"joe%a@example.com", []),
        ("no user", b"@example.com", []),
        ("no domain", b"joe@", []),
        ("a domain has a dot: a system user has none", b"joe@root", []),
        ("paths", b"../x@example.com", []),
        ("paths in the domain", b"joe@..", []),
        ("a colon would be another field of users/assign", b"joe@example.com:x", []),
        ("nothing", b"", []),
        ("a domain longer than any", b"joe@" + b"x" * 95 + b".org", []),
    ],
)
def test_it_finds(why: str, name: bytes, found: list[tuple[bytes, bytes]]) -> None:
    assert login_name.candidates(name, DEFAULTS) == found


@given(st.binary(max_size=60))
def test_what_it_finds_can_be_looked_up(name: bytes) -> None:
    for user, domain in login_name.candidates(name, DEFAULTS):
        assert user and b"/" not in user and b"\0" not in user + domain and b":" not in user + domain
        assert user == user.lower() and domain == domain.lower()


@given(st.binary(max_size=60))
def test_only_bare_names_need_a_default(name: bytes) -> None:
    if not login_name.is_bare(name):
        assert login_name.candidates(name, DEFAULTS) == login_name.candidates(name, [])


@pytest.mark.parametrize("name", [b"joe@example.org", b"JOE@example.org", b"joe%example.org", b"joe/example.org"])
def test_one_mailbox_has_one_key(name: bytes) -> None:
    assert login_name.same(name) == b"joe@example.org"
