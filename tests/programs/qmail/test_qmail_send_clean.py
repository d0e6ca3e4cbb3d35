"""qmail-send's side of qmail-clean: requests, answers, and a qmail-clean that knows two requests only."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from mta.programs.qmail.qmail_send.clean import Clean
from mta.programs.qmail.qmail_send.say import Say


class Other:
    """qmail-clean, played."""

    def __init__(self) -> None:
        self.requests_end, out = os.pipe()
        into, self.answers_end = os.pipe()
        self.say = Say(-1)
        self.clean = Clean(out, into, self.say)
        self.fds = (self.requests_end, out, into, self.answers_end)
        os.write(self.answers_end, b"x")
        assert self.clean.begin()
        os.read(self.requests_end, 100)
        self.done: list[bool] = []

    def exchange(self, answers: bytes) -> bytes:
        """-> what was asked."""
        self.clean.write()
        asked = os.read(self.requests_end, 1000)
        os.write(self.answers_end, answers)
        self.clean.read()
        return asked


@pytest.fixture
def other() -> Iterator[Other]:
    other = Other()
    yield other
    for fd in other.fds:
        os.close(fd)


@pytest.mark.parametrize(
    ("why", "answer", "ok", "log"),
    [
        ("all is gone", b"+", True, []),
        ("todo/N could not be removed", b"!", False, [b"warning: qmail-clean unable to clean up done/7\n"]),
        ("mess/N could not: the sweep will find it", b"-", True, [b"warning: qmail-clean unable to clean up done/7\n"]),
    ],
)
def test_a_message_is_removed_by_one_request(other: Other, why: str, answer: bytes, ok: bool, log: list[bytes]) -> None:
    other.clean.finish(7, other.done.append)
    assert other.exchange(answer) == b"done/7\0"
    assert (other.done, other.say._lines, other.clean.is_idle) == ([ok], log, True), why


@pytest.mark.parametrize(
    ("why", "answers", "asked", "done"),
    [
        ("both", [b"xx", b"++", b"++"], [b"done/7\0done/8\0", b"todo/7\0todo/8\0", b"foop/7\0foop/8\0"], [True, True]),
        ("todo/7 stays: so must mess/7", [b"xx", b"!+", b"+"], [b"done/7\0done/8\0", b"todo/7\0todo/8\0", b"foop/8\0"], [False, True]),
        ("mess/7 stays", [b"xx", b"++", b"!+"], [b"done/7\0done/8\0", b"todo/7\0todo/8\0", b"foop/7\0foop/8\0"], [True, True]),
    ],
)
def test_the_original_is_asked_for_one_after_the_other(
    other: Other, why: str, answers: list[bytes], asked: list[bytes], done: list[bool]
) -> None:
    other.clean.finish(7, other.done.append)
    other.clean.finish(8, other.done.append)
    assert [other.exchange(a) for a in answers] == asked, why
    assert other.done == done
    other.clean.finish(9, other.done.append)
    assert other.exchange(b"+") == b"todo/9\0", "it is not asked again what it does not know"
