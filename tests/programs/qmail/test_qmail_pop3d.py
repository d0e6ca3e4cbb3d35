"""qmail-pop3d as a real process, against the recorded behaviour of the original; conformance cases N06-N12 in both of their homes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mta.net.pop3.state import CLASSIC
from tests.conftest import as_bytes, corpus
from tests.support import unprivileged
from tests.support.call import call, command
from tests.support.pop3_model import Model


class Pop3d:
    """A home with a Maildir, and the program run in it by a user that is not root."""

    def __init__(self, home: Path) -> None:
        self.home = home
        for name in ("new", "cur", "tmp"):
            (home / "Maildir" / name).mkdir(parents=True)

    def put(self, path: str, text: bytes, mtime_s: int) -> None:
        file = self.home / "Maildir" / path
        file.write_bytes(text)
        os.utime(file, (mtime_s, mtime_s))

    def run(self, said: bytes, *argv: str, profile: str | None = None) -> tuple[int, bytes, bytes]:
        """-> (exit code, output, descriptor 2)"""
        unprivileged.give(self.home)
        ran = subprocess.run(
            [*command("qmail-pop3d", os.fsencode(self.home)), *(argv or ("Maildir",))],
            input=said,
            capture_output=True,
            cwd=self.home,
            env={"PYTHONDONTWRITEBYTECODE": "1", **({"POP3_PROFILE": profile} if profile else {})},
            check=False,
            **unprivileged.become(),  # type: ignore[call-overload]
        )
        return ran.returncode, ran.stdout, ran.stderr

    def files(self) -> list[str]:
        return sorted(f"{f}/{n}" for f in ("new", "cur") for n in os.listdir(self.home / "Maildir" / f))


@pytest.fixture
def pop3d() -> Iterator[Pop3d]:
    with unprivileged.folder() as home:
        yield Pop3d(home)


def lines(*said: str) -> bytes:
    return b"".join(as_bytes(line) + b"\r\n" for line in said)


@pytest.mark.parametrize(
    "case", [c for c in corpus("oracle/qmail-pop3d-popup") if not c["name"].startswith("popup")], ids=lambda c: c["name"]
)
def test_it_does_what_the_original_did(pop3d: Pop3d, case: dict[str, Any]) -> None:
    for n, (path, text) in enumerate(case["files"]):
        pop3d.put(path, as_bytes(text), 1_000_000 + n)
    assert pop3d.run(lines(*case["input"])) == (case["rc"], as_bytes(case["output"]), b"")
    assert pop3d.files() == sorted(case["after"])


# id and why, files, lines said, what is answered after the greeting, files afterwards
CONFORMANCE = [
    (
        "N06 a message without its final newline is completed, and an empty line follows",
        {"new/1.h": b"S: 1\n\nend"},
        ["RETR 1"],
        b"+OK \r\nS: 1\r\n\r\nend\r\n\r\n.\r\n",
        ["new/1.h"],
    ),
    ("N07 TOP n 0", {"new/1.h": b"S: 1\n\nend\n"}, ["TOP 1 0"], b"+OK \r\nS: 1\r\n\r\n\r\n.\r\n", ["new/1.h"]),
    (
        "N08 STAT counts deleted messages and not their octets",
        {"new/1.h": b"12345", "new/2.h": b"123"},
        ["DELE 1", "STAT"],
        b"+OK \r\n+OK 2 3\r\n",
        ["new/1.h", "new/2.h"],
    ),
    ("N09 QUIT moves to cur what was never retrieved", {"new/1.h": b"1"}, ["QUIT"], b"+OK \r\n", ["cur/1.h:2,"]),
    (
        "N10 without QUIT nothing changes",
        {"new/1.h": b"1", "cur/2.h:2,S": b"2"},
        ["DELE 1", "DELE 2"],
        b"+OK \r\n" * 2,
        ["cur/2.h:2,S", "new/1.h"],
    ),
    ("N12 UIDL is the name without flags", {"cur/50.2.h:2,S": b"1"}, ["UIDL 1"], b"+OK 1 50.2.h\r\n", ["cur/50.2.h:2,S"]),
]


@pytest.mark.parametrize(("case", "files", "said", "replies", "after"), CONFORMANCE, ids=[row[0][:3] for row in CONFORMANCE])
def test_conformance(pop3d: Pop3d, case: str, files: dict[str, bytes], said: list[str], replies: bytes, after: list[str]) -> None:
    for n, (path, text) in enumerate(files.items()):
        pop3d.put(path, text, 1_000_000 + n)
    assert pop3d.run(lines(*said)) == (0, b"+OK \r\n" + replies, b""), case
    assert pop3d.files() == after, case


@pytest.mark.parametrize(("case", "files", "said", "replies", "after"), CONFORMANCE, ids=[row[0][:3] for row in CONFORMANCE])
def test_conformance_of_the_session_alone(case: str, files: dict[str, bytes], said: list[str], replies: bytes, after: list[str]) -> None:
    model = Model(CLASSIC, [(as_bytes(path)[4:].partition(b":")[0], text) for path, text in files.items()])
    assert model.dialog(*map(as_bytes, said)) == b"+OK \r\n" + replies, case


def test_n11_a_message_of_this_second_is_not_listed(pop3d: Pop3d) -> None:
    pop3d.put("new/1.h", b"1", 1_000_000)
    pop3d.put("new/2.h", b"22", 4_000_000_000)  # of the future, as a second that does not pass during the test
    assert pop3d.run(lines("STAT"))[1] == b"+OK \r\n+OK 1 1\r\n"
    assert pop3d.run(lines("STAT"), profile="rfc")[1] == b"+OK \r\n+OK 2 7\r\n"


def test_the_other_profile_is_asked_for_by_the_environment(pop3d: Pop3d) -> None:
    pop3d.put("new/1.h", b"S: 1\n\nend", 1_000_000)
    pop3d.put("cur/2.h:2,S", b"S: 2\n", 1_000_001)
    code, output, _ = pop3d.run(lines("CAPA", "RETR 1", "DELE 2", "STAT", "QUIT"), profile="rfc")
    capa, rest = output.split(b"\r\n.\r\n", 1)
    assert b"\r\nTOP\r\nUIDL" in capa
    assert rest == b"+OK \r\nS: 1\r\n\r\nend\r\n.\r\n+OK \r\n+OK 1 13\r\n+OK \r\n"
    assert (code, pop3d.files()) == (0, ["cur/1.h:2,"])


def test_deletions_are_booked_in_maildirsize_at_quit(pop3d: Pop3d) -> None:
    pop3d.put("new/1.h,S=37", b"x" * 37, 1_000_000)
    pop3d.put("maildirsize", b"3000S\n          37            1\n", 1_000_000)
    pop3d.run(lines("DELE 1"))
    assert (pop3d.home / "Maildir/maildirsize").read_bytes().count(b"\n") == 2
    pop3d.run(lines("DELE 1", "QUIT"))
    assert (pop3d.home / "Maildir/maildirsize").read_bytes().endswith(b"\n         -37           -1\n")


@pytest.mark.parametrize(
    ("why", "argv", "reply"),
    [
        ("no such folder", ("Nowhere",), b"-ERR this user has no $HOME/Maildir\r\n"),
        ("a folder that is no Maildir", (".",), b"-ERR unable to scan $HOME/Maildir\r\n"),
    ],
)
def test_it_says_what_is_missing(pop3d: Pop3d, why: str, argv: tuple[str, ...], reply: bytes) -> None:
    assert pop3d.run(b"QUIT\r\n", *argv) == (0, reply, b"")


def test_without_an_argument_there_is_no_maildir(pop3d: Pop3d) -> None:
    unprivileged.give(pop3d.home)
    ran = subprocess.run(
        command("qmail-pop3d", b"/"),
        input=b"",
        capture_output=True,
        env={},
        cwd="/",
        check=False,
        **unprivileged.become(),  # type: ignore[call-overload]
    )
    assert (ran.returncode, ran.stdout) == (0, b"-ERR this user has no $HOME/Maildir\r\n")


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="refusing root can be seen by root only")
def test_it_refuses_root(tmp_path: Path) -> None:
    done = call("qmail-pop3d", [os.fsencode(tmp_path)], {b"QMAIL_HOME": b"/"}, b"QUIT\r\n")
    assert (done.code, done.out, done.err) == (1, b"", b"qmail-pop3d invoked as uid 0, terminating\n")


def test_deleting_works_where_nothing_can_be_written(pop3d: Pop3d) -> None:
    """A full disk (here: files may not grow) keeps nobody from making room."""
    pop3d.put("new/1.h", b"x" * 100, 1_000_000)
    pop3d.put("maildirsize", b"3000S\n", 1_000_000)
    unprivileged.give(pop3d.home)
    script = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); {command('qmail-pop3d', b'/')[-1]}"
    ran = subprocess.run(
        [*command("qmail-pop3d", b"/")[:-1], script, "Maildir"],
        input=lines("DELE 1", "QUIT"),
        capture_output=True,
        cwd=pop3d.home,
        env={"POP3_PROFILE": "rfc"},
        check=False,
        **unprivileged.become(),  # type: ignore[call-overload]
    )
    assert (ran.returncode, ran.stdout) == (0, b"+OK \r\n" * 3)
    assert pop3d.files() == []
