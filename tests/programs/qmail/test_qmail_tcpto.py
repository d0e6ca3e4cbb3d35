"""qmail-tcpto and qmail-tcpok. Conformance case T10."""

from __future__ import annotations

from pathlib import Path

import pytest

from mta.formats import tcpto
from mta.programs.qmail import qmail_tcpto
from tests.support.call import Result, call
from tests.support.qmail_home import QmailHome

NOW_S = 1_795_217_789


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> QmailHome:
    monkeypatch.setattr(qmail_tcpto.clock, "now_s", lambda: NOW_S)
    return QmailHome(tmp_path / "qmail")


def fill(home: QmailHome, *entries: tuple[bytes, int, int]) -> Path:
    path = home.queue / "lock/tcpto"
    data = b"".join(tcpto.write(tcpto.Entry(*entry)) for entry in entries)
    path.write_bytes(data.ljust(tcpto.SIZE, b"\0"))
    return path


def run(home: QmailHome, name: str) -> Result:
    return call(name, [], {b"QMAIL_HOME": home.home})


def test_t10_it_lists_what_timed_out_and_when(home: QmailHome) -> None:
    free, counted, future = (b"\1\2\3\4", 0, NOW_S), (b"\5\6\7\x08", 3, NOW_S - 100), (b"\xc0\0\2\1", 10, NOW_S + 5)
    fill(home, free, counted, future)
    assert run(home, "qmail-tcpto") == Result(
        0,
        b"5.6.7.8 timed out 100 seconds ago; # recent timeouts: 3\n192.0.2.1 timed out 0 seconds ago; # recent timeouts: 10\n",
        b"",
    )


def test_an_empty_table_is_no_line(home: QmailHome) -> None:
    assert run(home, "qmail-tcpto") == Result(0, b"", b"")


def test_tcpok_forgets_everything_and_keeps_the_size(home: QmailHome) -> None:
    path = fill(home, *((b"\1\2\3%c" % i, 2, NOW_S) for i in range(64)))
    inode = path.stat().st_ino
    assert run(home, "qmail-tcpok") == Result(0, b"", b"")
    assert path.read_bytes() == bytes(1024)
    assert path.stat().st_ino == inode
    assert run(home, "qmail-tcpto").out == b""


@pytest.mark.parametrize(
    ("gone", "tcpto_says", "tcpok_says"),
    [
        ("", b"chdir", b"chdir to %b"),
        ("queue/lock", b"chdir", b"chdir to %b/queue/lock"),
        ("queue/lock/tcpto", b"open tcpto", b"write %b/queue/lock/tcpto"),
    ],
)
def test_they_say_what_is_closed_to_them(home: QmailHome, gone: str, tcpto_says: bytes, tcpok_says: bytes) -> None:
    (home.path / gone).rename(home.path.parent / "elsewhere")
    assert run(home, "qmail-tcpto") == Result(111, b"fatal: unable to %b: file does not exist\n" % tcpto_says, b"")
    text = b"qmail-tcpok: fatal: unable to %b: file does not exist\n" % (tcpok_says % home.home)
    assert run(home, "qmail-tcpok") == Result(111, b"", text)
