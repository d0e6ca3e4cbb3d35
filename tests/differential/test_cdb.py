"""The databases our compilers write, and what we find in them, beside tinycdb and freecdb: same file, same records, same answers."""

from __future__ import annotations

import os
import subprocess
import tempfile
from typing import IO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta.formats import cdb
from tests.support import original
from tests.support.call import Result

ROUNDS = original.rounds(150, 2000)
Records = list[tuple[bytes, bytes]]

few = st.lists(st.sampled_from([b"a", b"b", b"\0", b"->", b"\n", b"\xff", b"+1,1:"]), max_size=3).map(b"".join)
keys = st.one_of(few, few, st.binary(max_size=80))
records = st.lists(st.tuples(keys, st.one_of(few, st.binary(max_size=300))), max_size=60)


@pytest.fixture(scope="module", autouse=True)
def _originals() -> None:
    for name in ("cdb", "cdbmake", "cdbget", "cdbdump"):
        original.original(name)


def as_text(pairs: Records) -> bytes:
    """The records as cdbmake reads and cdbdump prints them."""
    return b"".join(b"+%d,%d:%b->%b\n" % (len(key), len(data), key, data) for key, data in pairs) + b"\n"


@settings(max_examples=ROUNDS)
@given(records)
def test_the_same_records_give_the_same_database(pairs: Records) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = os.fsencode(folder) + b"/cdb"
        for name, argv in (("cdbmake", [path, path + b".tmp"]), ("cdb", [b"-c", path])):
            assert original.run(name, argv, stdin=as_text(pairs)) == Result(0, b"", b"")
            with open(path, "rb") as file:
                assert file.read() == cdb.write(pairs), name
            os.unlink(path)


@settings(max_examples=ROUNDS)
@given(records)
def test_the_same_records_are_in_our_database(pairs: Records) -> None:
    data = cdb.write(pairs)
    assert list(cdb.records(data)) == pairs
    assert original.run("cdbdump", [], stdin=data) == Result(0, as_text(pairs), b"")
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        assert original.run("cdb", [b"-d", os.fsencode(file.name)]) == Result(0, as_text(pairs), b"")


def cdbget(file: IO[bytes], key: bytes) -> Result:
    """It moves about in its descriptor 0."""
    original.TRIED["cdbget"] += 1
    file.seek(0)
    done = subprocess.run([original.original("cdbget"), key], stdin=file, capture_output=True, check=False)
    return Result(done.returncode, done.stdout, done.stderr)


@settings(max_examples=ROUNDS)
@given(records, st.lists(keys, min_size=1, max_size=3), st.integers(1, 4), st.data())
def test_the_same_question_has_the_same_answer(pairs: Records, absent: list[bytes], number: int, draw: st.DataObject) -> None:
    """For a key of the database, or some other; the first record, and the one of that number. Arguments hold no NUL, and to freecdb an
    empty one is none."""
    key = draw.draw(st.sampled_from([*(key for key, _ in pairs), *absent])).replace(b"\0", b"")
    data = cdb.write(pairs)
    found = list(cdb.reader(data).get_all(key))
    first = Result(0, found[0], b"") if found else Result(100, b"", b"")
    assert cdb.reader(data).get(key) == (found[0] if found else None)
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        assert key == b"" or cdbget(file, key) == first
        wanted = Result(0, found[number - 1], b"") if number <= len(found) else Result(100, b"", b"")
        assert original.run("cdb", [b"-q", b"-n%d" % number, b"--", os.fsencode(file.name), key]) == wanted
