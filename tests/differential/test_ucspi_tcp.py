"""tcprules and tcprulescheck beside the originals on generated input: same file, same words, same exit."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta.formats import cdb, tcprules_record
from tests.support import original
from tests.support.call import Result, call

ROUNDS = original.rounds(150, 4000)

words = st.sampled_from(
    [b"1.2.3.4", b"1.2.", b"10.0-3.", b"1-", b"-2", b"250-300", b".", b"-", b"joe@", b"=", b"=.example.org", b"a", b"#", b" ", b"\t", b":",
     b"allow", b"deny", b",", b"X", b'"', b'="a"', b"=/b/", b"RELAYCLIENT", b"\r", b"\n", b"\0", b"\xff", b"07", b"18446744073709551617"]
)  # fmt: skip
likely = st.builds(
    b"%b:%b%b\n".__mod__,
    st.tuples(
        st.lists(words, max_size=3).map(b"".join),
        st.sampled_from([b"allow", b"deny"]),
        st.sampled_from([b"", b',X="a"', b',X=,a,,Y="b"', b" \t", b',"'])),
)  # fmt: skip
texts = st.lists(st.one_of(likely, likely, words), max_size=6).map(b"".join)


@pytest.fixture(scope="module", autouse=True)
def _originals() -> None:
    for name in ("tcprules", "tcprulescheck"):
        original.original(name)


def compiled(by: str, folder: Path, text: bytes) -> tuple[Result, bytes | None]:
    path = folder / by
    argv = [os.fsencode(path), os.fsencode(path) + b".tmp"]
    result = original.run("tcprules", argv, stdin=text) if by == "original" else call("tcprules", argv, {}, text)
    return result, path.read_bytes() if path.exists() else None


@settings(max_examples=ROUNDS)
@given(texts)
def test_the_same_rules_give_the_same_file(text: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        assert compiled("ours", Path(name), text) == compiled("original", Path(name), text)


bits = st.lists(st.sampled_from([b"1", b"2", b".", b"a", b"b", b"@", b"="]), max_size=5).map(b"".join)
optional = st.one_of(st.none(), bits)
answers = st.sampled_from([b"", b"D\0", b"+A=1\0", b"D\0+A=1\0+B\0", b"+A=1\0D\0", b"Q\0D\0", b"\0+A\0", b"D", b"+A=1\0x"])


@settings(max_examples=ROUNDS)
@given(st.lists(st.tuples(bits, answers), max_size=12), st.lists(st.tuples(optional, optional, optional), min_size=1, max_size=4))
def test_the_same_file_gives_the_same_answers(records: list[tuple[bytes, bytes]], clients: list[tuple[bytes | None, ...]]) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(cdb.write(records))
        file.flush()
        for client in clients:
            names = (b"TCPREMOTEIP", b"TCPREMOTEHOST", b"TCPREMOTEINFO")
            env = {name: value for name, value in zip(names, client, strict=True) if value is not None}
            argv = [os.fsencode(file.name)]
            assert call("tcprulescheck", argv, env) == original.run("tcprulescheck", argv, env)


def test_every_key_the_original_asks_for_is_one_of_ours() -> None:
    """Rules for all keys of a client: the one that decides goes, one after the other, down to the default."""
    client = {b"TCPREMOTEIP": b"1.2.3.4", b"TCPREMOTEHOST": b"a.b.example.org", b"TCPREMOTEINFO": b"joe"}
    wanted = list(tcprules_record.keys(b"1.2.3.4", b"a.b.example.org", b"joe"))
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "cdb"
        for i, key in enumerate(wanted):
            path.write_bytes(cdb.write((rest, b"") for rest in reversed(wanted[i:])))
            assert original.run("tcprulescheck", [os.fsencode(path)], client).out.startswith(b"rule %b:\n" % key)
