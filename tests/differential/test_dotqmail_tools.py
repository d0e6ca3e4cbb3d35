"""The small programs beside the originals: same output, complaints, exit and queued bytes on the same random input.

The originals are looked for in ORIGINAL_QMAIL/bin, /var/qmail without that variable. Without them the tests are skipped with a word.
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
from tests.support.call import Result, command
from tests.support.local_home import maildir

HOME = Path(os.environ.get("ORIGINAL_QMAIL", "/var/qmail"))
ROUNDS, INPUTS = original.rounds(4, 12), 25
LINES = {
    b"SENDER": b"a b@x.y",
    b"NEWSENDER": b"owner@x.y",
    b"DTLINE": b"Delivered-To: joe@x.y\n",
    b"RPLINE": b'Return-Path: <"a b"@x.y>\n',
    b"UFLINE": b"From a-b@x.y Sat Jan 03 01:05:34 1996\n",
}
TOOLS = (
    "qmail-qmqpd",
    "qmail-qmtpd",
    "bouncesaying",
    "condredirect",
    "except",
    "forward",
    "maildir2mbox",
    "predate",
    "preline",
    "qmail-pw2u",
    "qreceipt",
)


def is_original(name: str) -> bool:
    path = HOME / "bin" / name
    return path.exists() and os.access(path, os.R_OK) and OURS not in path.read_bytes()[:4096]


pytestmark = pytest.mark.skipif(
    not all(map(is_original, TOOLS)), reason=f"the originals are not in {HOME}/bin, or what is there is our own"
)


class Pair:
    """The same call of ours and of the original, each with a queue of its own."""

    def __init__(self, path: Path, message: bytes) -> None:
        self.path = path
        self.message = message
        self.env = {b"QMAIL_HOME": os.fsencode(HOME), b"PATH": b"/usr/bin:/bin", b"TZ": b"Asia/Kolkata", **LINES}

    def outcome(self, name: str, argv: list[bytes], *, is_ours: bool) -> tuple[Result, list[tuple[bytes, bytes]]]:
        folder = self.path / ("ours" if is_ours else "original")
        folder.mkdir(exist_ok=True)
        queue = queue_program.make(folder)
        words = command(name, os.fsencode(HOME)) if is_ours else [str(HOME / "bin" / name)]
        original.TRIED[name] += not is_ours
        source = folder / "message"
        source.write_bytes(self.message)
        with source.open("rb") as stdin:
            env = {**self.env, b"QMAILQUEUE": queue.path}
            done = subprocess.run([*words, *argv], stdin=stdin, env=env, capture_output=True, check=False)
        found = Result(done.returncode, masked(done.stdout), masked(done.stderr))
        queued = [(re.sub(rb"; \d+ \w{3} \d{4} [\d:]{8} -0000", b"; NOW", text), envelope) for text, envelope in queue.queued()]
        for file in folder.glob("*.message"):
            file.unlink()
        return found, queued

    def check(self, name: str, argv: list[bytes]) -> None:
        ours, theirs = self.outcome(name, argv, is_ours=True), self.outcome(name, argv, is_ours=False)
        assert ours == theirs, (name, argv, self.message)


def masked(text: bytes) -> bytes:
    """Without what depends on the clock and the process."""
    text = re.sub(rb"\d+:Kok \d+ qp \d+", b"Kok NOW qp N", text)
    return re.sub(rb"qp \d+", b"qp N", re.sub(rb"(?m)^Date: \d+ \w{3} \d{4} [\d:]{8} ", b"Date: NOW ", text))


BITS = [b"a", b"b@x.y", b": ", b", ", b"\n", b"\n", b" ", b"\t", b"<", b">", b"(c)", b'"q s"', b"joe@x.y", b"\xe9", b"\0", b"From ", b"("]
NAMES = [b"Subject", b"To", b"Message-ID", b"Notice-Requested-Upon-Delivery-To", b"notice-requested-upon-delivery-to", b"Bad Name", b"From"]


def message(rng: random.Random) -> bytes:
    head = b"".join(
        rng.choice(NAMES) + rng.choice([b": ", b":", b" : "]) + b"".join(rng.choices(BITS, k=rng.randrange(8))) + b"\n"
        for _ in range(rng.randrange(6))
    )
    body = b"".join(rng.choices(BITS, k=rng.randrange(30)))
    return head + rng.choice([b"\n", b"\n", b""]) + body + b"x" * rng.choice([0, 0, 10000, 100000]) + rng.choice([b"\n", b""])


PROGRAMS = [
    [b"true"], [b"false"], [b"cat"], [b"sh", b"-c", b"exit 99"], [b"sh", b"-c", b"exit 100"], [b"sh", b"-c", b"exit 111"],
    [b"sh", b"-c", b"kill -9 $$"], [b"sh", b"-c", b"cat; echo oops >&2; exit 3"], [b"no-such-program"], [b"/"], [b"./x"],
    [b"grep", b"-c", b"a"], [],
]  # fmt: skip


READERS = [[b"cat"], [b"grep", b"-c", b"a"], [b"no-such-program"], [b"/"], [b"./x"]]


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_programs_that_run_programs(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    for _ in range(INPUTS):
        pair = Pair(tmp_path, message(rng))
        program = rng.choice(PROGRAMS)
        pair.check("bouncesaying", [b"no \xe9", *program])
        pair.check("except", program)
        pair.check("condredirect", [b"bo@b.c", *program])
        # one that cannot be run and a message larger than a pipe: who is first to complain is chance
        reader = rng.choice(READERS if len(pair.message) < 8000 else READERS[:2])
        pair.check("preline", [*rng.choice([[], [b"-f"], [b"-rd"], [b"-frd"], [b"-fF"], [b"--"]]), *reader])
        pair.check("predate", reader)


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_programs_that_queue(seed: int, tmp_path: Path) -> None:
    rng = random.Random(100 + seed)
    for _ in range(INPUTS):
        pair = Pair(tmp_path, message(rng))
        pair.check("forward", rng.choice([[], [b"bo@b.c"], [b"bo@b.c", b"no at"]]))
        for variable in rng.choices([None, b"SENDER", b"DTLINE", b"NEWSENDER"], weights=[7, 1, 1, 1]):
            pair.env.pop(variable or b"", None)
        pair.check("qreceipt", rng.choice([[b"joe@x.y"], [b"joe@x.y"], [b"b@x.y"], [b"a"], []]))
        pair.check("forward", [b"bo@b.c"])


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_maildir2mbox(seed: int, tmp_path: Path) -> None:
    """But for a last line that does not end, which the original loses (docs/quirks.md)."""
    rng = random.Random(200 + seed)
    for i in range(INPUTS):
        boxes = []
        data = [rng.choice([b"", b"Return-Path: <a b>\n", b"Return-Path: <>\n", b"Return-Path: <x\n"]) + message(rng) for _ in range(4)]
        for who in ("ours", "original"):
            folder = tmp_path / f"{i}{who}"
            folder.mkdir()
            maildir(folder / "Maildir")
            (folder / "box").write_bytes(b"From old\n\nold\n\n")
            for n, text in enumerate(data):
                path = folder / "Maildir" / ("new" if n % 2 else "cur") / f"{n}"
                path.write_bytes(text if text.endswith(b"\n") or not text else text + b"\n")
                os.utime(path, (10**9 + n, 10**9 + n))
            env = {b"MAILDIR": folder / "Maildir", b"MAIL": folder / "box", b"MAILTMP": folder / "tmp"}
            original.TRIED["maildir2mbox"] += who == "original"
            words = command("maildir2mbox", b"/nowhere") if who == "ours" else [str(HOME / "bin/maildir2mbox")]
            done = subprocess.run(words, env={**env, b"QMAIL_HOME": b"/nowhere"}, capture_output=True, check=False)
            boxes.append((done.returncode, done.stdout, done.stderr, (folder / "box").read_bytes()))
        assert boxes[0] == boxes[1], data


ACCOUNTS = [
    b"alias:x:7790:7790::/:/bin/sh", b"ann:x:1001:101::/nonexistent:/bin/sh", b"Bo:x:1002:101::/:/bin/sh", b"root:x:0:0::/root:/bin/sh",
    b"daemon:x:1:1::/usr/sbin:/bin/sh", b"x:y", b"", b"cy:x:12a:7::/:/bin/sh", b"dee:x:5:5:::", b"a:b:c:d:e:f:g:h:i", b"e\0e:x:5:5::/:x",
]  # fmt: skip


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_qmail_pw2u(seed: int, tmp_path: Path) -> None:
    rng = random.Random(300 + seed)
    for _ in range(INPUTS):
        text = b"\n".join(rng.choices(ACCOUNTS, k=rng.randrange(1, 9))) + rng.choice([b"\n", b""])
        options = rng.choice([[], [b"-H"], [b"-H"], [b"-Hu"], [b"-H", b"-c+"], [b"-HC"], [b"-H/"], [b"-h"], [b"-o"], [b"-x"], [b"-c"]])
        Pair(tmp_path, text).check("qmail-pw2u", options)


BODIES = [b"0:,", b"1:\n,", b"2:\nb,", b"5:\ra\r\n,", b"2:\r\r,", b"0002:\nb,", b"3:abc,", b"12", b":,"]
ADDRESSES = [
    b"0:,", b"3:a@x,", b"1:\0,", b"6:3:joe,,", b"12:3:joe,3:a@b,,", b"7:4:j\0e@,,", b"9:1:\0,2:bb,,", b":,", b"8:3:joe,0:,,", b"12", b":",
    b",", b"9", b"1001:" + b"a" * 1001 + b",", b"1007:1000:" + b"a" * 1000 + b",,", b"8:3:joe,1,", b"003:joe,",
]  # fmt: skip


def message_of(rng: random.Random) -> bytes:
    """No line breaks in addresses, which ours refuses (docs/quirks.md)."""
    return rng.choice(BODIES) + b"".join(rng.choices(ADDRESSES, k=rng.choice([2, 2, 2, 1, 3])))


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_qmtp_and_qmqp(seed: int, tmp_path: Path) -> None:
    """Of relay clients: without rcpthosts the original relays for everybody, and ours for nobody (docs/quirks.md)."""
    rng = random.Random(400 + seed)
    for _ in range(INPUTS * 2):
        data = message_of(rng)
        pair = Pair(tmp_path, rng.choice([data, b"%d:%b," % (len(data), data), b"%d:%b," % (len(data), data)]))
        pair.check("qmail-qmqpd", [])
        data = b"".join(message_of(rng) for _ in range(rng.choice([1, 1, 2])))
        pair = Pair(tmp_path, data)
        pair.env |= {b"RELAYCLIENT": rng.choice([b"", b"@fix"]), b"DATABYTES": rng.choice([b"0", b"1", b"3"])}
        ours, theirs = (pair.outcome("qmail-qmtpd", [], is_ours=is_ours) for is_ours in (True, False))
        if ours[0].code == 100:  # there a recipient's length may hold other bytes than digits, and the last answers are not sent
            assert theirs[0].code in (0, 100, 111) and ours[0].out.startswith(theirs[0].out) and ours[1] == theirs[1], data
        else:
            assert ours == theirs, data
