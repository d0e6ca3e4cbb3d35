"""maildirserial, maildirsmtp, maildirqmtp. Conformance cases C33 and C35."""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path

import pytest

from tests.support import queue_program
from tests.support.call import Result, call, process

USAGE = b"maildirserial: usage: maildirserial [ -b ] [ -t lifetime ] dir prefix client [ arg ... ]\n"
HEAD = "Return-Path: <{sender}>\nDelivered-To: {recipient}\n"
# answers each name with its first argument, or with nothing; notes the names, and where it stood
CLIENT = """#!{python} -IS
import os, sys
names = sys.stdin.buffer.read().split(b"\\0")[:-1]
with open({log!r}, "ab") as log:
    log.write(b" ".join(names) + b"\\n" + os.getcwdb() + b"\\n")
for name in names:
    for answer in sys.argv[1:2]:
        sys.stdout.buffer.write(name + b"\\0" + os.fsencode(answer) + b"\\n")
sys.exit(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
"""


class Box:
    """A Maildir below an instance, and a client that answers as it is told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.maildir = folder / "box"
        for name in ("tmp", "new", "cur"):
            (self.maildir / name).mkdir(parents=True)
        (folder / "control").mkdir()
        (folder / "control/me").write_bytes(b"h.org\n")
        self.client = folder / "client"
        self.client.write_text(CLIENT.format(python=os.path.realpath(sys.executable), log=str(folder / "log")))
        self.client.chmod(0o755)
        self.env = {b"QMAIL_HOME": os.fsencode(folder), b"PATH": b"/usr/bin:/bin"}
        self.refuse_with(0)

    def refuse_with(self, exit_: int) -> None:
        self.queue = queue_program.make(self.folder / "kept", exit_)
        self.env[b"QMAILQUEUE"] = self.queue.path

    def add(self, name: str, age_s: int = 10, sender: str = "ada@x.y", recipient: str = "pre-bo@z", text: str = "hello\n") -> Path:
        path = self.maildir / name
        path.write_text(HEAD.format(sender=sender, recipient=recipient) + text)
        then = time.time() - age_s
        os.utime(path, (then, then))
        return path

    def run(self, *options: bytes, answer: bytes | None = b"Kok", exit_: int = 0, prefix: bytes = b"pre-") -> Result:
        client = [os.fsencode(self.client)] if answer is None else [os.fsencode(self.client), answer, b"%d" % exit_]
        return call("maildirserial", [*options, os.fsencode(self.maildir), prefix, *client], self.env)

    def offered(self) -> list[bytes]:
        """The names of each run of the client."""
        log = self.folder / "log"
        return log.read_bytes().splitlines()[::2] if log.exists() else []

    def left(self) -> list[str]:
        return sorted(str(p.relative_to(self.maildir)) for p in self.maildir.rglob("*") if p.is_file())


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


def test_what_is_sent_is_removed_oldest_first_from_new_and_cur(box: Box) -> None:
    box.add("new/b", age_s=20)
    box.add("cur/a:2,S", age_s=30)
    box.add("new/c", age_s=10)
    box.add("new/.hidden")
    box.add("new/other", recipient="somebody@z")
    (box.maildir / "new/strange").write_text("no mail of qmail-local's")
    os.utime(box.maildir / "new/strange", (1, 1))
    result = box.run()
    assert result == Result(
        0,
        b"",
        b"maildirserial: info: cur/a:2,S succeeded: ok\n"
        b"maildirserial: info: new/b succeeded: ok\n"
        b"maildirserial: info: new/c succeeded: ok\n",
    )
    assert box.offered() == [b"cur/a:2,S new/b new/c"]
    assert (box.folder / "log").read_bytes().splitlines()[1] == os.fsencode(box.maildir)
    assert box.left() == ["new/.hidden", "new/other", "new/strange"]


def test_without_a_prefix_everything_is_offered(box: Box) -> None:
    box.add("new/a", recipient="somebody@z")
    assert box.run(prefix=b"").code == 0
    assert box.left() == []


def test_nothing_to_send_runs_nothing(box: Box) -> None:
    assert box.run() == Result(0, b"", b"")
    assert box.offered() == []


def test_c33_a_message_of_this_second_waits(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    then = int(box.add("new/a").stat().st_mtime)
    monkeypatch.setattr("mta.unix.clock.now_s", lambda: then)
    assert box.run() == Result(0, b"", b"")
    assert (box.offered(), box.left()) == ([], ["new/a"])
    monkeypatch.setattr("mta.unix.clock.now_s", lambda: then + 1)
    assert box.run().code == 0
    assert (box.offered(), box.left()) == ([b"new/a"], [])


@pytest.mark.parametrize(
    ("why", "answer", "words"),
    [("for now", b"Zlater", b"failed temporarily: later"), ("for good", b"Dnever", b"failed: never")],
)
def test_c35_without_b_what_is_refused_stays(box: Box, why: str, answer: bytes, words: bytes) -> None:
    box.add("new/a")
    assert box.run(answer=answer) == Result(111, b"", b"maildirserial: info: new/a %b\n" % words), why
    assert box.left() == ["new/a"] and box.queue.queued() == []
    assert box.offered() == [b"new/a"]


def test_c35_with_b_what_is_refused_for_good_is_bounced(box: Box) -> None:
    box.add("new/a", text="Subject: x\n\nhello")
    box.add("new/b", sender="", age_s=5)
    box.add("new/c", sender="#@[]", age_s=4)
    result = box.run(b"-b", answer=b"Dno such user")
    assert result.code == 0
    lines = [re.sub(rb"qp \d+", b"qp N", line) for line in result.err.splitlines()]
    assert lines == [
        b"maildirserial: info: new/a bounced: no such user",
        b"maildirserial: info: returned new/a: qp N",
        b"maildirserial: info: new/b bounced: no such user",
        b"maildirserial: info: returned new/b: qp N",
        b"maildirserial: info: new/c bounced: no such user",
        b"maildirserial: info: discarding new/c: triple bounce",
    ]
    assert box.left() == []
    (bounce, envelope), (double, double_envelope) = box.queue.queued()
    assert envelope == b"F\0Tada@x.y\0\0"
    assert re.match(
        rb"Date: .*\nFrom: MAILER-DAEMON@h\.org\nTo: ada@x\.y\nSubject: failure notice\n\nHi\. This is the maildirbounce", bounce
    )
    assert b"\n<bo@z>:\nno such user\n\n--- Below" in bounce
    assert bounce.endswith(b"message.\n\nReturn-Path: <ada@x.y>\nSubject: x\n\nhello")
    assert double_envelope == b"F#@[]\0Tpostmaster@h.org\0\0"
    assert b"the bounce bounced!" in double


def test_control_files_say_where_bounces_come_from_and_go(box: Box) -> None:
    for name, text in (("bouncefrom", "b"), ("bouncehost", "bh.org"), ("doublebounceto", "d"), ("doublebouncehost", "dh.org")):
        (box.folder / "control" / name).write_text(text + "\n")
    box.add("new/a", sender="")
    box.run(b"-b", answer=b"Dno")
    [(bounce, envelope)] = box.queue.queued()
    assert b"\nFrom: b@bh.org\nTo: d@dh.org\n" in bounce and envelope == b"F#@[]\0Td@dh.org\0\0"


@pytest.mark.parametrize(
    ("why", "options", "age_s", "answer", "is_bounced", "words"),
    [
        ("too old", (b"-b", b"-t3600"), 4000, b"Zlater", True, b"bounced: later"),
        ("not too old", (b"-b", b"-t3600"), 3000, b"Zlater", False, b"failed temporarily: later"),
        ("too old, not to be bounced", (b"-t", b"3600"), 4000, b"Zlater", False, b"failed: later"),
        ("no limit", (b"-b",), 4_000_000, b"Zlater", False, b"failed temporarily: later"),
        ("another letter is as good as Z", (b"-b", b"-t3600"), 3000, b"?", False, b"failed temporarily: "),
    ],
)
def test_what_is_refused_too_long(
    box: Box, why: str, options: tuple[bytes, ...], age_s: int, answer: bytes, is_bounced: bool, words: bytes
) -> None:
    box.add("new/a", age_s=age_s)
    result = box.run(*options, answer=answer)
    assert result.err.splitlines()[0] == b"maildirserial: info: new/a " + words, why
    assert box.left() == ([] if is_bounced else ["new/a"])
    if is_bounced:
        assert b":\nlater\nThis message is too old. Giving up.\n\n---" in box.queue.queued()[0][0]


def test_a_bounce_that_cannot_be_queued_leaves_the_message(box: Box) -> None:
    box.add("new/a")
    box.refuse_with(53)
    result = box.run(b"-b", answer=b"Dno")
    assert (result.code, result.err.splitlines()[1:]) == (
        111,
        [b"maildirserial: warning: unable to bounce new/a: qq failed: qq write error or disk full (#4.3.0)"],
    )
    assert box.left() == ["new/a"]


def test_a_client_is_run_again_for_what_it_left_out_and_three_times_in_vain(box: Box) -> None:
    for i in range(5):
        box.add(f"new/{i}", age_s=50 - i)
    lazy = box.folder / "lazy"
    lazy.write_text('#!/bin/sh\necho run >> "$1"\ntr "\\0" "\\n" | head -1 | while read name; do printf "%s\\0Kok\\n" "$name"; done\n')
    lazy.chmod(0o755)
    argv = [os.fsencode(box.maildir), b"pre-", os.fsencode(lazy), os.fsencode(box.folder / "runs")]
    assert call("maildirserial", argv, box.env).code == 0
    assert box.left() == [] and (box.folder / "runs").read_text().count("run") == 5
    box.add("new/a")
    assert box.run(answer=None) == Result(111, b"", b"maildirserial: fatal: making no progress, giving up\n")
    assert box.offered() == [b"new/a"] * 3


def test_a_client_may_say_that_there_is_no_hope(box: Box) -> None:
    box.add("new/a")
    box.add("new/b")
    assert box.run(exit_=100).code == 100
    assert box.left() == []


@pytest.mark.parametrize(
    ("why", "script", "err"),
    [
        ("a signal ends it", "kill -9 $$", b"maildirserial: fatal: client crashed\n"),
        (
            "it says something else",
            "cat /dev/zero | tr '\\0' x | head -c 70000",
            b"maildirserial: fatal: unable to read from client: protocol error\n",
        ),
    ],
)
def test_a_client_that_is_none(box: Box, why: str, script: str, err: bytes) -> None:
    box.add("new/a")
    result = call("maildirserial", [os.fsencode(box.maildir), b"pre-", b"sh", b"-c", script.encode()], box.env)
    assert result == Result(111, b"", err), why
    assert box.left() == ["new/a"]


def test_a_client_that_is_not_there(box: Box) -> None:
    box.add("new/a")
    result = call("maildirserial", [os.fsencode(box.maildir), b"pre-", b"no-such-client"], box.env)
    once = b"maildirserial: fatal: unable to run no-such-client: file does not exist\n"
    assert result == Result(111, b"", once * 3 + b"maildirserial: fatal: making no progress, giving up\n")


def test_a_client_cannot_have_other_files_removed(box: Box) -> None:
    box.add("new/a")
    precious = box.folder / "precious"
    precious.write_text("x")
    script = "cat > /dev/null; printf '../precious\\0Kok\\nnew/a\\0Kok\\nnew/a\\0Kok\\n'"
    result = call("maildirserial", [os.fsencode(box.maildir), b"pre-", b"sh", b"-c", script.encode()], box.env)
    assert result == Result(0, b"", b"maildirserial: info: new/a succeeded: ok\n")
    assert precious.exists()


def test_many_names_and_answers_do_not_wait_for_each_other(box: Box) -> None:
    for i in range(1500):
        box.add(f"new/{'x' * 100}{i}")
    script = "tr '\\0' '\\n' | while read name; do printf '%s\\0Kyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\\n' \"$name\"; done"
    result = call("maildirserial", [os.fsencode(box.maildir), b"", b"sh", b"-c", script.encode()], box.env)
    assert (result.code, result.err.count(b"\n"), box.left()) == (0, 1500, [])


def test_what_lies_in_tmp_for_36_hours_is_removed(box: Box) -> None:
    for name, age_s in (("old", 129_700), ("young", 129_500), (".old", 200_000)):
        path = box.maildir / "tmp" / name
        path.touch()
        os.utime(path, (time.time() - age_s,) * 2)
    box.run()
    assert box.left() == ["tmp/.old", "tmp/young"]


def test_what_cannot_be_removed_is_not_sent_twice_in_one_go(box: Box) -> None:
    box.add("new/a")
    script = "cat > /dev/null; rm new/a; mkdir new/a; printf 'new/a\\0Kok\\n'"
    result = call("maildirserial", [os.fsencode(box.maildir), b"pre-", b"sh", b"-c", script.encode()], box.env)
    warning = b"maildirserial: warning: message will be delivered twice! unable to unlink new/a: is a directory\n"
    assert result.err.splitlines(keepends=True)[1] == warning


@pytest.mark.parametrize(
    ("why", "missing", "text"),
    [
        ("no Maildir", "box", b"unable to chdir to DIR: file does not exist"),
        ("no new", "box/new", b"unable to scan maildir: file does not exist"),
        ("no control", "control", b"unable to read control/: No such file or directory"),
    ],
)
def test_what_is_missing_is_told(box: Box, why: str, missing: str, text: bytes) -> None:
    path = box.folder / missing
    for file in sorted(path.rglob("*"), reverse=True):
        file.unlink() if file.is_file() else file.rmdir()
    path.rmdir()
    text = text.replace(b"DIR", os.fsencode(box.maildir))
    assert box.run() == Result(111, b"", b"maildirserial: fatal: %b\n" % text), why


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        ([], b""),
        ([b"dir"], b""),
        ([b"dir", b"prefix"], b""),
        ([b"-x", b"dir", b"prefix", b"client"], b"maildirserial: illegal option -- x\n"),
        ([b"-t", b"soon", b"dir", b"prefix", b"client"], b""),
    ],
)
def test_wrong_arguments(argv: list[bytes], complaint: bytes) -> None:
    assert call("maildirserial", argv, {}) == Result(100, b"", complaint + USAGE)


# ---- maildirsmtp, maildirqmtp ----


@pytest.mark.parametrize(
    ("name", "argv", "command"),
    [
        ("maildirsmtp", [b"1.2.3.4", b"me.x"], b"-RHl0 -- 1.2.3.4 25 HOME/bin/serialsmtp pre- me.x"),
        ("maildirqmtp", [b"1.2.3.4"], b"-RHl0 -- 1.2.3.4 209 HOME/bin/serialqmtp pre-"),
    ],
)
def test_maildirsmtp_and_maildirqmtp_run_maildirserial_for_two_weeks(box: Box, name: str, argv: list[bytes], command: bytes) -> None:
    (box.folder / "bin").mkdir()
    tcpclient = box.folder / "bin/tcpclient"
    tcpclient.write_text(f'#!/bin/sh\necho "$@" >> {box.folder}/ran\nwhile read -r x; do :; done\nprintf "new/a\\0Zlater\\n"\n')
    tcpclient.chmod(0o755)
    box.add("new/a", age_s=1209500)
    folder = os.fsencode(box.maildir)
    assert call(name, [folder, b"pre-", *argv], box.env).code == 111
    assert (box.folder / "ran").read_bytes() == command.replace(b"HOME", os.fsencode(box.folder)) + b"\n"
    assert box.left() == ["new/a"]
    box.add("new/a", age_s=1209700)
    assert call(name, [folder, b"pre-", *argv], box.env).code == 0
    assert box.left() == [] and len(box.queue.queued()) == 1


def test_another_maildirserial_is_run_as_it_is(box: Box) -> None:
    (box.folder / "bin").mkdir()
    (box.folder / "bin/maildirserial").write_text('#!/bin/sh\necho "$@"\n')
    (box.folder / "bin/maildirserial").chmod(0o755)
    result = process("maildirqmtp", [b"d", b"p", b"h"], box.env)
    home = os.fsencode(box.folder)
    assert result == Result(0, b"-b -t 1209600 -- d p %b/bin/tcpclient -RHl0 -- h 209 %b/bin/serialqmtp p\n" % (home, home), b"")


@pytest.mark.parametrize(
    ("name", "argv", "usage"),
    [
        ("maildirsmtp", [b"d", b"p", b"h"], b"maildirsmtp dir prefix host helohost"),
        ("maildirqmtp", [b"d", b"p"], b"maildirqmtp dir prefix host"),
    ],
)
def test_wrong_arguments_of_theirs(name: str, argv: list[bytes], usage: bytes) -> None:
    assert call(name, argv, {}) == Result(100, b"", b"%b: usage: %b\n" % (name.encode(), usage))
