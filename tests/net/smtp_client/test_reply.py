from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.net.smtp_client.reply import GARBLED, REPLY_MAX, SHOWN_MAX, Replies, Reply


def read(data: bytes) -> list[Reply]:
    replies = Replies()
    replies.feed(data)
    found = []
    while (reply := replies.next()) is not None:
        found.append(reply)
    return found


@pytest.mark.parametrize(
    ("why", "data", "codes"),
    [
        ("one line", b"250 ok\r\n", [250]),
        ("a code alone", b"250\r\n", [250]),
        ("no blank after the code", b"250ok\r\n", [250]),
        ("several lines", b"250-a\r\n250-b\r\n250 c\r\n", [250]),
        ("LF alone ends a line, too", b"250-a\n250 b\n", [250]),
        ("two replies at once", b"250 ok\r\n354 go\r\n", [250, 354]),
        ("not finished", b"250-a\r\n250 b", []),
        ("another service", b"SSH-2.0-OpenSSH_9.2\r\n", [GARBLED]),
        ("a code that no server may use", b"650 x\r\n", [GARBLED]),
        ("an empty line", b"\r\n", [GARBLED]),
        ("a line of several without its code", b"250-a\r\nhello\r\n", [GARBLED]),
        ("lines that disagree", b"250-a\r\n550 b\r\n", [GARBLED]),
        ("a line without end", b"250 " + b"x" * REPLY_MAX, [GARBLED]),
        ("lines without end", b"250-x\r\n" * (REPLY_MAX // 7 + 1), [GARBLED]),
    ],
)
def test_it_reads(why: str, data: bytes, codes: list[int]) -> None:
    assert [r.code for r in read(data)][: len(codes) or None] == codes, why


def test_it_shows_what_the_original_shows() -> None:
    (reply,) = read(b"550-a\rb\r\n550 c\0d\r\n")
    assert reply.shown == b"550-ab\n550 c?d\n"


def test_it_shows_so_much_and_no_more() -> None:
    (reply,) = read(b"550 " + b"z" * 6000 + b"\r\n")
    assert reply.shown == b"550 " + b"z" * (SHOWN_MAX - 4)


@given(st.lists(st.sampled_from([b"250", b"-", b" ", b"\r", b"\n", b"x", b"5", b"\0"]) | st.binary(max_size=4)), st.integers(1, 5))
def test_the_size_of_the_pieces_does_not_matter(words: list[bytes], size: int) -> None:
    data = b"".join(words)
    replies = Replies()
    found = []
    for at in range(0, len(data), size):
        replies.feed(data[at : at + size])
        while (reply := replies.next()) is not None:
            found.append(reply)
    assert found == read(data)
