"""Netstrings from a stream, and the two protocols made of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import netstring, qmqp, qmtp
from mta.formats.netstring_input import Ended, Input, TooLong


def reader(data: bytes, step: int = 1 << 16) -> Callable[[int], bytes]:
    """Hands out at most step octets at a time."""
    rest = [data]

    def read(count: int) -> bytes:
        piece, rest[0] = rest[0][: min(count, step)], rest[0][min(count, step) :]
        return piece

    return read


@given(st.lists(st.binary(max_size=300), max_size=5), st.integers(1, 50))
def test_it_takes_what_was_written(values: list[bytes], step: int) -> None:
    stream = Input(reader(b"".join(map(netstring.write, values)), step))
    for value in values:
        assert stream.take(stream.length()) == value
        stream.comma()
    with pytest.raises(Ended):
        stream.length()


@given(st.lists(st.binary(max_size=100), max_size=5), st.integers(1, 50))
def test_it_takes_them_from_within_another(values: list[bytes], step: int) -> None:
    inner = b"".join(map(netstring.write, values))
    stream = Input(reader(netstring.write(inner) + b"x", step))
    stream.left = stream.length()
    found = []
    while stream.left:
        found.append(stream.take(stream.length()))
        stream.comma()
    stream.left = None
    stream.comma()
    assert (found, stream.take(1)) == (values, b"x")


@pytest.mark.parametrize(
    ("why", "data", "error"),
    [
        ("no digits are nothing", b":,", None),
        ("zeros before the length", b"0003:abc,", None),
        ("a letter in the length", b"3x:abc,", ValueError),
        ("a sign before it", b"+3:abc,", ValueError),
        ("a blank before it", b" 3:abc,", ValueError),
        ("no comma", b"3:abc;", ValueError),
        ("cut short in the length", b"3", Ended),
        ("cut short in the data", b"3:ab", Ended),
        ("cut short before the comma", b"3:abc", Ended),
        ("200 000 000 may be", b"200000000:", Ended),
        ("and not one more", b"200000001:", TooLong),
        ("a length without end", b"9" * 100, TooLong),
    ],
)
def test_a_netstring(why: str, data: bytes, error: type[Exception] | None) -> None:
    stream = Input(reader(data))

    def take() -> None:
        stream.skip(stream.length())
        stream.comma()

    if error is None:
        take()
        return
    with pytest.raises(error) as caught:
        take()
    assert type(caught.value) is error, why


def test_one_does_not_reach_past_the_one_around_it() -> None:
    stream = Input(reader(b"5:12345,"))
    stream.left = 6
    with pytest.raises(ValueError, match="past the one around it"):
        stream.take(stream.length())


@given(st.binary(max_size=40), st.integers(0, 40))
def test_it_raises_nothing_but_value_error(data: bytes, left: int) -> None:
    stream = Input(reader(data, 3))
    stream.left = left
    try:
        while True:
            stream.skip(stream.length())
            stream.comma()
    except ValueError:
        pass


# -- QMTP and QMQP -----------------------------------------------------------------------------------------------------------------


@given(st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"a", b""]), max_size=20), st.sampled_from([qmtp.LF, qmtp.CR]))
def test_lines_of_a_message_however_it_is_cut(pieces: list[bytes], kind: bytes) -> None:
    lines = qmtp.Lines(kind)
    stored = b"".join(map(lines.feed, pieces)) + lines.end()
    whole = b"".join(pieces)
    assert stored == (whole if kind == qmtp.LF else whole.replace(b"\r\n", b"\n"))


def test_a_message_of_qmtp() -> None:
    assert qmtp.write(b"hello\n", b"a@x.test", [b"joe@oracle.test"]) == b"7:\nhello\n,8:a@x.test,19:15:joe@oracle.test,,"


@given(st.binary(max_size=50), st.binary(max_size=20), st.lists(st.binary(max_size=20), max_size=4))
def test_a_message_of_qmqp(message: bytes, sender: bytes, recipients: list[bytes]) -> None:
    before, behind = qmqp.frame(len(message), sender, recipients)
    inner, end = netstring.read(before + message + behind)
    assert netstring.read_all(inner) == [message, sender, *recipients]
    assert end == len(before + message + behind)
