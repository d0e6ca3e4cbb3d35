"""The programs whose names begin with z and x. Conformance case C68; what reports say is told in tests/decisions/test_analog."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from mta.decisions import analog
from tests.support.call import Result, call, command

DELIVERY = b"d k 901967408.116537 901967408.120000 901967408.320000 295 <joe@x.y> local.ann@here.net 2203 1000 did_1+0+0/\n"
DEFERRAL = b"d z 901967408.116537 901967408.120000 901967408.320000 295 <bo@x.y> remote.cy@y 2204 1000 later/\n"
MESSAGE = b"m 901967408.116537 901967409.116537 295 1 1 2 <joe@x.y> 2203 1000\n"
OTHERS = b"? 901967408.5 bounce msg 2203 qp 7\n901967408.6 warning: <joe@x.y>\n"
LINES = DELIVERY + DEFERRAL + OTHERS + MESSAGE
REPORTS = ["zddist", "zdeferrals", "zfailures", "zoverall", "zrecipients", "zrhosts", "zrxdelay", "zsenders", "zsuccesses", "zsuids"]
FILTERS = {"xsender": b"joe@x.y", "xrecipient": b"remote.cy@y", "xqp": b"2203"}
PLAIN = [*REPORTS, "zsendmail"]


def test_c68_zsendmail() -> None:
    assert call("zsendmail", [], {}, LINES) == Result(
        0,
        b"901967408.320000 qp 2203: to=local.ann@here.net, uid=1000, ddelay=0.203463, xdelay=0.200000, stat=Sent (did_1+0+0/)\n"
        b"901967408.320000 qp 2204: to=remote.cy@y, uid=1000, ddelay=0.203463, xdelay=0.200000, stat=Deferred (later/)\n" + OTHERS +
        b"901967409.116537 qp 2203: from=<joe@x.y>, uid=1000, size=295, nrcpts=2, deferrals=2, qtime=1.000000\n",
        b"",
    )  # fmt: skip


def test_zsendmail_says_what_failed() -> None:
    assert b"stat=Failed (no/)" in call("zsendmail", [], {}, b"d d 1 1 2 5 <a> local.b 1 1 no/\n").out


@pytest.mark.parametrize(("name", "expected"), [("xsender", DELIVERY + MESSAGE), ("xrecipient", DEFERRAL), ("xqp", DELIVERY + MESSAGE)])
def test_filters_pass_lines_as_they_are(name: str, expected: bytes) -> None:
    assert call(name, [FILTERS[name]], {}, LINES) == Result(0, expected, b"")
    assert call(name, [b"nobody"], {}, LINES) == Result(0, b"", b"")


def test_a_last_line_without_its_newline_counts() -> None:
    assert call("xqp", [b"2203"], {}, LINES.rstrip()).out == DELIVERY + MESSAGE
    assert b"Completed messages: 1\n" in call("zoverall", [], {}, LINES.rstrip()).out


def test_there_is_a_program_for_each_report() -> None:
    assert sorted(analog.REPORTS) == REPORTS


@pytest.mark.parametrize("name", REPORTS)
def test_each_report_is_what_its_name_says(name: str) -> None:
    made = analog.REPORTS[name]()
    for line in LINES.splitlines(keepends=True):
        made.feed(analog.Line(line))
    assert call(name, [], {}, LINES) == Result(0, made.write(most_first=False), b"")
    assert call(name, [b"-r"], {}, LINES).out == made.write(most_first=True)


@pytest.mark.parametrize("name", REPORTS)
def test_wrong_arguments_of_reports(name: str) -> None:
    usage = b"%b: usage: %b [ -r ]\n" % (name.encode(), name.encode())
    assert call(name, [b"-x"], {}) == Result(100, b"", b"%b: illegal option -- x\n%b" % (name.encode(), usage))
    assert call(name, [b"file"], {}) == Result(100, b"", usage)


@pytest.mark.parametrize(("name", "words"), [("xsender", b"sender"), ("xrecipient", b"recipient"), ("xqp", b"qp")])
def test_wrong_arguments_of_filters(name: str, words: bytes) -> None:
    usage = b"%b: usage: %b %b\n" % (name.encode(), name.encode(), words)
    assert call(name, [], {}) == Result(100, b"", usage)
    assert call(name, [b"a", b"b"], {}) == Result(100, b"", usage)


def test_wrong_arguments_of_zsendmail() -> None:
    assert call("zsendmail", [b"x"], {}) == Result(100, b"", b"zsendmail: usage: zsendmail\n")


@pytest.mark.parametrize("name", [*PLAIN, *FILTERS])
def test_an_input_that_cannot_be_read(name: str) -> None:
    argv = [FILTERS[name]] if name in FILTERS else []
    result = call(name, argv, {}, stdin_fd=9999)
    assert result == Result(111, b"", b"%b: fatal: unable to read input: file descriptor not open\n" % name.encode())


@pytest.mark.parametrize("name", ["zoverall", "zsendmail", "xqp"])
def test_a_full_disk_and_a_reader_that_has_seen_enough(name: str, tmp_path: Path) -> None:
    argv = [FILTERS[name]] if name in FILTERS else []
    run = [*command(name, os.fsencode(tmp_path)), *argv]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(run, input=LINES, stdout=full, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (111, b"%b: fatal: unable to write output: out of disk space\n" % name.encode())
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(run, input=LINES, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")
