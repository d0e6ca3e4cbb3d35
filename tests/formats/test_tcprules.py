"""tcprules: text to records as the original reads it, records to rules, and who decides for a client. Cases C1-C6."""

from __future__ import annotations

import hashlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import cdb, tcprules
from mta.formats.tcprules import Rule

C1 = b'# c\n127.:allow,RELAYCLIENT=""\n1.2.3.37-39:deny\n=.example.org:allow,X=/a,b/,Y="c"\n:allow\n'


def records(text: bytes) -> list[tuple[bytes, bytes]]:
    return list(cdb.records(tcprules.compile_(text)))


def decide(text: bytes, ip: bytes, host: bytes | None = None, info: bytes | None = None) -> tuple[bytes, Rule] | None:
    return tcprules.find(cdb.reader(tcprules.compile_(text)).get, ip, host, info)


def test_c1_v06_the_records_and_the_file_to_the_byte() -> None:
    assert records(C1) == [
        (b"127.", b"+RELAYCLIENT=\0"),
        (b"1.2.3.37", b"D\0"),
        (b"1.2.3.38", b"D\0"),
        (b"1.2.3.39", b"D\0"),
        (b"=.example.org", b"+X=a,b\0+Y=c\0"),
        (b"", b""),
    ]
    data = tcprules.compile_(C1)
    digest = "5698187d9ff5b6328cf347a15ff3380330635a07f34318580dae32d687187bc3"
    assert (len(data), hashlib.sha256(data).hexdigest()) == (2265, digest)
    assert struct.unpack_from("<I", data) == (2169,), "where the tables start"
    assert sorted(position for _, position in struct.iter_unpack("<II", data[2169:]) if position) == [2048, 2074, 2092, 2110, 2128, 2161]


def test_c2_no_rules_are_an_empty_database() -> None:
    assert tcprules.compile_(b"") == b"\x00\x08\x00\x00\x00\x00\x00\x00" * 256


@pytest.mark.parametrize(
    ("why", "line", "keys"),
    [
        ("C3 no colon says nothing", b"1.2.3.4", []),
        ("a comment", b"#1.2.3.4:deny", []),
        ("only blanks", b"  \t", []),
        ("leading blanks belong to the key", b" 1.2.3.4:allow", [b" 1.2.3.4"]),
        ("trailing blanks do not", b"1.2.3.4:allow \t ", [b"1.2.3.4"]),
        ("a range", b"1.2.3.37-39:allow", [b"1.2.3.37", b"1.2.3.38", b"1.2.3.39"]),
        ("a range before more", b"10.2-3.:allow", [b"10.2.", b"10.3."]),
        ("the first range only", b"1-2.3-4.:allow", [b"1.3-4.", b"2.3-4."]),
        ("an empty range", b"5-3:allow", []),
        ("nothing is 0, at the end", b"10.0-:allow", [b"10.0"]),
        ("nothing is 0, at the beginning", b"1.-2.4:allow", [b"1.0.4", b"1.1.4", b"1.2.4"]),
        ("leading zeros are lost", b"01-02.:allow", [b"1.", b"2."]),
        ("255 is the end", b"1.2.3.254-999:allow", [b"1.2.3.254", b"1.2.3.255"]),
        ("numbers wrap", b"18446744073709551617-2:allow", [b"1", b"2"]),
        ("names are no ranges", b"=my-host.example:allow", [b"=my-host.example"]),
        ("nor is what has a name of a user", b"a-b@1.2.3.4-5:allow", [b"a-b@1.2.3.4-5"]),
        ("CIDR is a key that never matches", b"1.2.3.0/24:allow", [b"1.2.3.0/24"]),
    ],
)
def test_the_keys_of_a_line(why: str, line: bytes, keys: list[bytes]) -> None:
    assert [key for key, _ in records(line)] == keys, why


@pytest.mark.parametrize(
    ("why", "instructions", "data"),
    [
        ("deny", b"deny", b"D\0"),
        ("deny with a variable", b'deny,X="a"', b"D\0+X=a\0"),
        ("any byte quotes", b"allow,X=/a,b/", b"+X=a,b\0"),
        ("even the comma", b"allow,X=,1,", b"+X=1\0"),
        ("no name", b'allow,="a"', b"+=a\0"),
        ("a blank before the name is part of it", b'allow,A="1", B="x"', b"+A=1\0+ B=x\0"),
        ("a NUL as quote", b"allow,A=\0b\0", b"+A=b\0"),
    ],
)
def test_the_data_of_a_line(why: str, instructions: bytes, data: bytes) -> None:
    assert records(b"a:" + instructions) == [(b"a", data)], why


