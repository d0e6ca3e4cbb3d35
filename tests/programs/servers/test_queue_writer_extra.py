"""control/queueextra: recipients besides their own for all messages."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mta.formats import todo
from mta.programs.servers.queue_writer.extra import Extra
from mta.unix import queue_call
from tests.support.process import eventually, running
from tests.support.qmail_home import QmailHome


@pytest.fixture
def control(tmp_path: Path) -> Path:
    (tmp_path / "control").mkdir()
    return tmp_path / "control"


def write(control: Path, text: bytes) -> Extra:
    (control / "queueextra").write_bytes(text)
    return Extra(os.fsencode(control.parent))


@pytest.mark.parametrize(
    ("why", "text", "records"),
    [
        ("a name", b"log\n", b"Tlog\0"),
        ("two, and comments", b"# copies\nlog\n\njoe@x.y \n", b"Tlog\0Tjoe@x.y\0"),
        ("nothing in it", b"", b""),
        ("what no envelope may hold", b"a\0b\nc\rd\n" + b"x" * 1003 + b"\nlog\n", b"Tlog\0"),
    ],
)
def test_its_lines_are_recipients(control: Path, why: str, text: bytes, records: bytes) -> None:
    assert write(control, text).records(1) == records, why


def test_it_is_looked_at_once_a_second(control: Path) -> None:
    extra = Extra(os.fsencode(control.parent))
    assert extra.records(1) == b"", "no file, no recipients"
    (control / "queueextra").write_bytes(b"log\n")
    assert (extra.records(1), extra.records(2)) == (b"", b"Tlog\0")
    (control / "queueextra").write_bytes(b"other\n")
    assert (extra.records(2), extra.records(3)) == (b"Tlog\0", b"Tother\0")
    (control / "queueextra").unlink()
    assert extra.records(4) == b""


def test_one_that_cannot_be_read_changes_nothing(control: Path) -> None:
    extra = write(control, b"log\n")
    assert extra.records(1) == b"Tlog\0"
    (control / "queueextra").unlink()
    (control / "queueextra").mkdir()
    assert extra.records(2) == b"Tlog\0"


def test_every_message_gets_them(tmp_path: Path) -> None:
    home = QmailHome(tmp_path / "q")
    home.control(queueextra="log\nkeep@x.y")
    with running(home.path, "queue-writer"):
        call = queue_call.open_(home.home, {})
        call.write(b"Subject: x\n\n")
        assert call.commit(b"ada@x.y", [b"bo@x.y"]) is None
        eventually(lambda: any((home.queue / "todo").iterdir()), "it is queued")
    (path,) = (home.queue / "todo").iterdir()
    assert todo.read(path.read_bytes()).recipients == (b"log", b"keep@x.y", b"bo@x.y")
