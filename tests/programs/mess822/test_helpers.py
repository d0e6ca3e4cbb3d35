"""822date, 822field, 822header, 822print, 822received, iftocc, ofmipname: small programs that ask a message something."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mta.formats import cdb
from tests.support.call import Result, call, command

MESSAGE = b"""Return-Path: <ada@x.y>
Received: (qmail 812 invoked from network); 5 Jan 1999 15:00:09 -0000
Received: from a.example (HELO b) (ada@1.2.3.4)
  by  c.example with SMTP id 17 for <bo@h.org>; Tue, 5 Jan 1999 10:00:00 -0500
Date: Tue, 5 Jan 1999 09:59:58 EST
From: Ada <ada@x.y>
To: Bo <Bo@H.org>, friends: cy@h.org, nobody;
Cc: empty: ;
Subject: one
 line \xe9
X-Other: other

body \xe9
"""
READERS = ["822date", "822field", "822header", "822received", "822print", "iftocc"]
WRITERS = [name for name in READERS if name != "iftocc"]


@pytest.fixture(autouse=True)
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "CET-1CEST")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def run(name: str, *argv: bytes, message: bytes = MESSAGE, env: dict[bytes, bytes] | None = None) -> Result:
    return call(name, list(argv), env or {}, message)


def test_822date_says_it_in_three_ways() -> None:
    expected = b"1999-01-05 09:59:58 -0500\n1999-01-05 14:59:58 +0000\nTue Jan  5 15:59:58 1999\n"
    assert run("822date") == Result(0, expected, b"")


def test_822date_takes_the_last_date_of_the_field_that_is_one() -> None:
    assert run("822date", b"RECEIVED").out.startswith(b"1999-01-05 10:00:00 -0500\n")
    assert run("822date", message=b"Date: 5 Jan 1999 10:00 GMT\nDate: today\n").out.startswith(b"1999-01-05 10:00:00 +0000\n")


@pytest.mark.parametrize("message", [b"", b"Subject: x\n\nDate: 5 Jan 1999 10:00 GMT\n", b"Date: today\n"])
def test_822date_without_a_date(message: bytes) -> None:
    assert run("822date", message=message) == Result(100, b"", b"")


def test_822field_prints_the_subject_unless_told_otherwise() -> None:
    assert run("822field") == Result(0, b" one line \xe9\n", b"")
    assert run("822field", b"rEceived").out.count(b"\n") == 2
    assert run("822field", b"Received").out.endswith(
        b"(ada@1.2.3.4)  by  c.example with SMTP id 17 for <bo@h.org>; Tue, 5 Jan 1999 10:00:00 -0500\n"
    )
    assert run("822field", b"body") == Result(100, b"", b"")
    assert run("822field", message=b"Subject:\n") == Result(0, b"\n", b"")


def test_822header_prints_the_header() -> None:
    assert run("822header") == Result(0, MESSAGE.partition(b"\n\n")[0] + b"\n", b"")
    assert run("822header", message=b"To: a\nno field\nTo: b\n") == Result(0, b"To: a\n", b"")
    assert run("822header", message=b"") == Result(0, b"", b"")


def test_822received_prints_the_way_oldest_first() -> None:
    expected = (
        b"Tue Jan  5 16:00:00 1999 from a.example (HELO b) (ada@1.2.3.4) \n"
        b"\t\t\t by c.example with SMTP \n"
        b"\t\t\t id 17 \n"
        b"\t\t\t for <bo@h.org>\n"
        b"\t\t\t ; Tue, 5 Jan 1999 10:00:00 -0500\n"
        b"Tue Jan  5 16:00:09 1999 (qmail 812 invoked from network)\n"
        b"\t\t\t ; 5 Jan 1999 15:00:09 -0000\n"
    )
    assert run("822received") == Result(0, expected, b"")
    assert run("822received", message=b"Received: by x\n").out == b"\t\t\t by x\n"
    assert run("822received", message=b"To: a\n") == Result(0, b"", b"")


def unmarked(text: bytes) -> bytes:
    """Without the marks that pagers show as bold and underlined."""
    out = bytearray()
    for byte in text:
        if byte == 8:
            out.pop()
        else:
            out.append(byte)
    return bytes(out)


def test_822print_lays_the_message_out() -> None:
    printed = run("822print").out
    head, _, body = printed.rpartition(b"\n\n")
    assert body == b"body \xe9\n"
    lines = unmarked(head).split(b"\n")
    assert all(len(line) <= 78 for line in lines)
    assert lines == [
        b"Subject:" + b" one line \\351".rjust(70),
        b"From: Ada" + b"ada@x.y".rjust(69),
        b"Date: Tue, 5 Jan 1999 09:59:58 EST" + b"1999-01-05 15:59:58".rjust(44),
        b"Return-Path:" + b"return ada@x.y".rjust(66),
        b"Received: (qmail 812 invoked from network); 5 Jan 1999 15:00:09 -0000",
        b"Received: from a.example (HELO b) (ada@1.2.3.4)",
        b"  by  c.example with SMTP id 17 for <bo@h.org>; Tue, 5 Jan 1999 10:00:00",
        b" -0500",
        b"-" * 78,
        b"To: Bo" + b"Bo@H.org".rjust(72),
        b"To: friends" + b"cy@h.org".rjust(67),
        b"To:" + b"nobody@".rjust(75),
        b"Cc: empty",
        b"-" * 78,
        b"X-Other: other",
    ]


def test_822print_marks_names_addresses_and_what_is_not_printable() -> None:
    printed = run("822print").out
    assert b"From: _\bA_\bd_\ba" in printed
    assert b"a\bad\bda\ba@\b@x\bx.\b.y\by" in printed
    assert b"_\bo_\bn_\be" in printed and b"\\351\n" in printed
    assert b"_\b\\_\b3_\b5_\b1" in run("822print", message=b"X: \xe9\n").out


def test_822print_breaks_rows_that_are_too_long() -> None:
    lines = unmarked(run("822print", message=b"From: " + b"a" * 60 + b" <" + b"b" * 60 + b"@x.y>\nX: " + b"y" * 80 + b"\n").out).split(
        b"\n"
    )
    assert lines[1:4] == [
        b"From: " + b"a" * 44 + b"  " + b"b" * 26,
        b"a" * 16 + b" " * 24 + b"b" * 34 + b"@x.y",
        b"Date:",
    ]
    assert lines[6:8] == [b"X:", b" " + b"y" * 72]


@pytest.mark.parametrize(
    ("why", "argv", "env", "code"),
    [
        ("in To, in other letters", [b"bo@h.ORG"], {}, 0),
        ("in a group", [b"x@y", b"cy@h.org"], {}, 0),
        ("in From", [b"ada@x.y"], {}, 100),
        ("without operands RECIPIENT", [], {b"RECIPIENT": b"BO@h.org"}, 0),
        ("which operands overrule", [b"x@y"], {b"RECIPIENT": b"bo@h.org"}, 100),
        ("nobody is asked for", [], {}, 100),
        ("a name of a group", [b"friends"], {}, 100),
    ],
)
def test_iftocc(why: str, argv: list[bytes], env: dict[bytes, bytes], code: int) -> None:
    assert run("iftocc", *argv, env=env) == Result(code, b"", b""), why


@pytest.mark.parametrize("name", READERS)
def test_an_input_that_cannot_be_read(name: str) -> None:
    result = call(name, [], {}, stdin_fd=9999)
    assert result == Result(111, b"", b"%b: fatal: unable to read input: file descriptor not open\n" % name.encode())


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk(tmp_path: Path, name: str) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command(name, os.fsencode(tmp_path)), input=MESSAGE, stdout=full, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (111, b"%b: fatal: unable to write output: out of disk space\n" % name.encode())


def test_822print_whose_pager_has_ended(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            command("822print", os.fsencode(tmp_path)), input=MESSAGE, stdout=writing, stderr=subprocess.PIPE, check=False
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


# ---- ofmipname ----


def test_ofmipname_compiles_lines_with_three_colons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = b"# names\na@x:Ada L:ada@y.z:\n\nb@x:Bo:bo@y.z\n#c@x:Cy:cy@y.z:\nd@x::d@y.z:and more: of it\ne@x:E:e@y.z:"
    assert run("ofmipname", b"n.cdb", b"n.tmp", message=text) == Result(0, b"", b"")
    assert os.listdir(tmp_path) == ["n.cdb"]
    assert list(cdb.records((tmp_path / "n.cdb").read_bytes())) == [
        (b"a@x", b"Ada L\0ada@y.z"),
        (b"d@x", b"\0d@y.z"),
        (b"e@x", b"E\0e@y.z"),
    ]


def test_ofmipname_wants_two_names_a_place_and_an_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("ofmipname", b"n.cdb") == Result(100, b"", b"ofmipname: usage: ofmipname cdb tmp\n")
    assert run("ofmipname", b"n.cdb", b"no/t") == Result(111, b"", b"ofmipname: fatal: unable to create no/t: file does not exist\n")
    result = call("ofmipname", [b"n.cdb", b"n.tmp"], {}, stdin_fd=9999)
    assert result == Result(111, b"", b"ofmipname: fatal: unable to read input: file descriptor not open\n")
    assert os.listdir(tmp_path) == []
