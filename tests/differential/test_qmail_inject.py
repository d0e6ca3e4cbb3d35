"""qmail-inject beside the original on the same random headers (case X06): same message, envelope, complaint and exit.

The original is looked for in ORIGINAL_QMAIL/bin, /var/qmail without that variable. Both programs read the control files of that home;
nothing there is written. Without an original the test is skipped with a word.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
from pathlib import Path

import pytest

from mta.unix.warm import OURS
from tests.support import original, queue_program
from tests.support.call import Result, call

HOME = Path(os.environ.get("ORIGINAL_QMAIL", "/var/qmail"))
ORIGINAL = HOME / "bin/qmail-inject"
ROUNDS, MESSAGES = original.rounds(8, 80), 25

BITS = [
    "joe", "a", "b+", "x.y", "+", "é", "q)", "w]", "a\\ b", '"q s"', '"a\\"b"', "[1.2.3.4]", "[]", "(c)", "(c (d) e)", "(c\\)",
    "((", '"', "[",
    ")", "@", ".", ",", "<", ">", ":", ";", " ", "\n ", "\n\t", "<joe@x.y>", "Jim <jim@x>", "g: a, b;", "grp:;", "@r1,@r2:", "user@host",
    "longusername12345@longhost.example.org", "z", "!#$", "=?utf-8?q?x?=", "a@b@c", "a@b.", "a@b..", "x@[]", "x@y+",
]  # fmt: skip
ADDRESSES = [
    "joe", "ann@x", "Jim Q <jim@foo.bar>", '"A, B" <ab@h>', "x@y (comment)", "g: a, b@c;", "user@longer.host.example.com",
    "<@r:z@q>", "a b c",
]  # fmt: skip
NAMES = [
    "To", "To", "To", "Cc", "Cc", "Bcc", "From", "Sender", "Reply-To", "Return-Path", "Apparently-To", "Resent-To", "Resent-Cc",
    "Resent-Bcc",
    "Resent-From", "Resent-Date", "Errors-To", "Return-Receipt-To", "Subject", "Date", "Message-ID", "Content-Length", "X-Foo", "to", "TO ",
    "Mail-Followup-To", "Bad Name", "Ba\xe9", "", "Notice-Requested-Upon-Delivery-To",
]  # fmt: skip
ARGUMENTS = [
    [], [], [], ["-h"], ["-H", "x"], ["-a"], ["-a", "joe", "a b@c"], ["-n"], ["-nfjoe"], ["-f", 'a"b@c'], ["-f", ""], ["-f", "#@[]"],
    ["-f", "x@y+"], ["joe"], ["joe", "ann@host+", '"x"@y'], ["--", "-x"], ["-x"], ["-f"], ["-", "z"], ["a@b(", "z"], ["-N", "-n", "-h"],
]  # fmt: skip
VARIABLES = [
    {}, {}, *({"QMAILINJECT": letters} for letters in ("c", "s", "f", "i", "r", "m", "rm", "csfirm")), {"NAME": "Joe Q. User"},
    {"MAILUSER": ""},
    {"NAME": 'J (x) "y" \\', "QMAILINJECT": "c"}, {"QMAILHOST": "[1.2.3.4]"}, {"QMAILHOST": "h+", "QMAILUSER": "a b"}, {"MAILHOST": "a, b"},
    {"QMAILSUSER": "bounce", "QMAILSHOST": "b.test"}, {"QMAILDEFAULTHOST": "dh", "QMAILPLUSDOMAIN": "pd(x)"}, {"QMAILHOST": "x("},
]  # fmt: skip


def message(rng: random.Random) -> bytes:
    lines = []
    for _ in range(rng.randrange(8)):
        if rng.random() < 0.5:
            value = "".join(rng.choice(BITS) + rng.choice(["", "", " "]) for _ in range(rng.randrange(rng.choice([4, 10, 30]))))
        else:
            value = ", ".join(rng.choice(ADDRESSES) for _ in range(rng.randrange(1, 12)))
        lines.append(rng.choice(NAMES) + rng.choice([": ", ":", " : "]) + value + rng.choice(["\n"] * 8 + ["\r\n"]))
    end = rng.choice(["\n", "\n", "", "\r\n", " \n"]) + rng.choice(["body\n", "", "body", "a: b\nc"])
    return ("".join(lines) + end).encode("latin-1")


def masked(text: bytes) -> bytes:
    """Without what depends on the clock and the process."""
    text = re.sub(rb"Date: \d+ \w+ \d+ [\d:]+ -0000", b"Date: NOW", text)
    return re.sub(rb"-\d{10}\.\d+", b"-NOW.PID", re.sub(rb"<\d{14}\.\d+\.qmail@", b"<NOW.PID.qmail@", text))


def outcome(result: Result, queue: queue_program.QueueProgram) -> tuple[object, ...]:
    """Ours ends every complaint with a newline; the original does not where the text in question has none."""
    queued = [(masked(text), masked(envelope)) for text, envelope in queue.queued()]
    return result.code, masked(result.out), result.err.rstrip(b"\n"), queued


@pytest.mark.skipif(not ORIGINAL.exists() or OURS in ORIGINAL.read_bytes()[:4096], reason=f"{ORIGINAL} is not there, or is our own")
@pytest.mark.parametrize("seed", range(ROUNDS))
def test_x06_it_does_what_the_original_does_with_random_headers(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    for n in range(MESSAGES):
        text, arguments = message(rng), [word.encode() for word in rng.choice(ARGUMENTS)]
        theirs, ours = (queue_program.make(tmp_path / f"{n}-{who}") for who in ("theirs", "ours"))
        env = {b"USER": b"joe", **{k.encode(): v.encode("latin-1") for k, v in rng.choice(VARIABLES).items()}}
        original.TRIED["qmail-inject"] += 1
        done = subprocess.run([ORIGINAL, *arguments], input=text, env={**env, b"QMAILQUEUE": theirs.path}, capture_output=True, check=False)
        expected = outcome(Result(done.returncode, done.stdout, done.stderr), theirs)
        found = outcome(call("qmail-inject", arguments, {**env, b"QMAIL_HOME": os.fsencode(HOME), b"QMAILQUEUE": ours.path}, text), ours)
        if b"NUL, CR or LF" not in found[2]:  # type: ignore[operator]  # docs/quirks.md: an address with one of them is refused
            assert found == expected, (text, arguments, env)
