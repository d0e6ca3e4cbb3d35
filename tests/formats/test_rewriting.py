"""The rewriting language."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import rewriting
from mta.formats.mess822 import ADDRESS, COMMENT

DEFAULTS = rewriting.defaults(host=b"dh.org", domain=b"dd.org", plus=b"pd.org")


@pytest.mark.parametrize(
    ("why", "host", "rules", "expected"),
    [
        ("equal", b"a", [b"=a:b"], b"b"),
        ("equal is not the end", b"x.a", [b"=a:b"], b"x.a"),
        ("the end", b"x.a", [b"*.a:.b"], b"x.b"),
        ("the end, where nothing is before it", b"a", [b"*a:b"], b"b"),
        ("the end, where no dot is before it", b"x", [b"?:.a"], b"x.a"),
        ("a dot before it", b"x.y", [b"?:.a"], b"x.y"),
        ("a bracket before it", b"[1]", [b"?:.a"], b"[1]"),
        ("all of it", b"pc7.local", [b"-.local:a.org"], b"a.org"),
        ("in any letters", b"X.LOCAL", [b"*.local:.org"], b"X.org"),
        ("one after the other", b"a", [b"=a:b", b"=b:c", b"=a:d"], b"c"),
        ("each once", b"a", [b"*:x"], b"ax"),
        ("no rule", b"a", [b"", b"x", b"=a", b"~a:b", b"# =a:b"], b"a"),
        ("what is new may hold colons", b"a", [b"=a:b:c"], b"b:c"),
        ("no host", b"", DEFAULTS, b"dh.org"),
        ("a short one", b"a", DEFAULTS, b"a.dd.org"),
        ("plus", b"a+", DEFAULTS, b"a.pd.org"),
        ("a dot at the end", b"a.b.", DEFAULTS, b"a.b"),
    ],
)
def test_a_host_is_rewritten(why: str, host: bytes, rules: list[bytes], expected: bytes) -> None:
    assert rewriting.host(host, rules) == expected, why


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (b"joe", b"joe@dh.org"),
        (b"joe@", b"joe@dh.org"),
        (b"joe@x", b"joe@x.dd.org"),
        (b"", b""),
        (b"@", b""),
        (b"@x", b"@x.dd.org"),
        (b"a@b@c", b"a@b@c.dd.org"),
    ],
)
def test_an_address_is_rewritten(address: bytes, expected: bytes) -> None:
    assert rewriting.address(address, DEFAULTS) == expected


def test_of_a_list_only_addresses_are() -> None:
    assert rewriting.entries([(COMMENT, b"joe"), (ADDRESS, b"joe@")], DEFAULTS) == [(COMMENT, b"joe"), (ADDRESS, b"joe@dh.org")]


@given(st.binary(max_size=20), st.lists(st.binary(max_size=10), max_size=5))
def test_any_bytes_are_rules(host: bytes, rules: list[bytes]) -> None:
    once = rewriting.host(host, rules)
    assert once == host or any(rule[:1] in (b"=", b"*", b"?", b"-") and b":" in rule for rule in rules)
