"""Questions and answers of the DNS, beside dnspython, and damaged ones."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.name
import dns.rdatatype
import dns.reversename
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import dns_message
from mta.formats.dns_message import AAAA, PTR, TXT, A

labels = st.text("abcXYZ019-_", min_size=1, max_size=20)
names = st.lists(labels, min_size=1, max_size=6).map(".".join)


def answer(asked: bytes, *records: tuple[str, str, str]) -> bytes:
    """records: name, kind, text."""
    response = dns.message.make_response(dns.message.from_wire(asked))
    for name, kind, text in records:
        response.answer.append(dns.rrset.from_text(name, 60, "IN", kind, text))
    return response.to_wire()


@given(st.integers(0, 65535), names, st.sampled_from([A, PTR, TXT, AAAA]))
def test_a_question_is_one(number: int, name: str, kind: int) -> None:
    query = dns.message.from_wire(dns_message.question(number, name.encode(), kind))
    assert (query.id, query.flags, len(query.question)) == (number, dns.flags.RD, 1)
    assert query.question[0].name == dns.name.from_text(name)
    assert query.question[0].rdtype == kind


@pytest.mark.parametrize("name", [b"a" * 64 + b".org", b".".join([b"a" * 60] * 5)])
def test_a_name_that_cannot_exist_is_no_question(name: bytes) -> None:
    with pytest.raises(ValueError, match="too long"):
        dns_message.question(1, name, A)


@pytest.mark.parametrize("ip", ["192.0.2.1", "2001:db8::1"])
def test_names_stand_under_the_reversed_address(ip: str) -> None:
    packed = dns.rdata.from_text("IN", "AAAA" if ":" in ip else "A", ip).to_wire()
    assert packed is not None
    assert dns_message.reverse(packed) == dns.reversename.from_address(ip).to_text(omit_final_dot=True).encode()


@pytest.mark.parametrize(
    ("why", "kind", "records", "values"),
    [
        ("none", A, [], []),
        ("addresses in order", A, [("a.test.", "A", "192.0.2.2"), ("a.test.", "A", "192.0.2.1")], [b"\xc0\0\2\2", b"\xc0\0\2\1"]),
        ("behind a CNAME", A, [("a.test.", "CNAME", "b.test."), ("b.test.", "A", "192.0.2.1")], [b"\xc0\0\2\1"]),
        ("IPv6", AAAA, [("a.test.", "AAAA", "2001:db8::1")], [bytes.fromhex("20010db8000000000000000000000001")]),
        ("of another kind", A, [("a.test.", "TXT", '"x"')], []),
        ("strings of a text", TXT, [("a.test.", "TXT", '"one" "two \\200"')], [b"onetwo \xc8"]),
        ("a name, small", PTR, [("a.test.", "PTR", "Mail.Example.ORG.")], [b"mail.example.org"]),
        ("other octets of a name", PTR, [("a.test.", "PTR", "a\\.b\\000*.c_1-.")], [b"a\\056b\\000\\052.c_1-"]),
        ("the root", PTR, [("a.test.", "PTR", ".")], [b"."]),
    ],
)
def test_it_reads_what_was_asked_for(why: str, kind: int, records: list[tuple[str, str, str]], values: list[bytes]) -> None:
    asked = dns_message.question(7, b"a.test", kind)
    found = dns_message.read(answer(asked, *records), asked)
    assert (found.code, found.is_truncated, found.values) == (0, False, values)


def test_a_truncated_answer_says_so() -> None:
    asked = dns_message.question(7, b"a.test", A)
    data = bytearray(answer(asked))
    data[2] |= 2
    assert dns_message.read(bytes(data), asked).is_truncated


def test_the_case_of_the_question_may_change() -> None:
    asked = dns_message.question(7, b"a.test", A)
    assert dns_message.read(answer(asked).replace(b"test", b"TeSt"), asked).values == []


OTHERS = [
    ("another number", dns_message.question(8, b"a.test", A)),
    ("another name", dns_message.question(7, b"b.test", A)),
    ("another kind", dns_message.question(7, b"a.test", TXT)),
]


@pytest.mark.parametrize(("why", "other"), OTHERS, ids=[row[0] for row in OTHERS])
def test_an_answer_to_another_question_is_none(why: str, other: bytes) -> None:
    with pytest.raises(dns_message.NotAsked):
        dns_message.read(answer(other), dns_message.question(7, b"a.test", A))


def test_a_question_is_no_answer() -> None:
    asked = dns_message.question(7, b"a.test", A)
    with pytest.raises(dns_message.NotAsked):
        dns_message.read(asked, asked)


ASKED = dns_message.question(7, b"a.test", TXT)
WHOLE = answer(ASKED, ("a.test.", "TXT", '"one" "two"'), ("a.test.", "CNAME", "b.a.test."))


@given(st.integers(0, len(WHOLE)), st.binary(max_size=4), st.integers(0, 4))
def test_damage_raises_nothing_but_valueerror(at: int, put: bytes, lost: int) -> None:
    try:
        dns_message.read(WHOLE[:at] + put + WHOLE[at + lost :], ASKED)
    except ValueError:
        pass


@given(st.binary(max_size=80))
def test_noise_behind_a_question_raises_nothing_but_valueerror(noise: bytes) -> None:
    head = ASKED[:2] + b"\x81\x80\0\1\0\5\0\0\0\0" + ASKED[12:]
    try:
        dns_message.read(head + noise, ASKED)
    except ValueError:
        pass


def test_a_name_that_points_to_itself_ends() -> None:
    head = ASKED[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + ASKED[12:]
    with pytest.raises(ValueError, match="without an end"):
        dns_message.read(head + b"\xc0" + bytes([len(head)]), ASKED)
