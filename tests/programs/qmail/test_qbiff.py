from __future__ import annotations

import os
from pathlib import Path

import pytest

from mta.programs.qmail import qbiff
from tests.formats.test_utmp import record
from tests.support.call import Result, call, process

ENV = {b"USER": b"joe", b"SENDER": b"ada@x.y", b"LOCAL": b"joe-list"}
MESSAGE = b"Subject: \n hi\nTo: joe\n\nbody\nmore\n"
NOTICE = b"\r\n\a*** TO <joe-list> FROM <ada@x.y>\r\n    hi//body/more/\r\n"


@pytest.fixture
def dev(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A /dev with terminals that are files, and a utmp that names them."""
    folder = tmp_path / "dev"
    (folder / "pts").mkdir(parents=True)
    (tmp_path / "secret").touch()
    (tmp_path / "secret").chmod(0o700)
    lines = [b"pts/0", b"pts/1", b"pts/gone", b"../secret", os.fsencode(tmp_path) + b"/secret", b""]
    rows = [record(7, line[:32], b"joe") for line in lines] + [record(7, b"pts/2", b"ann")]
    (tmp_path / "utmp").write_bytes(b"".join(rows))
    for name, mode in (("pts/0", 0o700), ("pts/1", 0o600), ("pts/2", 0o700)):
        (folder / name).touch()
        (folder / name).chmod(mode)
    monkeypatch.setattr(qbiff, "UTMP", os.fsencode(tmp_path / "utmp"))
    monkeypatch.setattr(qbiff, "DEV", os.fsencode(folder))
    return folder


def env(home: Path) -> dict[bytes, bytes]:
    return {b"QMAIL_HOME": os.fsencode(home), **ENV}


def written(dev: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((dev / "pts").iterdir())}


def test_it_writes_to_the_terminals_that_are_open_for_it(dev: Path) -> None:
    assert call("qbiff", [], env(dev), MESSAGE) == Result(0, b"", b"")
    assert written(dev) == {"0": NOTICE, "1": b"", "2": b""}, "not to one without `biff y`, nor to another user's"
    assert (dev.parent / "secret").read_bytes() == b"", "no name leads out of /dev"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to have a terminal of somebody else")
def test_a_terminal_of_somebody_else_is_left_alone(dev: Path) -> None:
    os.chown(dev / "pts/0", 65534, -1)
    assert call("qbiff", [], env(dev), MESSAGE).code == 0
    assert written(dev)["0"] == b""


@pytest.mark.parametrize(
    ("why", "message", "text"),
    [
        ("a long line is cut", b"\n" + b"x" * 200, b"    /" + b"x" * 73),
        ("a long subject leaves no room", b"Subject: " + b"y" * 200 + b"\n\nb\n", b"    " + b"y" * 74),
        ("no header at all", b"hello there", b"    /hello there/"),
        ("bytes that a terminal would act on", b"Subject: \x1b[2J\xe9\x07\n\n\x1bc\n", b"    /[2J/////c/"),
        ("two subjects", b"Subject: a\nSubject: b\n\nc\n", b"    a/b//c/"),
        ("nothing", b"", b"    "),
    ],
)
def test_it_shows_the_beginning(dev: Path, why: str, message: bytes, text: bytes) -> None:
    assert call("qbiff", [], env(dev), message).code == 0
    assert written(dev)["0"] == NOTICE.replace(b"    hi//body/more/", text), why


def test_addresses_are_made_harmless_too(dev: Path) -> None:
    assert call("qbiff", [], {**env(dev), b"SENDER": b"\x1b[2J@x"}, MESSAGE).code == 0
    assert b"FROM <_[2J@x>" in written(dev)["0"]


@pytest.mark.parametrize("missing", sorted(ENV))
def test_it_announces_only_what_qmail_local_delivers(dev: Path, missing: bytes) -> None:
    variables = env(dev)
    del variables[missing]
    assert call("qbiff", [], variables, MESSAGE) == Result(0, b"", b"")
    assert written(dev)["0"] == b""


def test_a_name_no_utmp_can_hold_is_logged_in_nowhere(dev: Path) -> None:
    assert call("qbiff", [], {**env(dev), b"USER": b"joe" + b"x" * 30}, MESSAGE) == Result(0, b"", b"")


def test_trouble_never_stops_a_delivery(dev: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fd = os.open(dev, os.O_RDONLY)
    try:
        assert call("qbiff", [], env(dev), stdin_fd=fd) == Result(0, b"", b"")
    finally:
        os.close(fd)
    monkeypatch.setattr(qbiff, "UTMP", b"/nowhere/utmp")
    assert call("qbiff", [], env(dev), MESSAGE) == Result(0, b"", b"")


def test_it_runs_as_a_process(tmp_path: Path) -> None:
    assert process("qbiff", [], {**env(tmp_path), b"USER": b"nobody-at-all"}, MESSAGE) == Result(0, b"", b"")