@pytest.mark.parametrize(
    "line",
    [
        b"1.2.3.4:", b"a:ALLOW", b"a:allow,", b"a:allow,X", b"a:allow,X=", b'a:allow,X="b', b'a:allowX="a"', b"a:denyfoo", b"::1:allow",
        b"a:deny\r", b'a:allow,X="a"b', b"a-b:allow", b"x1-2:allow", b"1-2x:allow", b"1-2-3:allow", b"1.1-2 :allow",
    ],
)  # fmt: skip
def test_c3_a_line_that_is_no_rule_is_named(line: bytes) -> None:
    with pytest.raises(tcprules.BadLine) as caught:
        tcprules.read(b":allow\n" + line + b" \n")
    assert (caught.value.line, caught.value.number) == (line, 2)


@pytest.mark.parametrize(
    ("why", "text", "client", "key"),
    [
        ("C4 a prefix needs its dot", b"1.2.3:deny", (b"1.2.3.4",), None),
        ("C4 with its dot", b"1.2.3.:deny", (b"1.2.3.4",), b"1.2.3."),
        ("C5 the address before the name", b'1.2.3.4:allow,A="ip"\n=h.org:allow,A="host"', (b"1.2.3.4", b"h.org"), b"1.2.3.4"),
        ("C5 the user before the address", b"1.2.3.4:allow\njoe@1.2.3.4:deny", (b"1.2.3.4", b"h.org", b"joe"), b"joe@1.2.3.4"),
        ("the user at a name", b"1.2.3.4:allow\njoe@=h.org:deny", (b"1.2.3.4", b"h.org", b"joe"), b"joe@=h.org"),
        ("C6 any client with a name", b"=:deny", (b"1.2.3.4", b"h.org"), b"="),
        ("C6 but none without", b"=:deny", (b"1.2.3.4",), None),
        ("C6 the rest", b"=:deny\n:deny", (b"1.2.3.4",), b""),
        ("the longest prefix", b"1.:deny\n1.2.:allow\n1.2.3.4.:deny", (b"1.2.3.4",), b"1.2."),
        ("prefixes before suffixes", b"=.org:allow\n1.:deny", (b"1.2.3.4", b"a.b.org"), b"1."),
        ("the longest suffix", b"=.org:deny\n=.b.org:allow\n=b.org:deny", (b"1.2.3.4", b"a.b.org"), b"=.b.org"),
        ("the first of two equal keys", b":deny\n:allow", (b"1.2.3.4",), b""),
    ],
)
def test_who_decides(why: str, text: bytes, client: tuple[bytes, ...], key: bytes | None) -> None:
    found = decide(text, *client)
    assert (None if found is None else found[0]) == key, why


def test_the_first_of_two_equal_keys_decides() -> None:
    assert decide(b":deny\n:allow", b"1.2.3.4") == (b"", Rule(True))


rules = st.builds(
    Rule,
    st.booleans(),
    st.lists(
        st.tuples(
            st.binary(max_size=5).filter(lambda name: not set(name) & set(b"\0=")),
            st.binary(max_size=8).filter(lambda value: 0 not in value),
        ),
        max_size=4,
    ).map(tuple),
)


@given(rules)
def test_a_record_reads_back(rule: Rule) -> None:
    assert tcprules.read_rule(tcprules.write_rule(rule)) == rule


def test_an_item_of_another_kind_is_passed_over() -> None:
    assert tcprules.read_rule(b"Zq\0+A=b\0\0D\0+C=lost") == Rule(True, ((b"A", b"b"),))


@given(st.binary(max_size=60))
def test_text_is_rules_or_names_its_line(text: bytes) -> None:
    try:
        found = tcprules.read(text)
    except tcprules.BadLine as error:
        assert error.line.rstrip() in text
        return
    assert len(list(cdb.records(tcprules.compile_(text)))) == len(found)
