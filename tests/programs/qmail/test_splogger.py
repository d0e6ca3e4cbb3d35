from __future__ import annotations

import os
import re
import syslog
from pathlib import Path

import pytest

from tests.support.call import Result, call, process

ENV = {b"QMAIL_HOME": b"/nowhere"}


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """What syslog is told."""
    found: list[tuple[object, ...]] = []
    monkeypatch.setattr(syslog, "openlog", lambda *a: found.append(a))
    monkeypatch.setattr(syslog, "syslog", lambda *a: found.append(a))
    return found


@pytest.mark.parametrize(
    ("argv", "opened"),
    [
        ([], ("splogger", 0, syslog.LOG_MAIL)),
        ([b"qmail"], ("qmail", 0, syslog.LOG_MAIL)),
        ([b"qmail", b"16"], ("qmail", 0, syslog.LOG_LOCAL0)),
        ([b"qmail", b"none"], ("qmail", 0, syslog.LOG_KERN)),
        ([b"qmail", b"3", b"more"], ("qmail", 0, syslog.LOG_DAEMON)),
    ],
)
def test_its_arguments_are_the_tag_and_the_facility(said: list[tuple[object, ...]], argv: list[bytes], opened: tuple[object, ...]) -> None:
    assert call("splogger", argv, ENV) == Result(0, b"", b"")
    assert said == [opened]


def test_it_tells_syslog_line_by_line(said: list[tuple[object, ...]]) -> None:
    assert call("splogger", [], ENV, b"status: exiting\nwarning: x\nalert: y\nno end").code == 0
    levels, texts = zip(*said[1:], strict=True)
    assert levels == (syslog.LOG_INFO, syslog.LOG_WARNING, syslog.LOG_ALERT)
    assert [re.sub(r"^\d+\.\d{6} ", "STAMP ", text) for text in texts] == ["STAMP status: exiting", "STAMP warning: x", "STAMP alert: y"]


def test_an_input_that_cannot_be_read_ends_it(said: list[tuple[object, ...]], tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        assert call("splogger", [], ENV, stdin_fd=fd) == Result(0, b"", b"")
    finally:
        os.close(fd)


def test_it_runs_as_a_process() -> None:
    assert process("splogger", [b"test-of-splogger"], ENV, b"\n") == Result(0, b"", b"")
