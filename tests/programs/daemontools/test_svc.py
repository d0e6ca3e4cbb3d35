"""svc, svok and svstat without a supervise: FIFOs and files by hand. Cases C14, C15."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mta.formats import supervise_status
from mta.formats.supervise_status import Status
from tests.support.call import Result, call


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b", "bare"):
        Path(name).mkdir()
    for name in ("a", "b"):
        Path(name, "supervise").mkdir()
        os.mkfifo(f"{name}/supervise/control")
        os.mkfifo(f"{name}/supervise/ok")
    Path("file").touch()


@pytest.fixture
def readers() -> Iterator[dict[str, int]]:
    """As supervise holds them open."""
    fds = {path: os.open(path, os.O_RDONLY | os.O_NONBLOCK) for path in ("a/supervise/control", "a/supervise/ok", "b/supervise/control")}
    yield fds
    for fd in fds.values():
        os.close(fd)


@pytest.mark.parametrize(
    ("why", "argv", "letters"),
    [
        ("in order, each once", [b"-uuoo", b"-p", b"a"], b"uop"),
        ("all there are", [b"-udopchaitkx", b"a"], b"udopchaitkx"),
        ("after -- it is a name", [b"-u", b"--", b"a"], b"u"),
        ("nothing", [b"a"], b""),
    ],
)
def test_svc_writes_letters(why: str, argv: list[bytes], letters: bytes, readers: dict[str, int]) -> None:
    assert call("svc", argv, {}) == Result(0, b"", b"")
    if letters:
        assert os.read(readers["a/supervise/control"], 100) == letters, why


def test_svc_controls_several_and_warns_of_those_it_cannot(readers: dict[str, int]) -> None:
    assert call("svc", [b"-d", b"a", b"none", b"bare", b"file", b"-u", b"b"], {}) == Result(
        0,
        b"",
        b"svc: warning: unable to chdir to none: file does not exist\n"
        b"svc: warning: unable to control bare: file does not exist\n"
        b"svc: warning: unable to chdir to file: not a directory\n"
        b"svc: warning: unable to chdir to -u: file does not exist\n",
    )
    assert os.read(readers["a/supervise/control"], 100) == b"d"
    assert os.read(readers["b/supervise/control"], 100) == b"d"


def test_c15_svc_warns_when_nobody_supervises() -> None:
    assert call("svc", [b"-d", b"a"], {}) == Result(0, b"", b"svc: warning: unable to control a: supervise not running\n")


def test_svc_explains_its_letters() -> None:
    code, out = 100, b""
    words = b"u up, d down, o once, x exit, p pause, c continue, h hup, a alarm, i interrupt, t term, k kill\n"
    assert call("svc", [b"-uz", b"a"], {}) == Result(code, out, b"svc: illegal option -- z\nsvc options: " + words)


@pytest.mark.parametrize(
    ("why", "argv", "code", "words"),
    [
        ("supervised", [b"a"], 0, b""),
        ("C15 not supervised", [b"b"], 100, b""),
        ("C15 never was", [b"bare"], 100, b""),
        ("no directory", [b"file"], 111, b"svok: fatal: unable to chdir to file: not a directory\n"),
        ("nothing there", [b"none"], 111, b"svok: fatal: unable to chdir to none: file does not exist\n"),
        ("no name", [], 100, b"svok: usage: svok dir\n"),
        ("further names mean nothing", [b"a", b"b"], 0, b""),
    ],
)
def test_svok(why: str, argv: list[bytes], code: int, words: bytes, readers: dict[str, int]) -> None:
    assert call("svok", argv, {}) == Result(code, b"", words), why


def test_svok_says_when_it_cannot_tell() -> None:
    Path("bare/supervise").touch()
    assert call("svok", [b"bare"], {}) == Result(111, b"", b"svok: fatal: unable to open bare/supervise/ok: not a directory\n")


def test_c14_svstat_tells_normally_up_from_the_file_down(readers: dict[str, int]) -> None:
    Path("a/supervise/status").write_bytes(supervise_status.write(Status(time.time_ns(), 0, False, b"d")))
    assert call("svstat", [b"a"], {}).out.endswith(b" seconds, normally up\n")
    Path("a/down").touch()
    assert call("svstat", [b"a"], {}).out.endswith(b" seconds\n")


def test_svstat_has_a_line_for_each_whatever_is_wrong(readers: dict[str, int]) -> None:
    Path("a/supervise/status").write_bytes(b"x" * 17)
    assert call("svstat", [b"a", b"b", b"bare", b"none", b"file"], {}) == Result(
        0,
        b"a: unable to read supervise/status: bad format\n"
        b"b: supervise not running\n"
        b"bare: unable to open supervise/ok: file does not exist\n"
        b"none: unable to chdir: file does not exist\n"
        b"file: unable to chdir: not a directory\n",
        b"",
    )


def test_svstat_says_that_there_is_no_status(readers: dict[str, int]) -> None:
    assert call("svstat", [b"a"], {}).out == b"a: unable to open supervise/status: file does not exist\n"


def test_they_come_back_to_where_they_were(readers: dict[str, int]) -> None:
    here = os.getcwd()
    for name in ("svc", "svok", "svstat"):
        call(name, [b"a"], {})
        assert os.getcwd() == here
