"""qmail-qread and qmail-qstat beside a recorded queue. Conformance case T01."""

from __future__ import annotations

import calendar
import json
import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from mta.unix.queuedir import SPLIT
from tests.conftest import CORPORA, as_bytes
from tests.support.call import Result, call, command
from tests.support.qmail_home import QmailHome

WHEN_S = 1795217789  # 20 Nov 2026 23:36:29


@pytest.fixture
def home(tmp_path: Path) -> QmailHome:
    return QmailHome(tmp_path / "qmail")


def run(home: QmailHome, name: str = "qmail-qread") -> Result:
    return call(name, [], {b"QMAIL_HOME": home.home})


def put(home: QmailHome, folder: str, messnum: int, data: bytes) -> None:
    path = home.queue / folder / str(messnum) if folder in ("bounce", "todo") else home.split(folder, messnum)
    path.write_bytes(data)
    os.utime(path, (WHEN_S, WHEN_S))


def snapshot() -> Any:
    path = CORPORA / "oracle/qmail-system/snapshot.json"
    if not path.exists():
        pytest.skip(f"{path} is absent: the recorded queue is not beside this checkout")
    return json.loads(path.read_text())


def lay_out(home: QmailHome, recorded: Any) -> None:
    """The recorded queue; mtimes of info/ come from the recorded list, the only place that has them."""
    entered = {
        int(n): calendar.timegm(time.strptime(when, "%d %b %Y %H:%M:%S"))
        for when, n in re.findall(r"^(\d.*?) GMT  #(\d+) ", recorded["snap"]["qmail-qread"], re.MULTILINE)
    }
    for file in recorded["queue"]:
        path = home.queue / file["path"]
        path.write_bytes(as_bytes(file["content"]))
        os.truncate(path, file["size"])  # of large messages only the beginning was kept
        if file["path"].startswith("info/"):
            os.utime(path, (entered[int(path.name)],) * 2)


def blocks(text: bytes) -> list[list[bytes]]:
    """By message, those of one directory in order of their numbers: in which order a directory has its names is the system's affair."""
    found = [block.splitlines() for block in re.split(rb"\n(?=\d)", text)]
    number = lambda block: int(re.search(rb"#(\d+)", block[0])[1])  # type: ignore[index]  # noqa: E731
    order = [number(b) % SPLIT for b in found]
    assert order == sorted(order)
    return sorted(found, key=lambda b: (number(b) % SPLIT, number(b)))


def test_it_lists_a_recorded_queue_as_the_original_does(home: QmailHome) -> None:
    recorded = snapshot()
    lay_out(home, recorded)
    result = run(home)
    assert (result.code, result.err) == (0, b"")
    assert blocks(result.out) == blocks(as_bytes(recorded["snap"]["qmail-qread"]))
    assert run(home, "qmail-qstat") == Result(0, as_bytes(recorded["snap"]["qmail-qstat"]), b"")


def test_t01_done_recipients_and_bouncing_messages_are_marked(home: QmailHome) -> None:
    put(home, "mess", 2361672, b"x" * 89)
    put(home, "info", 2361672, b"Fs@a.example\0")
    put(home, "local", 2361672, b"Tjoe-defer@host.example.org\0")
    put(home, "remote", 2361672, b"Dbad5@remote.example\0")
    put(home, "bounce", 2361672, b"x")
    assert run(home) == Result(
        0,
        b"20 Nov 2026 23:36:29 GMT  #2361672  89  <s@a.example>  bouncing\n"
        b"\tlocal\tjoe-defer@host.example.org\n  done\tremote\tbad5@remote.example\n",
        b"",
    )


@pytest.mark.parametrize(
    ("why", "info", "local", "line"),
    [
        ("a line that does not bounce ends in a blank", b"Fs@a.b\0", b"", b"<s@a.b> \n"),
        ("the null sender", b"F\0", b"", b"<> \n"),
        ("control and 8-bit bytes", b"Fs\t\xe9@a.b\0", b"Ta\x1b[2Jb\n\0", b"<s__@a.b> \n\tlocal\ta_[2Jb_\n"),
        ("records after the first", b"Fs@a.b\0Fother\0", b"", b"<s@a.b> \n"),
        ("an empty info", b"", b"", b"<> \n"),
        ("a record of another letter", b"Fs@a.b\0", b"Xa\0Tb\0", b"<s@a.b> \n\tlocal\tb\n"),
        ("a record cut short", b"Fs@a.b\0", b"Ta\0Tb", b"<s@a.b> \n\tlocal\ta\n"),
    ],
)
def test_it_shows_what_is_there(home: QmailHome, why: str, info: bytes, local: bytes, line: bytes) -> None:
    put(home, "mess", 23, b"")
    put(home, "info", 23, info)
    if local:
        put(home, "local", 23, local)
    assert run(home).out == b"20 Nov 2026 23:36:29 GMT  #23  0  " + line, why


def test_a_message_that_ends_while_we_look_is_a_warning(home: QmailHome) -> None:
    put(home, "info", 23, b"Fs@a.b\0")
    put(home, "mess", 24, b"")
    put(home, "info", 24, b"Fs@a.b\0")
    home.split("remote", 24).mkdir()
    assert run(home).out == (
        b"warning: trouble with #23: file does not exist\n"
        b"20 Nov 2026 23:36:29 GMT  #24  0  <s@a.b> \nwarning: trouble with #24: is a directory\n"
    )


def test_messages_not_yet_looked_at_are_counted_not_listed(home: QmailHome) -> None:
    home.enqueue(b"x\n", b"a@b.c", b"d@e.f")
    home.preprocessed(b"x\n", b"a@b.c", local=(b"d@e.f",))
    (home.queue / "info/0/not-a-number").touch()
    assert run(home).out.count(b"GMT") == 1
    assert run(home, "qmail-qstat").out == b"messages in queue: 2\nmessages in queue but not yet preprocessed: 1\n"


def test_an_empty_queue_is_no_line(home: QmailHome) -> None:
    assert run(home) == Result(0, b"", b"")


def test_a_queue_of_many_messages_is_listed_whole(home: QmailHome) -> None:
    for messnum in range(3000):
        put(home, "mess", messnum, b"")
        put(home, "info", messnum, b"Fs@a.b\0")
        put(home, "remote", messnum, b"Ta@b.c\0Dd@e.f\0")
    out = run(home).out
    assert (out.count(b" GMT  #"), out.count(b"\n")) == (3000, 9000)
    shell = ["sh", "-c", '"$@" | head -n 1', "sh", *command("qmail-qread", home.home)]
    done = subprocess.run(shell, capture_output=True, check=False)
    assert (done.stdout.count(b"\n"), done.stderr) == (1, b"")


@pytest.mark.parametrize(
    ("why", "gone", "listed", "counted"),
    [
        ("no queue", "queue", b"fatal: unable to chdir: file does not exist\n", b"unable to read %b/queue/mess/0: file does not exist\n"),
        ("a directory short", "queue/info/7", b"fatal: unable to opendir info/7: file does not exist\n", None),
    ],
)
def test_a_queue_closed_to_us_is_an_error(home: QmailHome, why: str, gone: str, listed: bytes, counted: bytes | None) -> None:
    (home.path / gone).rename(home.path / "elsewhere")
    assert run(home) == Result(111, listed, b""), why
    if counted is not None:
        assert run(home, "qmail-qstat") == Result(111, b"", b"qmail-qstat: fatal: " + counted % home.home), why
