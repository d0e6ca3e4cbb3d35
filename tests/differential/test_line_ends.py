"""addcr, delcr, fixcrio, recordio and mconnect-io beside the originals on generated input: same octets, same words, same exit."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import original
from tests.support.call import Result, call

ROUNDS, CHEAP = original.rounds(200), original.rounds(200, 4000)
ENV = {b"PATH": b"/usr/bin:/bin"}

long_lines = st.integers(250, 260).map(lambda size: b"x" * size)
pieces = st.one_of(
    st.sampled_from([b"\r", b"\n", b"\r\n", b"a", b"\0", b"\xff", b"hello\r\n", b"\r\r\n"]), long_lines, st.binary(max_size=5)
)
texts = st.lists(pieces, max_size=12).map(b"".join)


@pytest.mark.parametrize("name", ["addcr", "delcr"])
@settings(max_examples=CHEAP)
@given(text=texts)
def test_the_same_lines_come_out(name: str, text: bytes) -> None:
    assert call(name, [], {}, text) == original.run(name, [], {}, text)


@pytest.mark.parametrize("command", [[b"cat"], [b"sh", b"-c", b"cat; exit 3"], [b"sed", b"-n", b"l"], [b"true"], [b"no-such-program"]])
@settings(max_examples=ROUNDS // 5)
@given(text=texts)
def test_fixcrio_hands_on_the_same(command: list[bytes], text: bytes) -> None:
    assert original.ours("fixcrio", command, ENV, text) == original.run("fixcrio", command, ENV, text)


def told(result: Result) -> tuple[int, bytes, bytes, bytes, bytes]:
    """Without process ids; the two directions apart, for they overtake each other, and what came from the program put together again, for
    how much of it is read at once is chance."""
    lines = [line.partition(b" ")[2] + b"\n" for line in result.err.split(b"\n")[:-1]]
    left = b"".join(line for line in lines if line.startswith(b"< "))
    right = b"".join(line[2:-2] + (b"" if line.endswith(b"+\n") else b"\n") for line in lines if line.startswith(b"> "))
    return result.code, result.out, left, right, b"".join(line for line in lines if line[:2] not in (b"< ", b"> "))


@settings(max_examples=ROUNDS)
@given(texts)
def test_recordio_shows_the_same(text: bytes) -> None:
    ours, theirs = original.ours("recordio", [b"cat"], ENV, text), original.run("recordio", [b"cat"], ENV, text)
    assert told(ours) == told(theirs)


@pytest.mark.parametrize("name", ["argv0", "fixcrio", "recordio"])
@pytest.mark.parametrize("argv", [[], [b""], [b"none"], [b"none", b"x"], [b"/"], [b"--"], [b"-x", b"y"]])
def test_the_same_words_about_wrong_arguments(name: str, argv: list[bytes]) -> None:
    ours, theirs = original.ours(name, argv, ENV), original.run(name, argv, ENV)
    assert told(ours)[0::4] == told(theirs)[0::4]
    assert name == "recordio" or ours == theirs
