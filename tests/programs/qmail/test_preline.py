"""preline. Conformance case T05."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.call import Result, call, process

LINES = {
    b"UFLINE": b"From ada@x.y Sat Jan 03 01:05:34 1996\n",
    b"RPLINE": b"Return-Path: <ada@x.y>\n",
    b"DTLINE": b"Delivered-To: joe@x.y\n",
}
U, R, D = LINES.values()
USAGE = b"preline: usage: preline cmd [ arg ... ]\n"
MESSAGE = b"Subject: x\n\n" + bytes(range(256)) * 1000


def env(home: Path) -> dict[bytes, bytes]:
    return {b"QMAIL_HOME": os.fsencode(home), b"PATH": b"/usr/bin:/bin", **LINES}


@pytest.mark.parametrize("run", [call, process])
@pytest.mark.parametrize(
    ("options", "head"),
    [
        ([], U + R + D),
        ([b"-f"], R + D),
        ([b"-r"], U + D),
        ([b"-d"], U + R),
        ([b"-f", b"-d"], R),
        ([b"-frd"], b""),
        ([b"-frdFR"], U + R),
        ([b"-dD", b"--"], U + R + D),
    ],
    ids=["all", "f", "r", "d", "T05 -f -d", "none", "taken back", "end of options"],
)
def test_the_program_reads_the_lines_wanted_and_the_message(tmp_path: Path, run: object, options: list[bytes], head: bytes) -> None:
    result = run("preline", [*options, b"cat"], env(tmp_path), MESSAGE)  # type: ignore[operator]
    assert result == Result(0, head + MESSAGE, b"")


@pytest.mark.parametrize("code", [0, 1, 99, 100, 111])
def test_its_exit_code_is_ours(tmp_path: Path, code: int) -> None:
    assert call("preline", [b"sh", b"-c", b"cat >/dev/null; exit %d" % code], env(tmp_path), MESSAGE) == Result(code, b"", b"")


@pytest.mark.parametrize(
    ("why", "program", "code", "complaint"),
    [
        ("a signal ends it", [b"sh", b"-c", b"cat > /dev/null; kill -9 $$"], 111, b"child crashed"),
        ("there is none", [b"no-such"], 100, b"unable to run no-such: file does not exist"),
        ("it is a folder", [b"/"], 100, b"unable to run /: access denied"),
    ],
)
def test_a_program_in_trouble(tmp_path: Path, why: str, program: list[bytes], code: int, complaint: bytes) -> None:
    result = process("preline", program, env(tmp_path), b"small\n")
    assert result == Result(code, b"", b"preline: fatal: %b\n" % complaint), why


def test_a_program_that_reads_no_more_of_a_large_message_has_not_delivered_it(tmp_path: Path) -> None:
    result = call("preline", [b"sh", b"-c", b"exec <&-; exit 0"], env(tmp_path), MESSAGE)
    assert result == Result(111, b"", b"preline: fatal: unable to copy input: broken pipe\n")


def test_a_program_need_not_read_a_small_message(tmp_path: Path) -> None:
    assert call("preline", [b"sh", b"-c", b"exec <&-; exit 0"], env(tmp_path), b"x" * 8000) == Result(0, b"", b"")


def test_half_a_message_is_not_delivered(tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        result = call("preline", [b"sh", b"-c", b"cat; echo delivered"], env(tmp_path), stdin_fd=fd)
    finally:
        os.close(fd)
    assert result.code == 111
    assert b"delivered" not in result.out
    assert result.err == b"preline: fatal: unable to copy input: is a directory\n"


@pytest.mark.parametrize("missing", sorted(LINES))
def test_it_runs_only_where_qmail_local_starts_it(tmp_path: Path, missing: bytes) -> None:
    variables = env(tmp_path)
    del variables[missing]
    assert call("preline", [b"cat"], variables, b"x\n") == Result(100, b"", USAGE)


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [([], b""), ([b"-f"], b""), ([b"-x", b"cat"], b"preline: illegal option -- x\n")],
    ids=["nothing", "no program", "no such option"],
)
def test_wrong_arguments(tmp_path: Path, argv: list[bytes], complaint: bytes) -> None:
    assert call("preline", argv, env(tmp_path), b"x\n") == Result(100, b"", complaint + USAGE)
