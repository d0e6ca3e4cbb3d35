"""predate and datemail. Conformance case T09."""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path

import pytest

from mta.formats import date_field
from tests.support.call import Result, call, process

STAMP = rb"Date: [1-9]\d? (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d %b\n"


def env(home: Path, zone: bytes = b"UTC") -> dict[bytes, bytes]:
    return {b"QMAIL_HOME": os.fsencode(home), b"PATH": b"/usr/bin:/bin", b"TZ": zone}


@pytest.mark.parametrize(
    ("zone", "offset"),
    [(b"Asia/Kolkata", rb"\+0530"), (b"UTC", rb"\+0000"), (b"<-0330>3:30", b"-0330"), (b"<+14>-14", rb"\+1400")],
    ids=["T09", "Greenwich", "west of it", "the farthest east"],
)
def test_the_date_is_that_of_the_zone(tmp_path: Path, zone: bytes, offset: bytes) -> None:
    before = int(time.time())
    result = process("predate", [b"cat"], env(tmp_path, zone), b"Subject: x\n\nb")
    after = int(time.time())
    assert (result.code, result.err) == (0, b"")
    head, rest = result.out.split(b"\n", 1)
    assert re.fullmatch(STAMP % offset, head + b"\n")
    assert rest == b"Subject: x\n\nb"
    then = date_field.read(head.removeprefix(b"Date: "))
    assert then is not None and before <= then <= after


@pytest.mark.parametrize("code", [0, 1, 100, 111])
def test_its_exit_code_is_ours(tmp_path: Path, code: int) -> None:
    assert call("predate", [b"sh", b"-c", b"cat >/dev/null; exit %d" % code], env(tmp_path), b"x\n") == Result(code, b"", b"")


def test_what_the_program_does_not_read_is_no_trouble(tmp_path: Path) -> None:
    assert call("predate", [b"sh", b"-c", b"exec <&-; exit 3"], env(tmp_path), b"x" * 1_000_000) == Result(3, b"", b"")


@pytest.mark.parametrize(
    ("why", "program", "complaint"),
    [
        ("a signal ends it", [b"sh", b"-c", b"cat > /dev/null; kill -9 $$"], b"child crashed"),
        ("there is none", [b"no-such"], b"unable to run no-such: file does not exist"),
    ],
)
def test_a_program_in_trouble(tmp_path: Path, why: str, program: list[bytes], complaint: bytes) -> None:
    assert process("predate", program, env(tmp_path), b"small\n") == Result(111, b"", b"predate: fatal: %b\n" % complaint), why


def test_half_of_the_input_is_not_passed_on(tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        result = call("predate", [b"sh", b"-c", b"cat; echo sent"], env(tmp_path), stdin_fd=fd)
    finally:
        os.close(fd)
    assert (result.code, result.err) == (111, b"predate: fatal: unable to read input: is a directory\n")
    assert b"sent" not in result.out


def test_without_a_program_it_says_how_it_is_called(tmp_path: Path) -> None:
    assert call("predate", [], env(tmp_path)) == Result(100, b"", b"predate: usage: predate child\n")


# -- datemail ----------------------------------------------------------------------------------------------------------------------


def program(home: Path, name: str, text: str) -> None:
    (home / "bin").mkdir(exist_ok=True)
    (home / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
    (home / "bin" / name).chmod(0o755)


@pytest.mark.parametrize("run", [call, process])
def test_datemail_gives_sendmail_its_arguments_and_a_date(tmp_path: Path, run: object) -> None:
    program(tmp_path, "sendmail", 'printf "%s|" "$@"; cat; exit 7')
    result = run("datemail", [b"-t", b"a b"], env(tmp_path), b"Subject: x\n\nb")  # type: ignore[operator]
    assert (result.code, result.err) == (7, b"")
    assert re.fullmatch(rb"-t\|a b\|" + STAMP % rb"[+-]\d{4}" + rb"Subject: x\n\nb", result.out)


def test_datemail_runs_a_predate_of_somebody_else(tmp_path: Path) -> None:
    program(tmp_path, "predate", 'printf "%s|" "$@"; exit 3')
    result = process("datemail", [b"-t"], env(tmp_path))
    assert result == Result(3, os.fsencode(tmp_path) + b"/bin/sendmail|-t|", b"")


def test_datemail_says_when_it_cannot_run_that(tmp_path: Path) -> None:
    program(tmp_path, "predate", "")
    (tmp_path / "bin/predate").write_text(f"#!{sys.executable}-that-is-not-there\n")
    result = process("datemail", [b"-t"], env(tmp_path))
    path = os.fsencode(tmp_path) + b"/bin/predate"
    assert result == Result(111, b"", b"datemail: fatal: unable to run %b: file does not exist\n" % path)


def test_datemail_without_sendmail_is_tried_again(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/bin/sendmail"
    assert process("datemail", [b"-t"], env(tmp_path)) == Result(
        111, b"", b"predate: fatal: unable to run %b: file does not exist\n" % path
    )
