"""A stored message as POP3 sends it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.net.pop3.text import Encoder, wire_size

TEXT = b"Subject: 1\n\nline1\n.dot\n..dots\nlast\n"
messages = st.text(st.sampled_from("\r\n\n.ab"), max_size=40).map(str.encode)
cuts = st.lists(st.integers(min_value=0, max_value=40), max_size=6)


def encode(pieces: list[bytes], body_lines: int | None = None, *, is_classic: bool = False) -> bytes:
    encoder = Encoder(body_lines, is_classic=is_classic)
    out = b""
    for piece in pieces:
        out += encoder.feed(piece)
        if encoder.is_done:
            break
    return out + encoder.end()


def split(text: bytes, at: list[int]) -> list[bytes]:
    edges = [0, *sorted(at), len(text)]
    return [text[a:b] for a, b in zip(edges, edges[1:], strict=False)]


@pytest.mark.parametrize(
    ("why", "stored", "body_lines", "classic"),
    [
        ("all of it", TEXT, None, b"Subject: 1\r\n\r\nline1\r\n..dot\r\n...dots\r\nlast\r\n\r\n.\r\n"),
        ("no body", TEXT, 0, b"Subject: 1\r\n\r\n\r\n.\r\n"),
        ("two lines of it", TEXT, 2, b"Subject: 1\r\n\r\nline1\r\n..dot\r\n\r\n.\r\n"),
        ("more lines than there are", b"S: 1\n\na\n", 10**30, b"S: 1\r\n\r\na\r\n\r\n.\r\n"),
        ("the last line is completed", b"S: 2\n\nno newline", None, b"S: 2\r\n\r\nno newline\r\n\r\n.\r\n"),
        ("nothing but a header", b"S: 3\n", 0, b"S: 3\r\n\r\n.\r\n"),
        ("nothing at all", b"", None, b"\r\n.\r\n"),
        ("no header", b"\nbody\n", 0, b"\r\n\r\n.\r\n"),
        ("a dot first of all", b".\n", None, b"..\r\n\r\n.\r\n"),
    ],
)
def test_it_sends(why: str, stored: bytes, body_lines: int | None, classic: bytes) -> None:
    assert encode([stored], body_lines, is_classic=True) == classic
    assert encode([stored], body_lines) == classic[: -len(b"\r\n.\r\n")] + b".\r\n", "the same without the empty line"


@pytest.mark.parametrize(
    ("why", "stored", "classic", "rfc"),
    [
        ("CRLF in the store", b"a\r\n.b\r\n", b"a\r\r\n..b\r\r\n\r\n.\r\n", b"a\r\n..b\r\n.\r\n"),
        ("a CR of its own", b"a\rb\n", b"a\rb\r\n\r\n.\r\n", b"a\rb\r\n.\r\n"),
        ("a CR at the end", b"a\r", b"a\r\r\n\r\n.\r\n", b"a\r\r\n.\r\n"),
    ],
)
def test_carriage_returns_in_the_store(why: str, stored: bytes, classic: bytes, rfc: bytes) -> None:
    assert encode([stored], is_classic=True) == classic
    assert encode([stored]) == rfc


def test_a_header_of_crlf_lines_ends_where_it_ends() -> None:
    assert encode([b"S: 1\r\n\r\nbody\r\n"], 0) == b"S: 1\r\n\r\n.\r\n"


@given(messages, cuts, st.none() | st.integers(min_value=0, max_value=5), st.booleans())
def test_pieces_do_not_matter(text: bytes, at: list[int], body_lines: int | None, is_classic: bool) -> None:
    assert encode(split(text, at), body_lines, is_classic=is_classic) == encode([text], body_lines, is_classic=is_classic)


@given(messages)
def test_a_client_gets_the_message_back(text: bytes) -> None:
    sent = encode([text])
    assert sent.endswith(b".\r\n")
    lines = sent[: -len(b".\r\n")].split(b"\r\n")[:-1]
    assert not any(line == b"." for line in lines), "the message ended before its end"
    received = b"".join(line.removeprefix(b".") + b"\n" for line in lines)
    wanted = text.replace(b"\r\n", b"\n")
    assert received == (wanted if wanted.endswith(b"\n") or not wanted else wanted + b"\n")


@given(messages, cuts)
def test_the_size_is_that_of_what_is_sent(text: bytes, at: list[int]) -> None:
    sent = encode([text])[: -len(b".\r\n")]
    unstuffed = re.sub(rb"(\A|\r\n)\.", rb"\1", sent)
    assert wire_size(split(text, at)) == len(unstuffed)


def test_c44_three_lines_of_seventeen_octets_measure_twenty() -> None:
    assert wire_size([b"From: a\n\nhello w\n"]) == 20


@given(messages, st.integers(min_value=0, max_value=5))
def test_top_is_a_beginning_of_retr(text: bytes, body_lines: int) -> None:
    whole, part = encode([text])[: -len(b".\r\n")], encode([text], body_lines)[: -len(b".\r\n")]
    assert whole.startswith(part)
