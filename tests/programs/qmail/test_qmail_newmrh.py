"""qmail-newmrh against the recorded behaviour of the original, and conformance case U01; qmail-newbrt."""

from __future__ import annotations

import base64
import hashlib
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mta.formats import cdb
from tests.conftest import as_bytes, corpus
from tests.support.call import Result, call, command

CASES = corpus("oracle/newu-newmrh-pw2u-tcprules-cdb-multilog-tai64n")


class NewMrh:
    def __init__(self, home: Path) -> None:
        self.control = home / "control"
        self.control.mkdir()
        self.env = {b"QMAIL_HOME": os.fsencode(home)}

    def run(self, lines: bytes) -> Result:
        (self.control / "morercpthosts").write_bytes(lines)
        return call("qmail-newmrh", [], self.env)

    def cdb(self) -> bytes:
        return (self.control / "morercpthosts.cdb").read_bytes()


@pytest.fixture
def newmrh(tmp_path: Path) -> NewMrh:
    return NewMrh(tmp_path)


@pytest.mark.parametrize("case", [c for c in CASES if c["tool"] == "qmail-newmrh"], ids=lambda c: c["name"])
def test_it_does_what_the_original_does(case: dict[str, Any], newmrh: NewMrh) -> None:
    assert newmrh.run(as_bytes(case["input"])) == Result(case["rc"], b"", as_bytes(case["stderr"]))
    assert newmrh.cdb() == base64.b64decode(case["cdb_b64"])


def test_u01_the_file_has_the_known_digest(newmrh: NewMrh) -> None:
    newmrh.run(b"Foo.Example\n# c\n\n.bar.example  \t\n")
    assert len(newmrh.cdb()) == 2119
    assert hashlib.sha256(newmrh.cdb()).hexdigest() == "1ae9091a704b867f8a0572aed489020102de714ac493388a37d6c61035efec71"


def test_leading_blanks_are_kept_and_the_last_line_may_lack_its_newline(newmrh: NewMrh) -> None:
    newmrh.run(b" a.test\nB.test")
    assert b" a.test" in newmrh.cdb()
    assert b"b.test" in newmrh.cdb()


def test_without_the_file_it_fails_and_writes_nothing(newmrh: NewMrh) -> None:
    text = b"qmail-newmrh: fatal: unable to read control/morercpthosts: file does not exist\n"
    assert call("qmail-newmrh", [], newmrh.env) == Result(111, b"", text)
    assert list(newmrh.control.iterdir()) == []


@pytest.mark.parametrize(
    ("block", "err"),
    [
        ("morercpthosts.tmp", b"unable to write to control/morercpthosts.tmp: is a directory"),
        ("morercpthosts.cdb", b"unable to move control/morercpthosts.tmp to control/morercpthosts.cdb: is a directory"),
    ],
)
def test_it_says_which_file_gave_trouble(newmrh: NewMrh, block: str, err: bytes) -> None:
    (newmrh.control / block).mkdir()
    assert newmrh.run(b"a.test\n") == Result(111, b"", b"qmail-newmrh: fatal: %b\n" % err)


def test_without_home_or_control_it_fails(tmp_path: Path) -> None:
    gone = os.fsencode(tmp_path / "gone")
    text = b"qmail-newmrh: fatal: unable to chdir to %b: file does not exist\n" % gone
    assert call("qmail-newmrh", [], {b"QMAIL_HOME": gone}) == Result(111, b"", text)
    text = b"qmail-newmrh: fatal: unable to read control/morercpthosts: file does not exist\n"
    assert call("qmail-newmrh", [], {b"QMAIL_HOME": os.fsencode(tmp_path)}) == Result(111, b"", text)


def test_everybody_may_read_the_database_whatever_the_mask(newmrh: NewMrh) -> None:
    (newmrh.control / "morercpthosts").write_bytes(b"a.test\n")
    shell = ["sh", "-c", 'umask 77; exec "$@"', "sh", *command("qmail-newmrh", newmrh.env[b"QMAIL_HOME"])]
    assert subprocess.run(shell, check=False).returncode == 0
    assert stat.S_IMODE((newmrh.control / "morercpthosts.cdb").stat().st_mode) == 0o644


def test_qmail_newbrt_compiles_the_recipients_that_get_no_mail(newmrh: NewMrh) -> None:
    (newmrh.control / "morebadrcptto").write_bytes(b"# gone\nJoe@X.y\n@old.example\n")
    assert call("qmail-newbrt", [], newmrh.env) == Result(0, b"", b"")
    assert [key for key, _ in cdb.records((newmrh.control / "morebadrcptto.cdb").read_bytes())] == [b"joe@x.y", b"@old.example"]
    (newmrh.control / "morebadrcptto").unlink()
    text = b"qmail-newbrt: fatal: unable to read control/morebadrcptto: file does not exist\n"
    assert call("qmail-newbrt", [], newmrh.env) == Result(111, b"", text)
    assert (newmrh.control / "morebadrcptto.cdb").exists()
