"""The ledger itself: it must see what it is there to see."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash import ledger
from tests.crash.ledger import BOUNCE, Copy, Ledger, Letter, audit, copies, maildir

JOE, FAR = b"joe@example.org", b"x@far.example"


def letter_of(number: int) -> Letter:
    """Odd numbers go to joe, even ones far away, where they may bounce."""
    places = ((JOE,),) if number % 2 else ((FAR, BOUNCE + FAR),)
    return Letter(number, b"s@example.org", (JOE,) if number % 2 else (FAR,), places)


def copy(number: int, place: bytes, name: bytes = b"a", is_whole: bool = True) -> Copy:
    return Copy(number, place, name, is_whole)


@pytest.mark.parametrize(
    ("why", "acknowledged", "found", "lost", "corrupted", "foreign", "duplicates"),
    [
        ("all there", {1, 2}, [copy(1, JOE), copy(2, FAR)], 0, 0, 0, 0),
        ("a bounce is an answer", {2}, [copy(2, BOUNCE + FAR)], 0, 0, 0, 0),
        ("one is nowhere", {1, 3}, [copy(1, JOE)], 1, 0, 0, 0),
        ("not acknowledged, and there", {1}, [copy(1, JOE), copy(3, JOE)], 0, 0, 0, 0),
        ("not acknowledged, and changed", set(), [copy(3, JOE, is_whole=False)], 0, 1, 0, 0),
        ("a changed copy is no copy", {1}, [copy(1, JOE, is_whole=False)], 1, 1, 0, 0),
        ("at a place it was not sent to", {1}, [copy(1, JOE), copy(1, FAR)], 0, 0, 1, 0),
        ("under two names", {1}, [copy(1, JOE), copy(1, JOE, b"b")], 0, 0, 0, 1),
        ("seen twice under one name", {1}, [copy(1, JOE), copy(1, JOE)], 0, 0, 0, 0),
        ("arrived and bounced", {2}, [copy(2, FAR), copy(2, BOUNCE + FAR, b"b")], 0, 0, 0, 1),
    ],
)
def test_it_tells(why: str, acknowledged: set[int], found: list[Copy], lost: int, corrupted: int, foreign: int, duplicates: int) -> None:
    result = audit(acknowledged, found, letter_of)
    told = (len(result.lost), len(result.corrupted), len(result.foreign), result.duplicates.total())
    assert told == (lost, corrupted, foreign, duplicates), why
    assert result.is_good == (told[:3] == (0, 0, 0))


def test_a_message_is_recognised_after_its_walk() -> None:
    message = ledger.text(7, 3000)
    assert ledger.read(b"Return-Path: <s@x>\nDelivered-To: j\nReceived: (qmail 1)\n" + message) == (7, True)
    assert ledger.read(message.replace(b"\n", b"\r\n")) == (7, True)
    assert ledger.read(message[:-1]) == (7, False)
    assert ledger.read(message.replace(b".a dot", b"..a dot")) == (7, False)
    assert ledger.read(b"Subject: other\n\n" + message) is None


def test_a_bounce_names_its_recipients() -> None:
    bounce = (
        b"Subject: failure notice\n\nHi. This is\n\n<%b>:\nno\n\n<y@far.example>:\nno\n\n--- Below this line is a copy of the message.\n\n"
        % FAR
    )
    found = list(copies(bounce + b"Return-Path: <s@x>\nReceived: z\n" + ledger.text(2, 10), b"s@example.org", b"n"))
    assert found == [Copy(2, BOUNCE + FAR, b"n", True), Copy(2, BOUNCE + b"y@far.example", b"n", True)]
    for why, data in (("nobody's", b"Subject: spam\n\n"), ("an empty file", b""), ("cut off within its header", ledger.text(2, 10)[:60])):
        assert list(copies(data, JOE, b"n")) == [Copy(0, JOE, b"n", False)], why


def test_a_maildir_is_read_with_names_that_stay(tmp_path: Path) -> None:
    for part in ("new", "cur"):
        (tmp_path / part).mkdir()
    (tmp_path / "new/1.a.h").write_bytes(ledger.text(1, 100))
    (tmp_path / "cur/1.a.h:2,S").write_bytes(ledger.text(1, 100))
    assert list(maildir(tmp_path, JOE)) == [Copy(1, JOE, b"1.a.h", True)] * 2


def test_numbers_are_whole_lines(tmp_path: Path) -> None:
    book = Ledger(tmp_path / "ledger")
    for number in (5, 12, 7):
        book.note(number)
    book.close()
    assert Ledger(tmp_path / "ledger").acknowledged() == {5, 7, 12}
