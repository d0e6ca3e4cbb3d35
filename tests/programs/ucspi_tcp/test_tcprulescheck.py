"""tcprulescheck: its answers line by line, and files it cannot read. Cases C4-C6."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mta.formats import cdb, tcprules
from tests.support.call import Result, call

TEXT = b'1.2.3.4:deny,X="a"\n1.2.:allow,Z="1",Y="2"\n=:allow,N="n"\njoe@9.9.9.9:deny\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "rules.cdb").write_bytes(tcprules.compile_(TEXT))
    return tmp_path / "rules.cdb"


def ask(path: Path, **client: str) -> Result:
    return call("tcprulescheck", [os.fsencode(path)], {f"TCPREMOTE{name}".encode(): value.encode() for name, value in client.items()})


@pytest.mark.parametrize(
    ("why", "client", "answer"),
    [
        ("the denied connection gets no variables", {"IP": "1.2.3.4"}, b"rule 1.2.3.4:\ndeny connection\n"),
        (
            "variables in order",
            {"IP": "1.2.9.9"},
            b"rule 1.2.:\nset environment variable Z=1\nset environment variable Y=2\nallow connection\n",
        ),
        ("no rule", {"IP": "9.9.9.9"}, b"default:\nallow connection\n"),
        ("C5 a user of the other side", {"IP": "9.9.9.9", "INFO": "joe"}, b"rule joe@9.9.9.9:\ndeny connection\n"),
        ("C6 a name", {"IP": "9.9.9.9", "HOST": "h"}, b"rule =:\nset environment variable N=n\nallow connection\n"),
        ("an empty name is one", {"HOST": ""}, b"rule =:\nset environment variable N=n\nallow connection\n"),
        ("no client at all", {}, b"default:\nallow connection\n"),
    ],
)
def test_its_answer(why: str, client: dict[str, str], answer: bytes, path: Path) -> None:
    assert ask(path, **client) == Result(0, answer, b""), why


def test_the_empty_key_answers_for_the_rest(path: Path) -> None:
    path.write_bytes(tcprules.compile_(b":deny"))
    assert ask(path, IP="1.2.3.4").out == b"rule :\ndeny connection\n"


def test_items_no_tcprules_wrote_are_taken_as_the_original_takes_them(path: Path) -> None:
    path.write_bytes(cdb.write([(b"0.0.0.0", b"Zq\0+A\0\0D\0+B=not seen\0")]))
    assert ask(path).out == b"rule 0.0.0.0:\nset environment variable A\ndeny connection\n"


def test_further_arguments_mean_nothing(path: Path) -> None:
    assert call("tcprulescheck", [os.fsencode(path), b"1.2.3.4"], {}).out == b"default:\nallow connection\n"


def test_it_wants_a_name() -> None:
    assert call("tcprulescheck", [], {}) == Result(100, b"", b"tcprulescheck: usage: tcprulescheck rules.cdb\n")


@pytest.mark.parametrize(("why", "data"), [("short", b"short"), ("empty", b""), ("a table that is not there", b"\0\xff\0\0\2\0\0\0" * 256)])
def test_a_damaged_file_allows_nothing(why: str, data: bytes, path: Path) -> None:
    path.write_bytes(data)
    assert ask(path) == Result(111, b"", b"tcprulescheck: fatal: unable to read %b: protocol error\n" % os.fsencode(path)), why


def test_a_missing_file_allows_nothing(tmp_path: Path) -> None:
    path = tmp_path / "none"
    assert ask(path) == Result(111, b"", b"tcprulescheck: fatal: unable to read %b: file does not exist\n" % os.fsencode(path))
