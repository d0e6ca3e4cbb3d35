"""A log that nobody takes holds up nobody; what was lost is counted and told."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mta.unix.log_pipe import LogPipe


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    os.set_blocking(ends[0], False)
    yield ends
    for fd in ends:
        os.close(fd)


def drain(fd: int) -> bytes:
    found = b""
    while True:
        try:
            found += os.read(fd, 1 << 20)
        except BlockingIOError:
            return found


def refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    """No descriptor of our own: another user made the pipe."""

    def open_(path: object, flags: int) -> int:
        raise PermissionError(errno.EACCES, "not yours")

    monkeypatch.setattr("mta.unix.log_pipe.os.open", open_)


@pytest.mark.parametrize("is_ours", [True, False], ids=["our own descriptor", "asked before each page"])
def test_lines_that_nobody_takes_are_let_go_and_told_of(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch, is_ours: bool) -> None:
    if not is_ours:
        refuse(monkeypatch)
    log = LogPipe(pipe[1], b"smtpd")
    lines = [b"smtpd: ok: %060d\n" % n for n in range(40_000)]
    log.say(lines)  # more than the pipe holds: it returns all the same
    kept = drain(pipe[0]).splitlines(keepends=True)
    assert 0 < len(kept) < len(lines) and kept == lines[: len(kept)]
    log.say([b"smtpd: ok: later\n"])
    told = b"smtpd: warning: %d lines of this log are lost, nobody took them\n" % (len(lines) - len(kept))
    assert drain(pipe[0]) == told + b"smtpd: ok: later\n"
    log.say([b"smtpd: ok: at last\n"])
    assert drain(pipe[0]) == b"smtpd: ok: at last\n"


def test_what_is_lost_between_two_losses_is_told_once(pipe: tuple[int, int]) -> None:
    log = LogPipe(pipe[1])
    log.say([b"x" * 3999 + b"\n"] * 300)
    first = drain(pipe[0]).count(b"x\n")
    log.say([b"y" * 3999 + b"\n"] * 300)
    found = drain(pipe[0])
    assert found.startswith(b"warning: %d lines of this log are lost" % (300 - first)) and found.count(b"lost") == 1


def test_a_line_of_which_only_the_beginning_fits_is_ended(pipe: tuple[int, int]) -> None:
    log = LogPipe(pipe[1])
    log.say([b"a" * 4095 + b"\n"] * 254)
    log.say([b"b" * 20_000 + b"\n"])
    drain(pipe[0])
    log.say([b"c\n"])
    assert drain(pipe[0]) == b"\nwarning: 1 lines of this log are lost, nobody took them\nc\n"


def test_the_flags_of_the_pipe_stay_as_they_are(pipe: tuple[int, int]) -> None:
    LogPipe(pipe[1]).say([b"x\n"])
    assert os.get_blocking(pipe[1])


def test_a_logger_that_is_gone_is_no_trouble() -> None:
    read_end, write_end = os.pipe()
    log = LogPipe(write_end)
    os.close(read_end)
    log.say([b"x\n"])
    os.close(write_end)


def test_a_file_takes_everything(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as file:
        LogPipe(file.fileno(), b"smtpd").say([b"a\n", b"b" * 100_000 + b"\n"])
    assert (tmp_path / "log").read_bytes() == b"a\n" + b"b" * 100_000 + b"\n"


def test_no_descriptor_at_all_is_no_trouble() -> None:
    LogPipe(9999).say([b"x\n"])
