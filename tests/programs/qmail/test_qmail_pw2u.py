"""qmail-pw2u against the recorded behaviour of the original. Conformance cases U10, U11."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.decisions import pw2u
from mta.formats import users_assign
from tests.conftest import as_bytes, corpus
from tests.support.call import Result, call, process

CASES = [c for c in corpus("oracle/newu-newmrh-pw2u-tcprules-cdb-multilog-tai64n") if c["tool"] == "qmail-pw2u"]
ALIAS = "alias:x:7790:7790::/nowhere:/bin/sh\n"
ALIAS_LINES = b"+:alias:7790:7790:/nowhere:-::\n=alias:alias:7790:7790:/nowhere:::\n+alias-:alias:7790:7790:/nowhere:-::\n"
ANN = "ann:x:1001:101:Ann:/nowhere:/bin/sh\n"
ANN_LINES = b"=ann:ann:1001:101:/nowhere:::\n+ann-:ann:1001:101:/nowhere:-::\n"


def run(home: Path, argv: list[bytes], passwd: str) -> Result:
    return call("qmail-pw2u", argv, {b"QMAIL_HOME": os.fsencode(home)}, as_bytes(passwd))


def users(home: Path, **files: str) -> Path:
    (home / "users").mkdir(exist_ok=True)
    for name, text in files.items():
        (home / "users" / name).write_bytes(as_bytes(text))
    return home


def out(home: Path, passwd: str = ALIAS + ANN, *argv: bytes) -> bytes:
    result = run(home, [b"-H", *argv], passwd)
    assert (result.code, result.err) == (0, b"")
    return result.out


@pytest.mark.parametrize("case", CASES, ids=lambda c: " ".join(c["args"]))
def test_it_does_what_the_original_did(case: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owners = {b"/home/joe": 7800, b"/home/ann": 7801, b"/root": 0}
    monkeypatch.setattr("mta.programs.qmail.qmail_pw2u._owner", owners.get)
    result = run(tmp_path, [a.encode() for a in case["args"]], str(case["input"]))  # type: ignore[attr-defined]
    assert result == Result(case["rc"], as_bytes(str(case["stdout"])), as_bytes(str(case["stderr"])))  # type: ignore[arg-type]


def test_what_it_makes_can_be_compiled(tmp_path: Path) -> None:
    users(tmp_path, mailnames="ann:ann:ann.lee:\n", subusers="sales:ann:sal:\n", append="=x:x:5:5:/x:::\n")
    users_assign.compile_(out(tmp_path))


# -- whom it takes -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("why", "line"),
    [
        ("root", "root:x:0:0::/nowhere:/bin/sh\n"),
        ("a uid that is no number", "eve:x:x:0::/nowhere:/bin/sh\n"),
        ("a name with a capital", "Eve:x:5:5::/nowhere:/bin/sh\n"),
        ("five colons", "eve:x:5:5::/nowhere\n"),
        ("a NUL", "eve:x:5:5::/no\0where:/bin/sh\n"),
        ("an empty line", "\n"),
    ],
)
def test_it_leaves_out(tmp_path: Path, why: str, line: str) -> None:
    assert out(tmp_path, line + ALIAS) == ALIAS_LINES + b".\n", why


def test_capitals_may_be_taken(tmp_path: Path) -> None:
    lines = b"=Eve:Eve:5:5:/nowhere:::\n+Eve-:Eve:5:5:/nowhere:-::\n"
    assert out(tmp_path, "Eve:x:5:5::/nowhere:/bin/sh\n" + ALIAS, b"-u") == lines + ALIAS_LINES + b".\n"
    assert out(tmp_path, "Eve:x:5:5::/nowhere:/bin/sh\n" + ALIAS, b"-uU") == ALIAS_LINES + b".\n"


def test_the_last_line_need_not_end(tmp_path: Path) -> None:
    assert out(tmp_path, ALIAS + ANN.rstrip("\n")) == ALIAS_LINES + ANN_LINES + b".\n"


@pytest.mark.parametrize(
    ("why", "files", "is_taken"),
    [
        ("it is included", {"include": "# ours\nALIAS\nAnn\n"}, True),
        ("it is not", {"include": "alias\n"}, False),
        ("it is excluded", {"exclude": "ANN\n"}, False),
        ("both", {"include": "ann\nalias\n", "exclude": "ann\n"}, False),
        ("somebody else is excluded", {"exclude": "joe\n"}, True),
    ],
)
def test_lists_choose(tmp_path: Path, why: str, files: dict[str, str], is_taken: bool) -> None:
    assert out(users(tmp_path, **files)) == ALIAS_LINES + (ANN_LINES if is_taken else b"") + b".\n", why


@pytest.mark.parametrize(
    ("option", "home", "result"),
    [
        (b"-o", "missing", b""),
        (b"-o", "foreign", b""),
        (b"-o", "own", b"taken"),
        (b"-h", "missing", None),
        (b"-h", "foreign", b""),
        (b"-h", "own", b"taken"),
        (b"-H", "missing", b"taken"),
        (b"-H", "foreign", b"taken"),
        (b"-hHo", "missing", b""),
    ],
)
def test_home_directories(tmp_path: Path, option: bytes, home: str, result: bytes | None) -> None:
    (tmp_path / "own").mkdir()
    uid = os.getuid() or 12345
    if os.getuid() == 0:
        os.chown(tmp_path / "own", uid, -1)
    (tmp_path / "alias").mkdir()
    alias_uid = os.stat(tmp_path / "alias").st_uid or 1
    if os.getuid() == 0:
        os.chown(tmp_path / "alias", alias_uid, -1)
    path = tmp_path / ("own" if home == "foreign" else home)
    passwd = f"alias:x:{alias_uid}:1::{tmp_path}/alias:\nann:x:{uid if home != 'foreign' else uid + 1}:1::{path}:\n"
    found = run(tmp_path, [option], passwd)
    if result is None:
        assert (found.code, found.err) == (111, b"qmail-pw2u: fatal: unable to stat %b\n" % os.fsencode(path))
    else:
        assert (found.code, b"=ann:" in found.out) == (0, result == b"taken")


def test_a_home_that_cannot_be_looked_at_ends_it(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = run(tmp_path, [], f"ann:x:5:5::{tmp_path}/file/home:\n" + ALIAS)
    assert result == Result(111, b"", b"qmail-pw2u: fatal: unable to stat %b/file/home\n" % os.fsencode(tmp_path))


# -- what it writes ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("why", "argv", "lines"),
    [
        ("another character", [b"-c+"], b"=ann:ann:1001:101:/nowhere:::\n+ann+:ann:1001:101:/nowhere:-::\n"),
        ("only its first octet", [b"-c", b".x"], b"=ann:ann:1001:101:/nowhere:::\n+ann.:ann:1001:101:/nowhere:-::\n"),
        ("none", [b"-C"], b"=ann:ann:1001:101:/nowhere:::\n"),
        ("an empty one is none", [b"-c", b""], b"=ann:ann:1001:101:/nowhere:::\n"),
        ("a folder of their own", [b"-/"], b"=ann:ann:1001:101:/nowhere:::\n+ann-:ann:1001:101:/nowhere:-/::\n"),
    ],
)
def test_extensions(tmp_path: Path, why: str, argv: list[bytes], lines: bytes) -> None:
    assert lines in out(tmp_path, ALIAS + ANN, *argv) and out(tmp_path, ANN + ALIAS, *argv).startswith(lines + b"+:alias:"), why


@pytest.mark.parametrize(
    ("why", "mailnames", "names"),
    [
        ("two names", "Ann:ann:lee:\n", [b"ann", b"lee"]),
        ("empty ones do not count", "ann::::lee::\n", [b"lee"]),
        ("none at all", "ann:\n", []),
        ("the last line wins", "ann:a\nann:b\n", [b"b"]),
        ("a comment", "#ann:lee\n", [b"ann"]),
        ("somebody who does not exist", "joe:lee\n", [b"ann"]),
    ],
)
def test_mailnames_replace_the_name(tmp_path: Path, why: str, mailnames: str, names: list[bytes]) -> None:
    found = out(users(tmp_path, mailnames=mailnames))
    assert [line.split(b":")[0] for line in found.split(b"\n") if b":ann:" in line] == [
        w + n + e for n in names for w, e in ((b"=", b""), (b"+", b"-"))
    ], why


def test_u10_subusers(tmp_path: Path) -> None:
    users(tmp_path, subusers="sales:ANN:sal:\nno colons\none:\ntwo:ann:\nlast:ann::x")
    expected = b"=sales:ann:1001:101:/nowhere:-:sal:\n+sales-:ann:1001:101:/nowhere:-:sal-:\n"
    expected += b"=last:ann:1001:101:/nowhere:-::\n+last-:ann:1001:101:/nowhere:-:-:\n"
    assert out(tmp_path) == ALIAS_LINES + ANN_LINES + expected + b".\n"
    assert b"+sales-" not in out(tmp_path, ALIAS + ANN, b"-C")


def test_a_subuser_of_nobody_ends_it(tmp_path: Path) -> None:
    users(tmp_path, subusers="sales:bo:sal:\n")
    assert run(tmp_path, [b"-H"], ALIAS + ANN) == Result(
        111, ALIAS_LINES + ANN_LINES, b"qmail-pw2u: fatal: unable to find bo user for subuser\n"
    )


def test_u11_what_is_appended_is_copied_as_it_is(tmp_path: Path) -> None:
    assert out(users(tmp_path, append="# a comment\nno newline")).endswith(b"# a comment\nno newline.\n")


# -- trouble -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "complaint"),
    [(n, b"unable to read controls") for n in ("include", "exclude", "mailnames", "subusers", "append")],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str, complaint: bytes) -> None:
    (tmp_path / "users" / name).mkdir(parents=True)
    result = run(tmp_path, [b"-H"], ALIAS)
    assert (result.code, result.err) == (111, b"qmail-pw2u: fatal: %b\n" % complaint)


def test_no_instance_no_input_no_output(tmp_path: Path) -> None:
    assert run(tmp_path / "nowhere", [], ALIAS) == Result(111, b"", b"qmail-pw2u: fatal: unable to chdir\n")
    env = {b"QMAIL_HOME": os.fsencode(tmp_path)}
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        assert call("qmail-pw2u", [], env, stdin_fd=fd) == Result(111, b"", b"qmail-pw2u: fatal: unable to read input\n")
    finally:
        os.close(fd)
    with open("/dev/full", "wb") as full, (tmp_path / "in").open("wb+") as source:
        from mta import runner
        from mta.unix.fds import Fds

        source.write(as_bytes(ALIAS))
        source.seek(0)
        assert runner.call("qmail-pw2u", [b"-H"], env, Fds({0: source.fileno(), 1: full.fileno(), 2: full.fileno()})) == 111


@pytest.mark.parametrize(("argv", "complaint"), [([b"-x"], b"illegal option -- x"), ([b"-c"], b"option requires an argument -- c")])
def test_wrong_options(tmp_path: Path, argv: list[bytes], complaint: bytes) -> None:
    assert process("qmail-pw2u", argv, {b"QMAIL_HOME": os.fsencode(tmp_path)}) == Result(100, b"", b"qmail-pw2u: %b\n" % complaint)


@given(st.binary(max_size=60), st.binary(max_size=30))
def test_any_bytes_make_lines_or_none(line: bytes, sub: bytes) -> None:
    line, sub = line.replace(b"\n", b":"), sub.replace(b"\n", b":")
    found = pw2u.account(line, pw2u.Options(homes=pw2u.Homes.IGNORE), pw2u.Lists(), lambda _home: None)
    assert found is None or found[2].count(b"\n") in (0, 2, 3)
    assert pw2u.subuser(sub, pw2u.Options(), lambda _user: b":u:1:2:/h:").count(b"\n") in (0, 2)
