"""readproctitle and svscanboot: what ps shows, beside the original; a boot with something left over from before."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support import bin_dir, original
from tests.support.call import Result, call, command
from tests.support.process import PATIENCE_S, eventually

DOTS = "." * 20


def shown(pid: int) -> bytes:
    """The last argument of a process; nothing while it is becoming another program."""
    return b"".join(Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[-2:])


@contextmanager
def reader(by: str, dots: str = DOTS) -> Iterator[subprocess.Popen[bytes]]:
    program = command("readproctitle", b"/") if by == "ours" else [original.original("readproctitle")]
    with subprocess.Popen([*program, "service", "errors:", dots], stdin=subprocess.PIPE) as process:
        yield process
        assert process.stdin
        process.stdin.close()
        assert process.wait(PATIENCE_S) == 0


ROWS = [
    ("a few octets", [b"oops\n"], b"...............oops\n"),
    ("more than there is room for", [b"0123456789abcdefghijklmnopq"], b"...abcdefghijklmnopq"),
    ("one after the other", [b"one\n", b"two\n"], b"............one\ntwo\n"),
    ("NULs are left out", [b"a\0b\0"], b"..................ab"),
    ("exactly all the room", [b"0123456789abcdefg"], b"...0123456789abcdefg"),
]


@pytest.mark.parametrize("by", ["ours", "original"])
@pytest.mark.parametrize(("why", "pieces", "after"), ROWS, ids=[row[0] for row in ROWS])
def test_ps_shows_the_last_octets(why: str, pieces: list[bytes], after: bytes, by: str) -> None:
    with reader(by) as process:
        assert process.stdin
        for piece in pieces:
            os.write(process.stdin.fileno(), piece)
        eventually(lambda: shown(process.pid) == after, f"{why}: {shown(process.pid)!r}")


def test_ps_shows_dots_before_anything_was_said() -> None:
    with reader("ours", "service...") as process:
        eventually(lambda: shown(process.pid) == b"..........", "no dots")


@pytest.mark.parametrize("argv", [[], [b"...."], [b"......", b""]])
def test_it_wants_five_octets(argv: list[bytes]) -> None:
    assert call("readproctitle", argv, {}) == Result(100, b"", b"")


def test_it_leaves_alone_a_process_whose_argument_it_is_not() -> None:
    """As here, where the tests run it in their own process."""
    said = b"readproctitle: fatal: unable to show what is read: the argument area holds something else\n"
    assert call("readproctitle", [b"no such argument"], {}) == Result(111, b"", said)


# -- svscanboot


@pytest.fixture
def home(tmp_path: Path) -> Path:
    bin_dir.install(tmp_path, "svscanboot", "svscan", "supervise", "svc", "svok", "readproctitle")
    (tmp_path / "service").mkdir()
    return tmp_path


def service(home: Path, name: str, run: str) -> Path:
    folder = home / "service" / name
    folder.mkdir(parents=True)
    (folder / "run").write_text(f"#!/bin/sh\n{run}\n")
    (folder / "run").chmod(0o755)
    return folder


@contextmanager
def booted(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Everything it started ends with its group, and it with them."""
    process = subprocess.Popen([home / "bin/svscanboot"], start_new_session=True, env={"LEFT": "over", "PATH": "/bin:/usr/bin"})
    try:
        yield process
    finally:
        os.killpg(process.pid, 9)
        process.wait(PATIENCE_S)


def is_up(home: Path, folder: Path) -> bool:
    return subprocess.run([home / "bin/svok", folder], capture_output=True, check=False).returncode == 0


def test_it_starts_the_services_with_nothing_but_path(home: Path) -> None:
    folder = service(home, "one", "env >found.new; mv found.new found; exec sleep 1000")
    (home / "service/.not-one").mkdir()
    with booted(home):
        eventually((folder / "found").exists, "it does not start")
        names = {line.partition("=")[0] for line in (folder / "found").read_text().splitlines()}
        assert {"PATH", "LEFT"} & names == {"PATH"}


def test_ps_shows_what_the_services_complain_of(home: Path) -> None:
    service(home, "one", "echo trouble >&2; exec sleep 1000")
    with booted(home) as process:
        eventually(lambda: shown(process.pid).endswith(b"trouble\n"), "ps does not show it")


def test_what_is_left_over_from_before_is_stopped_first(home: Path) -> None:
    folder = service(home, "one", "echo $$ >>pids; exec sleep 1000")
    old = subprocess.Popen([home / "bin/supervise", folder])
    eventually(lambda: (folder / "pids").exists(), "the old one does not start")
    with booted(home):
        assert old.wait(PATIENCE_S) == 0
        eventually(lambda: len((folder / "pids").read_text().split()) == 2, "the new one does not start")
        assert is_up(home, folder)
