"""matchup, line by line. Conformance cases C65 and C67."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.decisions.matchup import Matchup
from mta.formats.analog_line import Line
from tests.conftest import CORPORA


def match(*lines: bytes) -> tuple[bytes, bytes]:
    """-> (output, pending)"""
    matchup = Matchup()
    return b"".join(matchup.feed(line + b"\n") for line in lines), matchup.pending()


INFO = b"1.0 info msg 7: bytes 295 from <Joe@X.y> qp 2203 uid 1000"
START = b"2.5 starting delivery 3: msg 7 to local Ann@Here.net"


def test_a_message_and_its_deliveries() -> None:
    out, pending = match(
        b"0.9 new msg 7",
        INFO,
        START,
        b"2.6 status: local 1/10 remote 0/20",
        b"3.0 delivery 3: deferral: later/",
        b"4.0 starting delivery 4: msg 7 to remote bo@y",
        b"4.5 starting delivery 5: msg 7 to remote cy@y",
        b"5.0 delivery 5: failure: no_such_user/",
        b"6.0 delivery 4: success: did_1+0+0/",
        b"7.0 end msg 7",
    )
    assert out == (
        b"d z 1.0 2.5 3.0 295 <joe@x.y> local.ann@here.net 2203 1000 later/\n"
        b"d d 1.0 4.5 5.0 295 <joe@x.y> remote.cy@y 2203 1000 no_such_user/\n"
        b"d k 1.0 4.0 6.0 295 <joe@x.y> remote.bo@y 2203 1000 did_1+0+0/\n"
        b"m 1.0 7.0 295 1 1 1 <joe@x.y> 2203 1000\n"
    )
    assert pending == b""


def test_c65_successes_failures_deferrals_and_bounces() -> None:
    deliveries = []
    for number, word in enumerate((b"success", b"success", b"success", b"failure", b"failure", b"deferral"), 1):
        deliveries += [b"2 starting delivery %d: msg 7 to local a@b" % number, b"3 delivery %d: %b: x/" % (number, word)]
    out, _ = match(INFO, *deliveries, b"4 bounce msg 7 qp 9", b"5 triple bounce: discarding bounce/7", b"6 end msg 7")
    assert out.endswith(
        b"? 4 bounce msg 7 qp 9\n? 5 triple bounce: discarding bounce/7\nm 1.0 6 295 3 2 1 <joe@x.y> 2203 1000\n",
    )


def test_c67_a_message_whose_birth_stood_in_another_log() -> None:
    out, _ = match(START, b"3.0 delivery 3: success: did_1+0+0/")
    assert out == b"d k 2.5 2.5 3.0 0 ? local.ann@here.net ? ? did_1+0+0/\n"


@pytest.mark.parametrize(
    ("why", "lines", "out"),
    [
        ("warnings and alerts as they are", (b"1 warning: trouble  here", b"2 alert: oh"), b"1 warning: trouble  here\n2 alert: oh\n"),
        ("what is not known", (b"1 hello", b"2", b""), b"? 1 hello\n? 2\n? \n"),
        ("what says nothing", (b"1 status: exiting", b"2 number of x", b"3 local x", b"4 remote x"), b""),
        ("a delivery that began elsewhere", (INFO, b"3 delivery 3: success: x/"), b""),
        ("an end that began elsewhere", (b"3 end msg 7",), b""),
        ("a report that is mangled", (INFO, START, b"3 delivery 3: report mangled, will defer"),
         b"d z 1.0 2.5 3 295 <joe@x.y> local.ann@here.net 2203 1000 report_mangled\n"),
        ("a new message of that number", (INFO, b"2 new msg 7", START, b"3 delivery 3: success: x/"),
         b"d k 2.5 2.5 3 0 ? local.ann@here.net ? ? x/\n"),
        ("qmail-send began again", (INFO, START, b"3 running", b"4 delivery 3: success: x/"), b""),
        ("qmail-send ended", (INFO, START, b"3 exiting", b"4 delivery 3: success: x/"), b""),
        ("a report of nothing", (INFO, START, b"3 delivery 3: success: "),
         b"d k 1.0 2.5 3 295 <joe@x.y> local.ann@here.net 2203 1000 \n"),
    ],
)  # fmt: skip
def test_lines_of_all_kinds(why: str, lines: tuple[bytes, ...], out: bytes) -> None:
    assert match(*lines)[0] == out, why


def test_labels_of_tai64n_become_seconds() -> None:
    out, pending = match(
        b"@4000000037c219bf2ef02e94 info msg 7: bytes 1 from <a> qp 2 uid 3",
        b"@4000000037c219c02ef02e94 starting delivery 3: msg 7 to local b",
        b"@4000000037c219c100000000 delivery 3: success: x/",
    )
    assert out == b"d k 935467445.787492500 935467446.787492500 935467447.000000000 1 <a> local.b 2 3 x/\n"
    assert pending.startswith(b"935467445.787492500 info msg 7: ")


def test_what_is_pending_is_read_before_the_next_log() -> None:
    log = [
        INFO,
        START,
        b"3 delivery 3: deferral: later/",
        b"4 starting delivery 4: msg 7 to remote bo@y",
        b"5 delivery 4: success: ok/",
        b"6 end msg 7",
    ]
    whole, _ = match(*log)
    for cut in range(len(log) + 1):
        first, pending = match(*log[:cut])
        second, _ = match(*pending.splitlines(), *log[cut:])
        assert first + second == whole, cut


def test_pending_lines() -> None:
    _, pending = match(
        INFO,
        START,
        b"3 delivery 3: deferral: x/",
        b"4 starting delivery 4: msg 7 to remote Bo@y",
        b"4 starting delivery 5: msg 7 to remote cy@y",
    )
    assert pending == (
        b"1.0 info msg 7: bytes 295 from <joe@x.y> qp 2203 uid 1000\n1.0 extra 7 0 1 0\n"
        b"4 starting delivery 4: msg 7 to remote bo@y\n4 starting delivery 5: msg 7 to remote cy@y\n"
    )


def test_the_totals_of_a_long_log() -> None:
    folder = CORPORA / "log/synthetic-qmail-send"
    if not folder.exists():
        pytest.skip(f"{folder} is absent: recorded logs are not beside this checkout")
    truth: dict[str, Any] = json.loads((folder / "seed1.truth.json").read_text())
    matchup = Matchup()
    lines = [Line(matchup.feed(line)) for line in (folder / "seed1.log").read_bytes().splitlines(keepends=True)]
    messages = [line for line in lines if line.is_message]
    assert len(messages) == truth["messages"]
    assert sum(line.number(4) for line in messages) == truth["bytes"]
    for letter, word in ((b"k", "success"), (b"d", "failure"), (b"z", "deferral")):
        assert sum(line.is_outcome(letter) for line in lines) == truth[word]
    assert matchup.pending() == b""


words = st.sampled_from(
    [b"info msg", b"7:", b"3:", b"starting delivery", b"delivery", b"success:", b"end msg", b"7", b"extra", b"x", b"new msg"]
)


@given(st.one_of(st.binary(max_size=60), st.lists(words, max_size=12).map(b" ".join)))
def test_any_line_is_a_line(line: bytes) -> None:
    out, pending = match(INFO, START, b"9 " + line.replace(b"\n", b" "))
    assert out == b"" or out.endswith(b"\n")
    assert pending == b"" or pending.endswith(b"\n")
