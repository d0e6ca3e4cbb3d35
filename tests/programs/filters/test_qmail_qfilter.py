"""qmail-qfilter as a process between a caller and the program that queues. Case C62."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support import bin_dir, queue_program
from tests.support.call import Result, command, process
from tests.support.queue_program import QueueProgram

MESSAGE = b"Subject: x\n\nhello\n"
ENVELOPE = b"Fada@example.org\0Tbo@example.net\0Tcy@example.net\0\0"


class Chain:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.queue: QueueProgram = queue_program.make(folder / "queue")

    def run(self, *argv: str, message: bytes = MESSAGE, envelope: bytes = ENVELOPE, env: dict[str, str] | None = None) -> Result:
        """The caller: message on 0, envelope on 1. What filters say on descriptor 2 is in err."""
        for name, data in (("message", message), ("envelope", envelope)):
            (self.folder / name).write_bytes(data)
        whole = {"PATH": "/usr/bin:/bin", "QQF_QMAILQUEUE": os.fsdecode(self.queue.path), "QMAILNAME": "x", **(env or {})}
        words = [*command("qmail-qfilter", os.fsencode(self.folder)), *argv]
        with (self.folder / "message").open("rb") as zero, (self.folder / "envelope").open("rb") as one:
            done = subprocess.run(words, stdin=zero, stdout=one, stderr=subprocess.PIPE, env=whole, check=False)
        return Result(done.returncode, b"", done.stderr)

    def queued(self) -> list[tuple[bytes, bytes]]:
        return self.queue.queued()


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    return Chain(tmp_path)


def shell(text: str) -> list[str]:
    return ["sh", "-c", text]


ROWS = [
    ("C62: one that writes nothing", shell("true"), MESSAGE, ENVELOPE),
    ("no filter at all", [], MESSAGE, ENVELOPE),
    ("another message", ["sed", "s/hello/bye/"], MESSAGE.replace(b"hello", b"bye"), ENVELOPE),
    ("another envelope", shell("sed s/example.net/test/g <&3 >&4"), MESSAGE, ENVELOPE.replace(b"example.net", b"test")),
    ("both", shell("tr a-z A-Z; cat <&3 | sed s/ada/eve/ >&4"), MESSAGE.upper(), ENVELOPE.replace(b"ada", b"eve")),
    ("one after the other", ["sed", "s/hello/bye/", "--", "sed", "s/bye/hi/", "--", "true"], MESSAGE.replace(b"hello", b"hi"), ENVELOPE),
    ("one that reads nothing", shell("echo new"), b"new\n", ENVELOPE),
    ("two dashes at the end", ["sed", "s/hello/bye/", "--"], MESSAGE.replace(b"hello", b"bye"), ENVELOPE),
]


@pytest.mark.parametrize(("why", "argv", "message", "envelope"), ROWS, ids=[row[0] for row in ROWS])
def test_c62_what_a_filter_writes_stands_in_the_place_of_what_it_read(
    why: str, argv: list[str], message: bytes, envelope: bytes, chain: Chain
) -> None:
    assert chain.run(*argv) == Result(0, b"", b"")
    assert chain.queued() == [(message, envelope)]


@pytest.mark.parametrize(
    ("why", "argv", "code"),
    [
        ("C62: dropped", shell("exit 99"), 0),
        ("C62: refused", shell("exit 31"), 31),
        ("not now", shell("exit 71"), 71),
        ("whatever it says", shell("exit 7"), 7),
        ("the second one", ["true", "--", *shell("exit 31"), "--", "true"], 31),
        ("it crashes", shell("kill -9 $$"), 81),
        ("it is not there", ["/none"], 81),
        ("nothing before two dashes", ["--", "true"], 81),
        ("nothing between them", ["true", "--", "--", "true"], 81),
    ],
)
def test_c62_the_exit_code_of_a_filter_decides(why: str, argv: list[str], code: int, chain: Chain) -> None:
    assert chain.run(*argv) == Result(code, b"", b""), why
    assert chain.queued() == []


def test_a_filter_knows_the_envelope(chain: Chain) -> None:
    show = 'echo "$QMAILUSER $QMAILHOST $NUMRCPTS $MSGSIZE $ENVSIZE ${QMAILNAME-unset} $QMAILPPID" >&2; printf "$QMAILRCPTS" >&2'
    result = chain.run(*shell(show))
    assert result.err == b"ada example.org 2 %d %d unset %d\nbo@example.net\ncy@example.net\n" % (len(MESSAGE), len(ENVELOPE), os.getpid())


def test_the_next_filter_knows_what_the_one_before_made_of_it(chain: Chain) -> None:
    change = shell(r"printf 'F\0Tdee\0\0' >&4; echo short")
    show = shell('echo "$QMAILUSER,$QMAILHOST,$NUMRCPTS,$MSGSIZE,$ENVSIZE,$QMAILRCPTS" >&2')
    assert chain.run(*change, "--", *show).err == b",,1,6,8,dee\n\n"


@pytest.mark.parametrize(
    ("sender", "user", "host"), [(b"", "", ""), (b"joe", "joe", ""), (b"a@b@c", "a@b", "c"), (b"#@[]", "#", "[]"), (b"x@", "x", "")]
)
def test_the_parts_of_a_sender(sender: bytes, user: str, host: str, chain: Chain) -> None:
    result = chain.run(*shell('echo "$QMAILUSER,$QMAILHOST" >&2'), envelope=b"F%b\0Tbo\0\0" % sender)
    assert result.err == f"{user},{host}\n".encode()


def test_a_filter_may_name_the_program_that_queues(chain: Chain, tmp_path: Path) -> None:
    other = queue_program.make(tmp_path / "other")
    path = os.fsdecode(other.path)
    assert chain.run(*shell(f"echo {path} >&5"), "--", *shell("wc -c <&5 >&2")).err == b"%d\n" % (len(path) + 1)
    assert (chain.queued(), other.queued()) == ([], [(MESSAGE, ENVELOPE)])


def test_without_a_name_bin_qmail_queue_queues(chain: Chain, tmp_path: Path) -> None:
    bin_dir.install(tmp_path)
    (tmp_path / "bin/qmail-queue").symlink_to(os.fsdecode(chain.queue.path))
    assert chain.run("true", env={"QQF_QMAILQUEUE": ""}).code == 0
    assert chain.queued() == [(MESSAGE, ENVELOPE)]


def test_what_the_queue_says_is_what_we_say(chain: Chain, tmp_path: Path) -> None:
    chain.queue = queue_program.make(tmp_path / "full", 53)
    assert chain.run("true").code == 53
    assert chain.run("true", env={"QQF_QMAILQUEUE": "/none"}).code == 81


@pytest.mark.parametrize(
    ("why", "envelope", "code"),
    [
        ("no envelope", b"", 91),
        ("no sender", b"Tbo\0\0", 91),
        ("not ended", b"Fada", 91),
        ("the caller changed its mind", b"Fada\0Tbo\0", 54),
        ("before its recipients", b"Fada\0", 54),
    ],
)
def test_an_envelope_that_is_none_is_not_queued(why: str, envelope: bytes, code: int, chain: Chain) -> None:
    result = chain.run(*shell("echo ran >&2"), envelope=envelope)
    assert result == Result(code, b"", b""), why
    assert chain.queued() == []


def test_many_recipients_are_no_trouble(chain: Chain) -> None:
    envelope = b"F\0" + b"".join(b"Tuser%d@example.org\0" % n for n in range(20_000)) + b"\0"
    assert chain.run(*shell('echo "$NUMRCPTS ${QMAILRCPTS-unset}" >&2'), envelope=envelope).err == b"20000 unset\n"
    assert chain.queued() == [(MESSAGE, envelope)]


def test_a_large_message_passes_through_files(chain: Chain) -> None:
    message = b"x" * 63 + b"\n"
    message *= 40_000
    assert chain.run("cat", "--", "true", message=message).code == 0
    assert chain.queued() == [(message, ENVELOPE)]


def test_no_file_is_left(chain: Chain, tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    assert chain.run("cat", "--", *shell("exit 31"), env={"TMPDIR": str(tmp_path / "tmp")}).code == 31
    assert list((tmp_path / "tmp").iterdir()) == []


def test_without_a_place_for_files_it_is_trouble(chain: Chain) -> None:
    assert chain.run("cat", env={"TMPDIR": "/none"}).code == 53


@pytest.mark.parametrize(("why", "closed", "code"), [("no message", "<&- 1</dev/null", 53), ("no envelope", ">&- </dev/null", 91)])
def test_closed_descriptors_are_trouble(why: str, closed: str, code: int) -> None:
    line = f'"$@" {closed}'
    assert subprocess.run(["sh", "-c", line, "sh", *command("qmail-qfilter", b"/"), "true"], check=False).returncode == code, why


# -- behind qmail-smtpd


@pytest.mark.parametrize(
    ("code", "reply", "is_queued"),
    [(0, b"250 ok", True), (99, b"250 ok", False), (31, b"554 ", False), (71, b"451 ", False)],
)
def test_c62_what_the_sender_hears(code: int, reply: bytes, is_queued: bool, tmp_path: Path) -> None:
    """By SMTP, QMAILQUEUE being a script as people write it."""
    queue = queue_program.make(tmp_path / "queue")
    (tmp_path / "control").mkdir()
    for name in ("me", "rcpthosts"):
        (tmp_path / "control" / name).write_text("example.org\n")
    folder = bin_dir.install(tmp_path, "qmail-qfilter")
    script = tmp_path / "filter"
    script.write_text(f"#!/bin/sh\nexec {folder}/qmail-qfilter sh -c 'exit {code}'\n")
    script.chmod(0o755)
    env = {
        b"QMAIL_HOME": os.fsencode(tmp_path),
        b"PATH": b"/usr/bin:/bin",
        b"QMAILQUEUE": os.fsencode(script),
        b"QQF_QMAILQUEUE": queue.path,
        b"TCPREMOTEIP": b"192.0.2.1",
    }
    said = b"HELO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<joe@example.org>\r\nDATA\r\n\r\nhello\r\n.\r\nQUIT\r\n"
    lines = process("qmail-smtpd", [], env, said).out.splitlines()
    assert lines[-2].startswith(reply)
    assert bool(queue.queued()) == is_queued
