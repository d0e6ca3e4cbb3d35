from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.net.smtp.data import Decoder
from mta.net.smtp_client.body import Encoder

# CR, LF and dots in every order are what matters; anything else now and then
messages = st.binary() | st.lists(st.sampled_from([b"\r", b"\n", b".", b"\r\n", b"\r\n.\r\n", b"a", b"\0", b"\xff"])).map(b"".join)
cuts = st.lists(st.integers(0, 40))


def encoded(pieces: list[bytes]) -> bytes:
    encoder = Encoder()
    return b"".join([*map(encoder.encode, pieces), encoder.end()])


def cut(message: bytes, places: list[int]) -> list[bytes]:
    """The message in pieces."""
    edges = [0, *sorted(min(p, len(message)) for p in places), len(message)]
    return [message[a:b] for a, b in zip(edges, edges[1:], strict=False)]


@pytest.mark.parametrize(
    ("why", "message", "sent"),
    [
        ("plain lines", b"a\nb\n", b"a\r\nb\r\n.\r\n"),
        ("no line at all", b"", b".\r\n"),
        ("dots that begin lines", b".dot\n..two\n.\n", b"..dot\r\n...two\r\n..\r\n.\r\n"),
        ("a dot inside a line", b"a.b\n", b"a.b\r\n.\r\n"),
        ("CRLF stays one line end", b"a\r\nb\r\n", b"a\r\nb\r\n.\r\n"),
        ("a CR alone becomes a line end", b"x\ry\n", b"x\r\ny\r\n.\r\n"),
        ("a dot after a CR alone is doubled, too", b"a\rb\r\nc\r.\rd\n", b"a\r\nb\r\nc\r\n..\r\nd\r\n.\r\n"),
        ("a CR at the end is a whole line", b"a\r", b"a\r\n.\r\n"),
        ("two CRs are two line ends", b"a\r\r\n", b"a\r\n\r\n.\r\n"),
        ("the last line lacks its end", b"a\nb", b"a\r\nb\r\n.\r\n"),
        ("NUL and 8-bit bytes pass", b"\0\xff\n", b"\0\xff\r\n.\r\n"),
    ],
)  # fmt: skip
def test_it_encodes(why: str, message: bytes, sent: bytes) -> None:
    assert encoded([message]) == sent, why
    assert encoded([message[i : i + 1] for i in range(len(message))]) == sent, why


@given(messages, cuts)
def test_nothing_in_a_message_can_end_it(message: bytes, places: list[int]) -> None:
    sent = b"\r\n" + encoded(cut(message, places))
    assert sent.endswith(b"\r\n.\r\n")
    assert sent.count(b"\r\n.\r\n") == 1
    assert not re.search(rb"(?<!\r)\n", sent), "a LF without CR"
    assert not re.search(rb"\r(?!\n)", sent), "a CR without LF"


@given(messages, cuts)
def test_a_strict_receiver_gets_the_message_back(message: bytes, places: list[int]) -> None:
    decoder = Decoder()
    received = decoder.feed(encoded(cut(message, places)))
    assert decoder.is_done
    assert decoder.rest == b""
    expected = message.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    assert received == expected + (b"" if not expected or expected.endswith(b"\n") else b"\n")


@given(messages, cuts)
def test_it_knows_whether_the_last_line_is_whole(message: bytes, places: list[int]) -> None:
    encoder = Encoder()
    for piece in cut(message, places):
        encoder.encode(piece)
    assert encoder.is_complete == (not message or message[-1:] in (b"\n", b"\r"))
