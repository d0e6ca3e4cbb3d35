"""cdb: the bytes of the originals, look-ups, and damaged files, which are never "no such key"."""

from __future__ import annotations

import base64
import hashlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import cdb, rcpthosts, users_assign
from tests.conftest import as_bytes, corpus

pairs = st.lists(st.tuples(st.binary(max_size=12), st.binary(max_size=20)), max_size=40)


@pytest.mark.parametrize(
    ("key", "hash_"),
    [
        (b"", 5381),
        (b"!", 177540),
        (b"!joe\0", 98843780),
        (b"!joe-", 98843817),
        (b"host.example.org", 2202381463),
        (b".example.org", 596982263),
    ],
)
def test_the_hash(key: bytes, hash_: int) -> None:
    assert cdb.hash_(key) == hash_


@pytest.mark.parametrize(
    ("why", "key", "hash_", "table", "start"),
    [
        ("V01 the empty key", b"", 0x1505, 5, 21),
        ("V02 a prefix of addresses", b"127.", 0x7C5406DF, 223, 8147974),
        ("V03 an address", b"1.2.3.37", 0xC5EC53FF, 255, 0xC5EC53),
        ("V04 a suffix of names", b"=.example.org", 0xED73062A, 42, 0xED7306),
        ("V05 a user", b"joe", 0x0B8767A5, 165, 0x0B8767),
    ],
)
def test_the_table_of_a_key_and_where_its_search_begins(why: str, key: bytes, hash_: int, table: int, start: int) -> None:
    """In a database of this key twice the table has four slots, and the record is in the slot its hash says."""
    assert cdb.hash_(key) == hash_ and hash_ >> 8 == start, why
    data = cdb.write([(key, b""), (key, b"")])
    position, slots = struct.unpack_from("<II", data, 8 * table)
    assert slots == 4 and struct.unpack_from("<II", data, position + 8 * (start % 4)) == (hash_, 2048), why


def test_c2_an_empty_database_still_says_where_its_tables_would_stand() -> None:
    assert cdb.write([]) == (b"\x00\x08\x00\x00\x00\x00\x00\x00") * 256


@given(pairs)
def test_every_record_is_found_in_order_and_nothing_else(records: list[tuple[bytes, bytes]]) -> None:
    data = cdb.write(records)
    reader = cdb.reader(data)
    for key in {k for k, _ in records}:
        wanted = [d for k, d in records if k == key]
        assert list(reader.get_all(key)) == wanted
        assert reader.get(key) == wanted[0]
    assert reader.get(b"a key longer than twelve") is None
    assert list(cdb.records(data)) == records


@given(
    st.lists(st.tuples(st.binary(max_size=2), st.binary(max_size=20)), max_size=30),
    st.binary(max_size=2),
    st.none() | st.binary(max_size=20),
)
def test_an_edited_file_is_what_writing_it_again_would_give(records: list[tuple[bytes, bytes]], key: bytes, value: bytes | None) -> None:
    """Of keys that stand twice, the first: as in the text, where an edit finds the first line."""
    at = next((i for i, (k, _) in enumerate(records) if k == key), len(records))
    after = records[:at] + ([] if value is None else [(key, value)]) + records[at + 1 :]
    before = cdb.write(records)
    assert edited(before, key, value) == cdb.write(after)
    assert cdb.extent(cdb.within(before), len(before)) == (len(records), sum(8 + len(k) + len(d) for k, d in records))


def edited(data: bytes, key: bytes, value: bytes | None) -> bytes:
    pieces = cdb.edited(cdb.within(data), len(data), key, value)
    return b"".join(piece if isinstance(piece, bytes) else data[piece.start : piece.stop] for piece in pieces)


@given(st.dictionaries(st.binary(max_size=4), st.binary(max_size=20), min_size=1, max_size=9), st.data())
def test_editing_a_damaged_file_raises_a_value_error_at_most(records: dict[bytes, bytes], draw: st.DataObject) -> None:
    data = bytearray(cdb.write(records.items()))
    for _ in range(draw.draw(st.integers(1, 4))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    cut = bytes(data[: draw.draw(st.integers(0, len(data)))])
    for key in records:
        try:
            edited(cut, key, draw.draw(st.none() | st.binary(max_size=5)))
        except ValueError:
            continue


@given(st.binary(min_size=60, max_size=80))
def test_the_hash_of_a_long_key_is_that_of_a_short_one(key: bytes) -> None:
    h = 5381
    for byte in key:
        h = ((h << 5) + h & 0xFFFFFFFF) ^ byte
    assert cdb.hash_(key) == h


@given(pairs.filter(bool), st.data())
def test_a_damaged_file_is_told_or_answers_but_never_crashes(records: list[tuple[bytes, bytes]], draw: st.DataObject) -> None:
    data = bytearray(cdb.write(records))
    for _ in range(draw.draw(st.integers(1, 4))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    cut = bytes(data[: draw.draw(st.integers(0, len(data)))])
    for key, _ in records:
        try:
            cdb.reader(cut).get(key)
        except ValueError:
            continue


def test_a_file_cut_short_is_never_a_missing_key() -> None:
    data = cdb.write([(b"joe", b"x")])
    for size in (0, 8, 2047, 2048, len(data) - 1):
        with pytest.raises(ValueError, match="cut short"):
            cdb.reader(data[:size]).get(b"joe")


@pytest.mark.parametrize(
    ("text", "size", "digest"),
    [
        (b".\n", 2072, "afe44b125cc89abbdb701a3fe4f061bba8403ee77b734a1e76170bfcc8b67325"),
        (
            b"=joe:joe:507:100:/home/joe:::\n+joe-:joe:507:100:/home/joe:-::\n.\n",
            2178,
            "a0f3e7bd3041e6bcb771e142ac92a3267f0aed33e206a47ec2c6a92e40a5fd59",
        ),
    ],
)
def test_u01_users_cdb_to_the_byte(text: bytes, size: int, digest: str) -> None:
    data = users_assign.compile_(text)
    assert (len(data), hashlib.sha256(data).hexdigest()) == (size, digest)


def test_u01_morercpthosts_cdb_to_the_byte() -> None:
    data = rcpthosts.compile_more(b"Foo.Example\n# c\n\n.bar.example  \t\n")
    assert (len(data), hashlib.sha256(data).hexdigest()) == (2119, "1ae9091a704b867f8a0572aed489020102de714ac493388a37d6c61035efec71")


TOOLS = {"qmail-newu": users_assign.compile_, "qmail-newmrh": rcpthosts.compile_more}


@pytest.mark.parametrize(
    "case",
    [c for c in corpus("oracle/newu-newmrh-pw2u-tcprules-cdb-multilog-tai64n") if c["tool"] in TOOLS],
    ids=lambda c: f"{c['tool']}-{c['name']}",
)
def test_the_originals_made_the_same_file(case: dict[str, str]) -> None:
    if case["cdb_b64"] is None:
        with pytest.raises(ValueError, match="assign"):
            TOOLS[case["tool"]](as_bytes(case["input"]))
        return
    assert TOOLS[case["tool"]](as_bytes(case["input"])) == base64.b64decode(case["cdb_b64"])
