"""What new-inject and ofmipd make of a header."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.decisions.outgoing_header import Header
from mta.formats import rewriting
from mta.formats.mess822_header import Splitter

RULES = rewriting.defaults(host=b"h.org", domain=b"org", plus=b"org")
NOW = 1795218357  # 20 Nov 2026 23:45:57


def header(text: bytes, *, takes_envelope: bool = True) -> Header:
    made = Header(takes_envelope=takes_envelope)
    splitter = Splitter()
    for field in [*(splitter.feed(text)[0] if text else []), *splitter.close()[0]]:
        made.field(field)
    made.rewrite(RULES)
    return made


def write(made: Header) -> bytes:
    return made.write(now_s=NOW, id_tail=b".812.qmail@h.org", default_from=b"joe@h.org")


STAMP = b"Date: 20 Nov 2026 23:45:57 -0000\n"
ID = b"Message-ID: <20261120234557.812.qmail@h.org>\n"
FROM = b"From: joe@h.org\n"
TO = b"To: bo@h.org\n"
MIXED = b"X-B: 1\nSubject: s\nTo: bo\nReceived: r\nReply-To: r@h\nResent-To: z\nFrom: f\nSender: s\nMessage-Id: <m>\nDelivered-To: d\n"


@pytest.mark.parametrize(
    ("why", "text", "expected"),
    [
        ("C30 nobody is named", b"Bcc: bo\nSubject: x\n", STAMP + ID + FROM + b"Cc: recipient list not shown: ;\nSubject: x\n"),
        ("hosts are completed", b"To: bo, cy@x+\n", STAMP + ID + FROM + b"To: bo@h.org, cy@x.org\n"),
        ("missing commas, a date mended", b"To: a b, c@d\nDate: 5 Jan 99 10:00 EST\n",
         b"Date: 5 Jan 1999 10:00:00 -0500\nMessage-ID: <19990105100000.812.qmail@h.org>\n" + FROM + b"To: a@h.org, b@h.org, c@d.org\n"),
        ("a date nobody understands", b"To: bo\nDate: today\n", STAMP + ID + FROM + TO),
        ("the last date that can be", b"To: bo\nDate: 5 Jan 1999 10:00 GMT\nDate: today\nMessage-ID: <x>\n",
         b"Date: 5 Jan 1999 10:00:00 +0000\nMessage-ID: <x>\n" + FROM + TO),
        ("fields of one name", b"Cc: a\nTo: bo\nCC: c\n", STAMP + ID + FROM + TO + b"Cc: a@h.org, c@h.org\n"),
        ("groups", b"To: friends: a, b;\n", STAMP + ID + FROM + b'To: "friends" <a@h.org>, b@h.org\n'),
        ("order", MIXED,
         b"Received: r\nResent-To: z\nDelivered-To: d\n" + STAMP + b"Message-Id: <m>\nFrom: f@h.org\nSender: s@h.org\nReply-To: r@h.org\n"
         + TO + b"X-B: 1\nSubject: s\n"),
        ("what goes", b"To: bo\nBcc: x\nApparently-To: y\nReturn-Path: <z>\nContent-Length: 3\n", STAMP + ID + FROM + TO),
        ("a first line that is no field", b" from nowhere\nTo: bo\n", STAMP + ID + FROM + TO),
        ("an empty From", b"To: bo\nFrom: ,\n", STAMP + ID + FROM + TO),
    ],
)  # fmt: skip
def test_a_header_is_completed(why: str, text: bytes, expected: bytes) -> None:
    assert write(header(text)) == expected, why


def test_who_has_an_envelope_of_its_own_keeps_the_pseudo_fields() -> None:
    text = b"To: bo\nEnvelope-Sender: a\nEnvelope-Recipients: b\n"
    assert write(header(text)) == STAMP + ID + FROM + TO
    kept = header(text, takes_envelope=False)
    assert write(kept) == STAMP + ID + FROM + TO + b"Envelope-Sender: a\nEnvelope-Recipients: b\n"
    assert kept.addresses(b"envelope-sender") == []


def test_what_is_forgotten_was_not_there() -> None:
    made = header(b"To: bo\nFrom: f\nMessage-ID: <m>\nReturn-Path: <r>\n")
    for name in (b"from", b"message-id", b"return-path"):
        made.forget(name)
    assert write(made) == STAMP + ID + FROM + TO
    assert made.addresses(b"return-path") == []


def test_addresses_are_those_after_rewriting_and_apparently_to_is_bcc() -> None:
    made = header(b"To: a\nCc: b@x\nBcc: c\nApparently-To: <d@y>\n")
    assert made.addresses(b"to", b"cc", b"bcc") == [b"a@h.org", b"b@x.org", b"c@h.org", b"d@y.org"]


@pytest.mark.parametrize(
    ("why", "text", "lists", "added"),
    [
        ("a list is among them", b"To: List@h.org, bo\nCc: cy\n", {b"list@h.org"}, b"Mail-Followup-To: List@h.org, bo@h.org, cy@h.org\n"),
        ("no list is", b"To: bo\n", {b"list@h.org"}, b""),
        ("the message says it", b"To: list\nMail-Followup-To: me\n", {b"list@h.org"}, b"Mail-Followup-To: me@h.org\n"),
    ],
)
def test_where_answers_go(why: str, text: bytes, lists: set[bytes], added: bytes) -> None:
    made = header(text)
    made.follow_up(frozenset(lists))
    found = [line for line in write(made).splitlines(keepends=True) if line.startswith(b"Mail-Followup-To")]
    assert b"".join(found) == added, why


fields = st.sampled_from(
    [
        b"To: a, b\n",
        b"Cc: c@x (d)\n",
        b"From: e\n",
        b"Subject: f\n g\n",
        b"Date: 5 Jan 1999 10:00 GMT\n",
        b"Message-ID: <h>\n",
        b"Received: i\n",
    ]
)


@given(st.lists(fields, max_size=6).map(b"".join))
def test_what_was_completed_stays_as_it_is(text: bytes) -> None:
    once = write(header(text))
    assert write(header(once)) == once or b"not shown" in once
