"""mailquotacheck: room or none, and as a command in a dot-qmail file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import bin_dir
from tests.support.call import Result, call
from tests.support.local_home import LocalHome, maildir, mails
from tests.support.unprivileged import IS_ROOT

MESSAGE = b"Subject: x\n\n" + b"y" * 88  # 100 octets
FULL = Result(100, b"", b"The mailbox of this user is full: your message of 100 bytes does not fit. (#5.2.2)\n")
ROOM = Result(0, b"", b"")


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """900 octets in five messages of a Maildir, and as many in an mbox."""
    monkeypatch.chdir(tmp_path)
    for folder in ("Maildir/tmp", "Maildir/new", "Maildir/cur", "Maildir/.Sent/cur", "Maildir/.Trash/cur"):
        Path(folder).mkdir(parents=True)
    Path("Maildir/new/1.h,S=100").touch()
    Path("Maildir/new/2.h").write_bytes(b"x" * 200)
    Path("Maildir/cur/3.h,S=300:2,S").touch()
    Path("Maildir/cur/4.h,S=400:2,ST").touch()
    Path("Maildir/.Sent/cur/5.h,S=250:2,S").touch()
    Path("Maildir/.Sent/cur/6.h,S=50:2,S").touch()
    Path("Maildir/.Trash/cur/7.h,S=9999:2,S").touch()
    Path("mbox").write_bytes(b"x" * 900)


def check(*argv: str) -> Result:
    return call("mailquotacheck", [word.encode() for word in argv], {}, MESSAGE)


@pytest.mark.parametrize(
    ("why", "argv", "result"),
    [
        ("exactly", ["1000S"], ROOM),
        ("an octet too much", ["999"], FULL),
        ("plenty", ["10M"], ROOM),
        ("messages", ["6C"], ROOM),
        ("a message too much", ["5C"], FULL),
        ("either", ["10MS,5C"], FULL),
        ("no limit", ["NOQUOTA"], ROOM),
        ("a Maildir that is named", ["999S", "./Maildir/"], FULL),
        ("one that is not there", ["100S", "./Other/"], ROOM),
        ("a file", ["1000S", "./mbox"], ROOM),
        ("a file that is full", ["999S", "./mbox"], FULL),
        ("a file that is not there", ["100S", "./none"], ROOM),
        ("the message alone is too large", ["99S", "./none"], FULL),
        ("both together", ["1900S", "./Maildir/", "./mbox"], ROOM),
        ("both together, and an octet", ["1899S", "./Maildir/", "./mbox"], FULL),
        ("no mailbox at all", ["100S", "/dev/null"], ROOM),
    ],
)
def test_there_is_room_or_not(why: str, argv: list[str], result: Result) -> None:
    assert check(*argv) == result, why


@pytest.mark.parametrize("argv", [[], ["abc"], ["10X", "./mbox"], ["-1"]])
def test_a_line_that_is_wrong_costs_no_mail(argv: list[str]) -> None:
    assert check(*argv) == Result(111, b"", b"mailquotacheck: usage: mailquotacheck quota [ mailbox ... ]\n")


def test_what_cannot_be_read_lets_the_mail_wait() -> None:
    assert check("10M", "./mbox/") == Result(111, b"", b"mailquotacheck: fatal: unable to read ./mbox: not a directory\n")
    assert check("10M", "./mbox/x") == Result(111, b"", b"mailquotacheck: fatal: unable to read ./mbox/x: not a directory\n")


@pytest.mark.skipif(IS_ROOT, reason="root may read everything")
def test_a_mailbox_that_is_not_ours_lets_the_mail_wait() -> None:
    Path("Maildir").chmod(0)
    assert check("10M").code == 111


def test_without_a_message_it_is_trouble() -> None:
    result = call("mailquotacheck", [b"10M"], {}, stdin_fd=-1)
    assert result == Result(111, b"", b"mailquotacheck: fatal: unable to read the message: file descriptor not open\n")


def test_as_the_first_command_of_a_dot_qmail_file(tmp_path: Path) -> None:
    """The second message finds the first one in its way."""
    (tmp_path / "site").mkdir()
    site = LocalHome(tmp_path / "site")
    maildir(site.home / "Maildir")
    folder = bin_dir.install(tmp_path / "site/q", "mailquotacheck")
    site.dot(".qmail", f"|{folder}/mailquotacheck 200 ./Maildir/\n./Maildir/\n".encode())
    assert site.deliver(MESSAGE).code == 0
    second = site.deliver(MESSAGE)
    assert (second.code, second.err + second.out) == (100, FULL.err)
    assert len(mails(site.home / "Maildir")) == 1
