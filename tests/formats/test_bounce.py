"""bounce/N paragraphs and the QSBMF message, byte for byte."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import bounce


@pytest.mark.parametrize(
    ("case", "report", "paragraph"),
    [
        ("B01 ends in an empty line", b"abc\n\n", b"<r>:\nabc\n\n\n"),
        ("B02 no report", b"", b"<r>:\n\n"),
        ("B03 empty lines inside", b"a\n\n\nb", b"<r>:\na\n//b\n\n"),
        ("B04 empty lines first", b"\n\nlead", b"<r>:\n//lead\n\n"),
        ("one line", b"no\n", b"<r>:\nno\n\n"),
        ("a line without its end", b"no", b"<r>:\nno\n\n"),
    ],
)
def test_a_paragraph_to_the_byte(case: str, report: bytes, paragraph: bytes) -> None:
    assert bounce.paragraph(b"r", report) == paragraph, case


def test_b05_a_newline_in_the_address_cannot_end_its_line() -> None:
    assert bounce.paragraph(b"no\nl@h", b"x\n") == b"<no_l@h>:\nx\n\n"


@given(st.binary(max_size=60), st.binary(max_size=120))
def test_only_an_empty_line_at_its_end_ends_a_paragraph(recipient: bytes, report: bytes) -> None:
    text = bounce.paragraph(recipient, report)
    assert text.endswith(b"\n\n")
    assert b"\n\n" not in text[:-3]
    assert text.startswith(b"<") and b">:\n" in text


@given(st.lists(st.tuples(st.binary(max_size=20), st.binary(max_size=60)), max_size=4), st.data())
def test_whole_paragraphs_are_told_from_what_a_crash_left(failures: list[tuple[bytes, bytes]], data: st.DataObject) -> None:
    paragraphs = [bounce.paragraph(recipient, report) for recipient, report in failures]
    text = b"".join(paragraphs)
    assert bounce.whole(text) == len(text)
    assert bounce.told(text) == Counter(bounce.one_line(recipient) for recipient, _ in failures)
    size = data.draw(st.integers(0, len(text)))
    ends = [sum(map(len, paragraphs[:i])) for i in range(len(paragraphs) + 1)]
    # a paragraph that ends in three newlines is as good as whole without the third
    assert bounce.whole(text[:size]) in {size, max(end for end in ends if end <= size)}
    assert bounce.told(text[:size]) <= bounce.told(text)


@pytest.mark.parametrize(
    ("why", "data", "size"),
    [
        ("nothing", b"", 0),
        ("one, whole", b"<r>:\nno\n\n", 9),
        ("a piece of the first", b"<r>:\nno\n", 0),
        ("a piece of the second", b"<r>:\nno\n\n<s>:\nn", 9),
        ("zeros that a power cut left", b"<r>:\nno\n\n\0\0\0\0", 9),
    ],
)
def test_what_is_not_whole_counts_for_nothing(why: str, data: bytes, size: int) -> None:
    assert bounce.whole(data) == size, why


def test_the_head_of_a_bounce() -> None:
    head = bounce.head(
        now_s=820631134, bouncefrom=b"MAILER-DAEMON", bouncehost=b"bh.example", recipient=b"ada@example.org", is_double=False
    )
    assert head == (
        b"Date: 3 Jan 1996 01:05:34 -0000\nFrom: MAILER-DAEMON@bh.example\nTo: ada@example.org\nSubject: failure notice\n\n"
        b"Hi. This is the qmail-send program at bh.example.\n"
        b"I'm afraid I wasn't able to deliver your message to the following addresses.\n"
        b"This is a permanent error; I've given up. Sorry it didn't work out.\n\n"
    )


def test_the_head_of_a_double_bounce() -> None:
    head = bounce.head(now_s=0, bouncefrom=b"M", bouncehost=b"h", recipient=b"postmaster@h", is_double=True)
    greeting = b"Hi. This is the qmail-send program at h.\n"
    assert head.partition(greeting)[2] == b"I tried to deliver a bounce message to this address, but the bounce bounced!\n\n"


@pytest.mark.parametrize(
    ("sender", "is_double", "tail"),
    [
        (b"a b@c", False, b'--- Below this line is a copy of the message.\n\nReturn-Path: <"a b"@c>\n'),
        (b"", True, b"--- Below this line is the original bounce.\n\nReturn-Path: <>\n"),
    ],
)
def test_what_stands_before_the_original(sender: bytes, is_double: bool, tail: bytes) -> None:
    assert bounce.tail(original_sender=sender, is_double=is_double) == tail


COPY = b"\n--- Below this line is a copy of the message.\n\nReturn-Path: <>\nSubject: spam\n\n" + b"spam\n" * 5000


@pytest.mark.parametrize(
    ("why", "message", "expected"),
    [
        ("one of ours", b"To: a@b\n\nHi. This is the\n<r>:\nno\n" + COPY, b"To: a@b\n\nHi. This is the\n<r>:\nno\n"),
        ("a short one of others", b"To: a@b\n\nno\n", None),
        ("a long one of others", b"To: a@b\n\n" + b"x" * 20000, (b"To: a@b\n\n" + b"x" * 20000)[:16384]),
        ("nothing", b"", None),
    ],
)
@pytest.mark.parametrize("step", [7, 1000, 1 << 16])
def test_a_double_bounce_may_be_trimmed(why: str, message: bytes, expected: bytes | None, step: int) -> None:
    pieces = iter([message[at : at + step] for at in range(0, len(message), step)])
    found = b"".join(bounce.trimmed(pieces))
    assert found == (message if expected is None else expected + b"\n--- The rest has been left out.\n"), why
