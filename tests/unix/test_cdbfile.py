from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from mta.formats import cdb
from mta.unix import cdbfile
from mta.unix.disk import Disk


class Watched(Disk):
    """Notes the acts, and refuses one of them."""

    def __init__(self, refused: str = "") -> None:
        self.acts: list[str] = []
        for name in ("open", "fchmod", "write", "fsync", "close", "rename", "sync_dir"):
            setattr(self, name, self._watch(name, getattr(self, name), refused))

    def _watch(self, name: str, act: object, refused: str) -> object:
        def watched(*args: object) -> object:
            self.acts.append(name)
            if name == refused:
                raise OSError(errno.ENOSPC, "no space")
            return act(*args)  # type: ignore[operator]

        return watched


def paths(folder: Path) -> tuple[bytes, bytes]:
    return os.fsencode(folder / "cdb.tmp"), os.fsencode(folder / "cdb")


def test_a_new_cdb_is_on_disk_before_it_has_its_name_and_its_name_before_we_return(tmp_path: Path) -> None:
    disk = Watched()
    cdbfile.replace(*paths(tmp_path), cdb.write([(b"k", b"v")]), disk=disk)
    assert disk.acts == ["open", "fchmod", "write", "fsync", "close", "rename", "sync_dir", "open", "fsync", "close"]
    assert cdbfile.get(paths(tmp_path)[1], b"k") == b"v"
    assert os.listdir(tmp_path) == ["cdb"]


@pytest.mark.parametrize(
    ("refused", "step"),
    [("open", "open"), ("fchmod", "write"), ("write", "write"), ("fsync", "write"), ("close", "write"), ("rename", "move")],
)
def test_when_a_step_fails_the_old_one_stands(tmp_path: Path, refused: str, step: str) -> None:
    cdbfile.replace(*paths(tmp_path), cdb.write([(b"k", b"old")]))
    with pytest.raises(cdbfile.NotReplaced) as caught:
        cdbfile.replace(*paths(tmp_path), cdb.write([(b"k", b"new")]), disk=Watched(refused))
    assert (caught.value.step, caught.value.why.errno) == (step, errno.ENOSPC)
    assert cdbfile.get(paths(tmp_path)[1], b"k") == b"old"


def test_a_name_that_may_not_last_is_reported_too(tmp_path: Path) -> None:
    with pytest.raises(cdbfile.NotReplaced) as caught:
        cdbfile.replace(*paths(tmp_path), cdb.write([]), disk=Watched("sync_dir"))
    assert caught.value.step == "move"


def test_a_link_in_place_of_the_temporary_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "cdb.tmp").symlink_to(tmp_path / "precious")
    with pytest.raises(cdbfile.NotReplaced):
        cdbfile.replace(*paths(tmp_path), cdb.write([]))
    assert not (tmp_path / "precious").exists()


def test_who_opened_the_old_one_goes_on_reading_it(tmp_path: Path) -> None:
    cdbfile.replace(*paths(tmp_path), cdb.write([(b"k", b"old")]))
    file = cdbfile.open_(paths(tmp_path)[1])
    assert file is not None
    cdbfile.replace(*paths(tmp_path), cdb.write([(b"k", b"new")]))
    assert file.get(b"k") == b"old"
    file.close()
    assert cdbfile.get(paths(tmp_path)[1], b"k") == b"new"


def test_no_file_is_no_answer(tmp_path: Path) -> None:
    assert cdbfile.open_(paths(tmp_path)[1]) is None
    assert cdbfile.get(paths(tmp_path)[1], b"k") is None


def test_a_damaged_file_is_not_the_same_as_no_answer(tmp_path: Path) -> None:
    (tmp_path / "cdb").write_bytes(b"\0" * 100)
    with pytest.raises(ValueError):
        cdbfile.get(paths(tmp_path)[1], b"k")


@pytest.mark.parametrize("count", [0, 1, 300, 6000])
def test_every_key_is_found_whether_the_file_is_read_whole_or_in_pieces(tmp_path: Path, count: int) -> None:
    path = paths(tmp_path)[1]
    records = [(b"k%d" % i, b"value %d " % i * (i % 40)) for i in range(count)]
    Path(os.fsdecode(path)).write_bytes(cdb.write(records))
    assert (os.path.getsize(path) > cdbfile.WHOLE_MAX) == (count == 6000)
    file = cdbfile.open_(path)
    assert file is not None
    for key, value in records[:: max(1, count // 200)]:
        assert file.get(key) == value
        assert cdbfile.get(path, key) == value
    assert file.get(b"nobody") is None


def test_a_large_file_cut_short_is_damaged_and_never_a_missing_key(tmp_path: Path) -> None:
    data = cdb.write([(b"k%d" % i, b"x" * 900) for i in range(200)])
    path = tmp_path / "cdb"
    path.write_bytes(data[:-100])
    file = cdbfile.open_(os.fsencode(path))
    assert file is not None
    with pytest.raises(ValueError, match="cut short"):
        for i in range(200):
            assert file.get(b"k%d" % i)
