"""bouncesaying and except: what a dot-qmail line makes of another program's exit code. Conformance cases T03, T04."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.call import Result, call, process

USAGE = b"bouncesaying: usage: bouncesaying error [ program [ arg ... ] ]\n"
EXCEPT_USAGE = b"except: usage: except program [ arg ... ]\n"


def env(home: Path) -> dict[bytes, bytes]:
    return {b"QMAIL_HOME": os.fsencode(home), b"PATH": b"/usr/bin:/bin"}


def shell(text: bytes) -> list[bytes]:
    return [b"sh", b"-c", text]


@pytest.mark.parametrize("run", [call, process])
def test_t03_it_bounces_in_the_words_given(tmp_path: Path, run: object) -> None:
    result = run("bouncesaying", [b"no such \xe9 here"], env(tmp_path), b"x\n")  # type: ignore[operator]
    assert result == Result(100, b"", b"no such \xe9 here\n")


ROWS = [
    ("it says yes", [b"true"], 0),
    ("it says no", [b"false"], 1),
    ("any other number is a no", shell(b"exit 99"), 99),
    ("100 is no failure of ours", shell(b"exit 100"), 100),
    ("there is no such program", [b"no-such-program"], 100),
    ("what is named is a folder", [b"/"], 100),
    ("its name is nothing at all", [b""], 100),
]


@pytest.mark.parametrize(("why", "program", "code"), ROWS, ids=[row[0] for row in ROWS])
def test_t04_a_program_decides(tmp_path: Path, why: str, program: list[bytes], code: int) -> None:
    bounced = Result(100, b"", b"no\n") if code == 0 else Result(0, b"", b"")
    assert call("bouncesaying", [b"no", *program], env(tmp_path)) == bounced
    assert call("except", program, env(tmp_path)) == Result(100 if code == 0 else 0, b"", b"")


@pytest.mark.parametrize("name", ["bouncesaying", "except"])
@pytest.mark.parametrize(
    ("why", "text", "complaint"),
    [("it cannot tell now", b"exit 111", b"temporary child error"), ("a signal ends it", b"kill -9 $$", b"child crashed")],
)
def test_a_program_in_trouble_is_tried_again(tmp_path: Path, name: str, why: str, text: bytes, complaint: bytes) -> None:
    words = [b"no"] if name == "bouncesaying" else []
    assert call(name, [*words, *shell(text)], env(tmp_path)) == Result(111, b"", b"%b: fatal: %b\n" % (name.encode(), complaint)), why


@pytest.mark.parametrize("run", [call, process])
def test_the_program_reads_the_message_and_writes_the_report(tmp_path: Path, run: object) -> None:
    result = run("bouncesaying", [b"no", *shell(b"cat; echo oops >&2; exit 1")], env(tmp_path), b"message\n")  # type: ignore[operator]
    assert result == Result(0, b"message\n", b"oops\n")
    result = run("except", shell(b"cat; echo oops >&2; exit 1"), env(tmp_path), b"message\n")  # type: ignore[operator]
    assert result == Result(0, b"message\n", b"oops\n")


def test_a_script_without_its_first_line_is_run_by_the_shell(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text('echo "$1 $2"\n')
    script.chmod(0o755)
    assert call("except", [b"script", b"a b", b"c"], {**env(tmp_path), b"PATH": os.fsencode(tmp_path)}) == Result(100, b"a b c\n", b"")


def test_it_is_looked_for_in_the_path_it_is_given(tmp_path: Path) -> None:
    assert call("except", [b"true"], {**env(tmp_path), b"PATH": os.fsencode(tmp_path)}).code == 0


@pytest.mark.parametrize(("name", "usage"), [("bouncesaying", USAGE), ("except", EXCEPT_USAGE)])
def test_without_arguments_it_says_how_it_is_called(tmp_path: Path, name: str, usage: bytes) -> None:
    assert call(name, [], env(tmp_path)) == Result(100, b"", usage)
