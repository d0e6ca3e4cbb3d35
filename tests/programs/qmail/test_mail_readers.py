"""elq, pinq, qail: a Maildir read with programs that know only mboxes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.call import Result, process
from tests.support.local_home import maildir

READERS = [("elq", "elm"), ("pinq", "pine"), ("qail", "Mail")]


def script(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def env(tmp_path: Path) -> dict[bytes, bytes]:
    path = os.fsencode(tmp_path)
    maildir(tmp_path / "Maildir")
    (tmp_path / "Maildir/new/1").write_bytes(b"Return-Path: <a@x>\n\nhello\n")
    os.utime(tmp_path / "Maildir/new/1", (10**9, 10**9))
    variables = {b"MAILDIR": path + b"/Maildir", b"MAIL": path + b"/box", b"MAILTMP": path + b"/box.tmp"}
    return {b"QMAIL_HOME": path, b"PATH": path + b"/tools:/usr/bin:/bin", **variables}


@pytest.mark.parametrize(("name", "reader"), READERS)
def test_the_reader_finds_the_mail_in_the_mbox(tmp_path: Path, env: dict[bytes, bytes], name: str, reader: str) -> None:
    script(tmp_path / "tools" / reader, 'read line; printf "%s|" "$line" "$@"; tail -n 2 "$MAIL"; umask; exit 7')
    old = os.umask(0o022)
    try:
        result = process(name, [b"-f", b"a b"], env, b"typed\n")
    finally:
        os.umask(old)
    assert result == Result(7, b"typed|-f|a b|hello\n\n0022\n", b"")
    assert (tmp_path / "box").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("name", "reader"), READERS)
def test_without_its_mail_it_does_not_start(tmp_path: Path, env: dict[bytes, bytes], name: str, reader: str) -> None:
    script(tmp_path / "tools" / reader, "echo started")
    del env[b"MAIL"]
    assert process(name, [], env) == Result(111, b"", b"maildir2mbox: fatal: MAIL not set\n")


@pytest.mark.parametrize(("name", "reader"), READERS)
def test_without_a_reader_it_says_so(env: dict[bytes, bytes], name: str, reader: str) -> None:
    complaint = f"{name}: fatal: unable to run {reader}: file does not exist\n".encode()
    assert process(name, [], {**env, b"PATH": b"/nowhere"}) == Result(111, b"", complaint)


@pytest.mark.parametrize(("code", "expected"), [(0, Result(0, b"moved\nstarted\n", b"")), (3, Result(3, b"moved\n", b""))])
def test_a_maildir2mbox_of_somebody_else_is_run(tmp_path: Path, env: dict[bytes, bytes], code: int, expected: Result) -> None:
    script(tmp_path / "bin/maildir2mbox", f"echo moved; exit {code}")
    script(tmp_path / "tools/elm", "echo started")
    assert process("elq", [], env) == expected
