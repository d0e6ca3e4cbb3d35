"""What maildirserial and its clients say to each other, and the bounces it writes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import maildirbounce, serial
from mta.formats.serial import Answer, Answers, Envelope


def test_the_envelope_stands_in_the_first_two_lines() -> None:
    assert serial.envelope(b"Return-Path: <a@x>\n", b"Delivered-To: pre-bo@y\n") == Envelope(b"a@x", b"pre-bo@y")
    assert serial.envelope(b"Return-Path: <>\n", b"Delivered-To: \n") == Envelope(b"", b"")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (b"", b""),
        (b"Return-Path: <a@x>\n", b""),
        (b"Return-Path: <a@x>\n", b"Delivered-To: bo"),
        (b"Return-Path: a@x\n", b"Delivered-To: bo\n"),
        (b"Return-Path: <a@x>", b"Delivered-To: bo\n"),
        (b"return-path: <a@x>\n", b"Delivered-To: bo\n"),
        (b"Return-Path: <a@x>\n", b"To: bo\n"),
    ],
)
def test_other_lines_are_no_envelope(first: bytes, second: bytes) -> None:
    with pytest.raises(ValueError):
        serial.envelope(first, second)


def test_answers_are_printable_and_not_too_long() -> None:
    assert serial.write(Answer(b"new/1", b"K", b"250 ok\x07\xe9\n")) == b"new/1\0K250 ok???\n"
    assert len(serial.write(Answer(b"n", b"K", b"x" * 5000))) == len(b"n\0") + 2000 + 1


answers = st.lists(
    st.builds(
        Answer,
        st.binary(min_size=1, max_size=20).map(lambda b: b.replace(b"\0", b"x")),
        st.sampled_from([b"K", b"Z", b"D"]),
        st.text("abc: ", max_size=20).map(str.encode),
    ),
    max_size=5,
)


@given(answers, st.integers(1, 7))
def test_answers_read_back_however_they_come(sent: list[Answer], size: int) -> None:
    data = b"".join(map(serial.write, sent))
    reader = Answers()
    assert [a for at in range(0, len(data), size) for a in reader.feed(data[at : at + size])] == sent


def test_a_client_that_talks_without_end_is_none() -> None:
    reader = Answers()
    with pytest.raises(ValueError):
        for _ in range(3):
            reader.feed(b"x" * 40_000)


BOUNCE = {
    "now_s": 0,
    "bouncefrom": b"MAILER-DAEMON",
    "bouncehost": b"h.org",
    "to": b"ada@x.y",
    "recipient": b"bo@z",
    "why": b"no such user",
}


def test_a_bounce() -> None:
    assert maildirbounce.head(sender=b"ada@x.y", is_too_old=False, **BOUNCE) == (  # type: ignore[arg-type]
        b"Date: 1 Jan 1970 00:00:00 -0000\nFrom: MAILER-DAEMON@h.org\nTo: ada@x.y\nSubject: failure notice\n\n"
        b"Hi. This is the maildirbounce program at h.org.\n"
        b"I'm afraid I wasn't able to deliver your message to the following address.\n"
        b"This is a permanent error; I've given up. Sorry it didn't work out.\n\n"
        b"<bo@z>:\nno such user\n\n"
        b"--- Below this line is a copy of the message.\n\nReturn-Path: <ada@x.y>\n"
    )


def test_a_bounce_of_a_bounce_that_is_too_old() -> None:
    text = maildirbounce.head(sender=b"", is_too_old=True, **BOUNCE)  # type: ignore[arg-type]
    assert b"I tried to deliver a bounce message to this address, but the bounce bounced!\n\n<bo@z>:\n" in text
    assert text.endswith(
        b"no such user\nThis message is too old. Giving up.\n\n--- Below this line is the original bounce.\n\nReturn-Path: <>\n"
    )
