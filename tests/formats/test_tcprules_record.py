"""Which keys of a cdb of rules are asked for, and the hashes of some of them (the numeric vectors of the specification)."""

from __future__ import annotations

import pytest

from mta.formats import cdb, tcprules_record


@pytest.mark.parametrize(
    ("key", "hash_", "table"),
    [
        (b"", 0x1505, 5),
        (b"127.", 0x7C5406DF, 223),
        (b"1.2.3.37", 0xC5EC53FF, 255),
        (b"=.example.org", 0xED73062A, 42),
        (b"joe", 0x0B8767A5, 165),
    ],
)
def test_the_hashes_of_keys(key: bytes, hash_: int, table: int) -> None:
    assert (cdb.hash_(key), cdb.hash_(key) & 255) == (hash_, table)


@pytest.mark.parametrize(
    ("why", "client", "keys"),
    [
        ("an address", (b"1.2.3.4", None, None), [b"1.2.3.4", b"1.2.3.", b"1.2.", b"1.", b""]),
        (
            "with a name",
            (b"1.2.3.4", b"a.example.org", None),
            [b"1.2.3.4", b"=a.example.org", b"1.2.3.", b"1.2.", b"1.", b"=.example.org", b"=.org", b"=", b""],
        ),
        ("with an info", (b"1.2", None, b"joe"), [b"joe@1.2", b"1.2", b"1.", b""]),
        ("with both", (b"1.2", b"h", b"joe"), [b"joe@1.2", b"joe@=h", b"1.2", b"=h", b"1.", b"=", b""]),
        ("an empty name is one", (b"1", b"", None), [b"1", b"=", b"=", b""]),
        ("IPv6 has no nets", (b"2001:db8::1", None, None), [b"2001:db8::1", b""]),
    ],
)
def test_the_order_of_keys(why: str, client: tuple[bytes, bytes | None, bytes | None], keys: list[bytes]) -> None:
    assert list(tcprules_record.keys(*client)) == keys


def test_the_first_key_that_is_there_decides() -> None:
    rules = {b"1.2.": b"+A=net\0", b"": b"D\0"}
    assert tcprules_record.find_record(rules.get, b"1.2.3.4") == (b"1.2.", b"+A=net\0")
    assert tcprules_record.find_record(rules.get, b"4.3.2.1") == (b"", b"D\0")
    assert tcprules_record.find_record({}.get, b"4.3.2.1") is None


def test_what_follows_the_last_nul_is_no_item() -> None:
    assert tcprules_record.items(b"D\0+A=1\0\0x") == [b"D", b"+A=1", b""]
    assert tcprules_record.items(b"") == []
