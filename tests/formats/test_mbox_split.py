"""mboxes taken apart: what the quoter has put together, and what others have."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import mbox, mbox_split

FROM = b"From a@b Sat Jan 03 01:05:34 1996\n"


def split(data: bytes) -> list[bytes]:
    file = io.BytesIO(data)
    return [b"".join(lines) for lines in mbox_split.messages(file.readline)]


def written(message: bytes) -> bytes:
    quoter = mbox.Quoter()
    return FROM + quoter.feed(message) + quoter.end()


lines = st.sampled_from(
    [b"\n", b"From x\n", b">From y\n", b">>From z\n", b"From", b"Subject: a\n", b"b\n", b" \n", b"\r\n", b"x" * 70000, b"x" * 65535]
)
messages = st.lists(lines, max_size=8).map(b"".join).map(lambda text: text if text.endswith(b"\n") or not text else text + b"\n")


@given(st.lists(messages, max_size=4))
def test_it_reads_back_what_was_written(given: list[bytes]) -> None:
    assert split(b"".join(map(written, given))) == given


@pytest.mark.parametrize(
    ("why", "data", "found"),
    [
        ("nothing", b"", []),
        ("no From_ line", b"hello\n\nworld\n", []),
        ("what stands before the first one is lost", b"hello\n\n" + FROM + b"a\n", [b"a\n"]),
        ("without an empty line at the end", FROM + b"a\n", [b"a\n"]),
        ("without even a newline", FROM + b"a", [b"a"]),
        ("an empty message", FROM + b"\n" + FROM + b"b\n\n", [b"", b"b\n"]),
        ("a From_ line alone", FROM, [b""]),
        ("From in the middle of a text is no From_ line", FROM + b"a\n\nb\nFrom here on\n\n", [b"a\n\nb\nFrom here on\n"]),
        ("one > goes, of any number", FROM + b">From x\n>>From y\n> From z\n\n", [b"From x\n>From y\n> From z\n"]),
        ("the last of many empty lines goes", FROM + b"a\n\n\n\n" + FROM + b"b\n\n\n", [b"a\n\n\n", b"b\n\n"]),
        ("a long From_ line", b"From " + b"x" * 200_000 + b"\na\n\n", [b"a\n"]),
        ("From behind a piece of a long line", FROM + b"x" * 65535 + b"\n" + b"\nFrom here\n\n", [b"x" * 65535 + b"\n", b""]),
    ],
)  # fmt: skip
def test_what_others_have_written(why: str, data: bytes, found: list[bytes]) -> None:
    assert split(data) == found


@given(st.binary(max_size=300))
def test_nothing_goes_wrong_with_noise(data: bytes) -> None:
    assert sum(map(len, split(data))) <= len(data)
