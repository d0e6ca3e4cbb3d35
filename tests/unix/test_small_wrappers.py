"""cwd, title, say and lock: each does its one thing and puts back what it took."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mta.unix import cwd, lock, say
from mta.unix.fds import Fds
from tests.conftest import ROOT


def test_the_working_directory_is_kept_whatever_happens(tmp_path: Path) -> None:
    before = os.getcwd()
    with cwd.Kept() as kept:
        os.chdir(tmp_path)
        kept.back()
        assert os.getcwd() == before
        os.chdir(tmp_path)
    assert os.getcwd() == before
    with pytest.raises(ZeroDivisionError), cwd.Kept():
        os.chdir(tmp_path)
        raise ZeroDivisionError
    assert os.getcwd() == before


TITLE = """
import sys; sys.path.insert(0, {root!r})
from mta.unix import title
title.set_([b"supervise", {word!r}])
print([open("/proc/self/" + name, "rb").read() for name in ("cmdline", "comm")])
"""


@pytest.mark.parametrize("word", [b"qmail-send", b"", b"x" * 100_000])
def test_ps_shows_what_it_is_told_as_far_as_there_is_room(word: bytes) -> None:
    code = TITLE.format(root=str(ROOT), word=word)
    out = subprocess.run([sys.executable, "-I", "-S", "-c", code, "room"], capture_output=True, check=True).stdout
    cmdline, comm = eval(out)
    assert comm == b"supervise\n"
    room = len(cmdline) - 1
    assert cmdline.rstrip(b"\0") == (b"supervise\0" + word)[:room].rstrip(b"\0")


@pytest.fixture
def said(tmp_path: Path) -> tuple[Fds, Path]:
    return Fds({2: os.open(tmp_path / "err", os.O_WRONLY | os.O_CREAT)}), tmp_path / "err"


def test_trouble_is_told_in_one_form_with_its_exit(said: tuple[Fds, Path]) -> None:
    fds, path = said
    assert say.fatal(fds, b"prog", b"unable to x", OSError(errno.ENOENT, "")) == 111
    assert say.fatal(fds, b"prog", b"no reason") == 111
    say.warning(fds, b"prog", b"unable to y", OSError(errno.EACCES, ""))
    assert say.usage(fds, b"prog", b"prog dir") == 100
    os.close(fds[2])
    assert path.read_bytes() == (
        b"prog: fatal: unable to x: file does not exist\nprog: fatal: no reason\n"
        b"prog: warning: unable to y: access denied\nprog: usage: prog dir\n"
    )


def test_a_lock_is_held_while_the_block_runs_and_no_longer(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path / "lock")

    def is_free() -> bool:
        fd = os.open(path, os.O_WRONLY)
        try:
            return lock.try_exclusive(fd)
        finally:
            os.close(fd)

    with lock.held(path):
        assert not is_free()
    assert is_free()
    with pytest.raises(ZeroDivisionError), lock.held(path):
        raise ZeroDivisionError
    assert is_free()
    assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600
