"""The last step of a compiler: all or nothing, and a word on what went wrong."""

from __future__ import annotations

import os
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mta.unix import compiled
from mta.unix.fds import Fds


def install(folder: Path, data: bytes, temporary: str = "x.tmp", path: str = "x.cdb") -> tuple[int, bytes]:
    with open(folder / "said", "wb+") as said:
        code = compiled.install(Fds({2: said.fileno()}), b"prog", os.fsencode(folder / temporary), os.fsencode(folder / path), data)
        said.seek(0)
        text = said.read()
    os.unlink(folder / "said")
    return code, text.replace(os.fsencode(folder) + b"/", b"")


@contextmanager
def full_disk() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_the_new_file_is_in_its_place_for_all_to_read(tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        assert install(tmp_path, b"new") == (0, b"")
    finally:
        os.umask(old)
    assert os.listdir(tmp_path) == ["x.cdb"]
    assert (tmp_path / "x.cdb").read_bytes() == b"new"
    assert stat.S_IMODE((tmp_path / "x.cdb").stat().st_mode) == 0o644


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "x.cdb").write_bytes(b"old")
    with full_disk():
        assert install(tmp_path, bytes(2000)) == (111, b"prog: fatal: unable to write to x.tmp: file too big\n")
    assert os.listdir(tmp_path) == ["x.cdb"]
    assert (tmp_path / "x.cdb").read_bytes() == b"old"


@pytest.mark.parametrize(
    ("why", "temporary", "path", "text"),
    [
        ("no such folder", "no/x.tmp", "x.cdb", b"prog: fatal: unable to create no/x.tmp: file does not exist\n"),
        ("a folder of that name", "f", "x.cdb", b"prog: fatal: unable to create f: is a directory\n"),
        ("a folder in its place", "x.tmp", "f", b"prog: fatal: unable to move x.tmp to f: is a directory\n"),
    ],
)
def test_it_says_what_went_wrong(tmp_path: Path, why: str, temporary: str, path: str, text: bytes) -> None:
    (tmp_path / "f").mkdir()
    assert install(tmp_path, b"new", temporary, path) == (111, text), why
    assert os.listdir(tmp_path) == ["f"]


def test_all_there_is_is_read(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(bytes(200_000))
    with open(tmp_path / "x", "rb") as file:
        assert compiled.read_all(file.fileno()) == bytes(200_000)
