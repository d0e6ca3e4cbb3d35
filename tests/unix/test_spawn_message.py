from __future__ import annotations

import os
from pathlib import Path

import pytest

from mta.formats.spawn import Command
from mta.unix import spawn_message


def open_(mess: Path, name: bytes, recipient: bytes = b"u@h", owner: int | None = None) -> bytes:
    """The message's bytes, or the report."""
    try:
        fd, _ = spawn_message.open_(os.fsencode(mess), Command(0, name, b"s@x", recipient), os.geteuid() if owner is None else owner)
    except spawn_message.Refused as refused:
        return refused.letter + refused.text
    with open(fd, "rb") as file:
        return file.read()


@pytest.fixture
def mess(tmp_path: Path) -> Path:
    (tmp_path / "7").mkdir()
    (tmp_path / "7/30").write_bytes(b"message\n")
    os.mkfifo(tmp_path / "7/53")
    return tmp_path


@pytest.mark.parametrize(
    ("why", "name", "recipient", "said"),
    [
        ("a message", b"7/30", b"u@h", b"message\n"),
        ("P04 no host", b"7/30", b"u", b"DSorry, address must include host name. (#5.1.3)\n"),
        ("P05 a name that climbs", b"../x", b"u@h", b"DInternal error: messid has nonnumerics. (#5.3.5)\n"),
        ("P05 no name", b"", b"u@h", b"DInternal error: messid too short. (#5.3.5)\n"),
        ("P05 a folder", b"7", b"u@h", b"ZSorry, message has wrong type. (#4.3.5)\n"),
        ("a FIFO, which must not be waited for", b"7/53", b"u@h", b"ZSorry, message has wrong type. (#4.3.5)\n"),
        ("P05 nothing there", b"7/7", b"u@h", b"Zqmail-spawn unable to open message. (#4.3.0)\n"),
    ],
)
def test_it_opens_or_refuses(why: str, name: bytes, recipient: bytes, said: bytes, mess: Path) -> None:
    assert open_(mess, name, recipient) == said, why


def test_the_owner_must_be_qmailq(mess: Path) -> None:
    assert open_(mess, b"7/30", owner=os.geteuid() + 1) == b"ZSorry, message has wrong owner. (#4.3.5)\n"
