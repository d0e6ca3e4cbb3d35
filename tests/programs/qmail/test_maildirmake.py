from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

from tests.support.call import Result, call, command

FATAL = b"maildirmake: fatal: unable to mkdir %b: %b\n"


def test_it_makes_a_maildir_for_its_owner_alone(tmp_path: Path) -> None:
    maildir = tmp_path / "Maildir"
    assert call("maildirmake", [os.fsencode(maildir)], {}) == Result(0, b"", b"")
    assert sorted(os.listdir(maildir)) == ["cur", "new", "tmp"]
    assert {stat.S_IMODE(p.stat().st_mode) for p in (maildir, *maildir.iterdir())} == {0o700}


def test_the_mask_of_the_caller_does_not_matter_to_the_process(tmp_path: Path) -> None:
    shell = ["sh", "-c", 'umask 777; exec "$@"', "sh", *command("maildirmake", b"/"), "box"]
    done = subprocess.run(shell, cwd=tmp_path, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert {stat.S_IMODE(p.stat().st_mode) for p in (tmp_path / "box", *(tmp_path / "box").iterdir())} == {0o700}


def test_without_a_name_it_tells_its_usage() -> None:
    assert call("maildirmake", [], {}) == Result(100, b"", b"maildirmake: usage: maildirmake name\n")


def test_what_is_there_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "box").mkdir()
    box = os.fsencode(tmp_path / "box")
    assert call("maildirmake", [box], {}) == Result(111, b"", FATAL % (box, b"file already exists"))
    assert list((tmp_path / "box").iterdir()) == []


def test_it_makes_no_directories_above(tmp_path: Path) -> None:
    box = os.fsencode(tmp_path / "gone" / "box")
    assert call("maildirmake", [box], {}) == Result(111, b"", FATAL % (box, b"file does not exist"))
