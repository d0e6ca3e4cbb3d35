"""qmail-local, one message at a time: the recorded behaviour of the original, the conformance cases L01 to L29, hostile addresses."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import as_bytes, corpus
from tests.support import queue_program, unprivileged
from tests.support.call import Result, call, process
from tests.support.local_home import MESSAGE, LocalHome, maildir, mails, queued, with_permissions


@pytest.fixture
def joe(tmp_path: Path) -> LocalHome:
    return LocalHome(tmp_path)


# -- the original ------------------------------------------------------------------------------------------------------------------

DATE = rb"[A-Z][a-z]{2} [A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d \d{4}"
CASES = corpus("oracle/qmail-local")


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_it_does_what_the_original_did(joe: LocalHome, case: Any) -> None:
    maildir(joe.home / "Maildir")
    for name, text in case["files"].items():
        joe.dot(name, as_bytes(text))
    with_permissions(joe.home, case["perm"])
    dash, ext = as_bytes(case["dash"]), as_bytes(case["ext"])
    address = joe.address(host=b"oracle.test", sender=as_bytes(case["sender"]), default=as_bytes(case["aliasempty"]))
    address = replace(address, local=b"joe" + dash + ext, dash=dash, ext=ext)
    result = joe.deliver(as_bytes(case["message"]), () if case["real"] else (b"-n",), address)
    out = re.sub(DATE, b"DATE", result.out)
    assert (result.code, out, result.err) == (case["rc"], re.sub(DATE, b"DATE", as_bytes(case["stdout"])), as_bytes(case["stderr"]))
    assert mails(joe.home / "Maildir") == [as_bytes(text) for text in case["result"].values()]


DELIVERED = corpus("oracle/qmail-delivered-mail")


@pytest.mark.parametrize("case", DELIVERED, ids=[case["name"].rpartition("/")[2] for case in DELIVERED])
def test_a_delivered_message_has_the_bytes_of_the_original(joe: LocalHome, case: Any) -> None:
    """The recorded file is taken apart into lines and message, delivered, and must come out again."""
    rpline, dtline, message = as_bytes(case["content"]).split(b"\n", 2)
    sender = rpline.removeprefix(b"Return-Path: <").removesuffix(b">")
    local, _, host = dtline.removeprefix(b"Delivered-To: ").rpartition(b"@")
    maildir(joe.home / "Maildir")
    address = replace(joe.address(host=host, sender=sender), local=local)
    assert joe.deliver(message, address=address).code == 0
    assert mails(joe.home / "Maildir") == [as_bytes(case["content"])]


# -- L01 to L29 --------------------------------------------------------------------------------------------------------------------


def test_l01_without_a_file_the_default_counts(joe: LocalHome) -> None:
    maildir(joe.home / "Maildir")
    assert joe.deliver() == Result(0, b"did 1+0+0\n", b"")
    assert mails(joe.home / "Maildir") == [b"Return-Path: <s@x>\nDelivered-To: joe@h.ex\n" + MESSAGE]


def test_l02_an_empty_file_means_all_lines_of_the_default(joe: LocalHome) -> None:
    joe.dot(".qmail", b"", 0o700)
    result = joe.deliver(default=b"./Mailbox\n|cat >seen")
    assert (result.code, result.out) == (0, b"did 1+0+1\n")
    assert (joe.home / "seen").read_bytes() == MESSAGE
    assert (joe.home / "Mailbox").read_bytes().endswith(MESSAGE + b"\n")


def test_l03_a_comment_delivers_nothing(joe: LocalHome) -> None:
    joe.dot(".qmail", b"#only\n")
    assert joe.deliver(default=b"./Mailbox") == Result(0, b"did 0+0+0\n", b"")
    assert os.listdir(joe.home) == [".qmail"]


def test_l04_a_blank_first_line(joe: LocalHome) -> None:
    joe.dot(".qmail", b"\n./x\n")
    assert joe.deliver() == Result(111, b"", b"Uh-oh: first line of .qmail file is blank. (#4.2.1)\n")


@pytest.mark.parametrize(
    ("why", "files", "ext", "dash", "did"),
    [
        ("l05 .qmaildefault for the plain address", {".qmaildefault": b"|echo here"}, b"", b"", b"here\ndid 0+0+1\n"),
        ("l06 dots are colons", {".qmail-a:b": b"|echo here"}, b"A.B", b"-", b"here\ndid 0+0+1\n"),
        (
            "l07 the longest default",
            {".qmail-foo-default": b'|echo "here $DEFAULT"', ".qmail-default": b"|false"},
            b"foo-bar-x",
            b"-",
            b"here bar-x\ndid 0+0+1\n",
        ),
        ("l08 nothing behind the dash", {".qmail-foo-default": b'|echo "<$DEFAULT>"'}, b"foo-", b"-", b"<>\ndid 0+0+1\n"),
        ("a directory of dash", {".qmail-/foo": b"|echo here"}, b"foo", b"-/", b"here\ndid 0+0+1\n"),
    ],
)
def test_which_file_answers(joe: LocalHome, why: str, files: dict[str, bytes], ext: bytes, dash: bytes, did: bytes) -> None:
    for name, text in files.items():
        (joe.home / name).parent.mkdir(exist_ok=True)
        joe.dot(name, text)
    assert joe.deliver(ext=ext, dash=dash) == Result(0, did, b""), why


def test_l09_a_directory_or_fifo_is_as_good_as_absent(joe: LocalHome) -> None:
    (joe.home / ".qmail-x").mkdir()
    os.mkfifo(joe.home / ".qmail-default")
    assert joe.deliver(ext=b"x") == Result(100, b"", b"Sorry, no mailbox here by that name. (#5.1.1)\n")


@pytest.mark.parametrize(
    ("mode", "result"), [(0o664, Result(0, b"did 0+0+0\n", b"")), (0o646, Result(111, b"", b"Uh-oh: .qmail file is writable. (#4.7.0)\n"))]
)
def test_l10_a_file_others_may_write_is_not_obeyed(joe: LocalHome, mode: int, result: Result) -> None:
    joe.dot(".qmail", b"#\n", mode)
    assert joe.deliver() == result


def test_l11_a_file_that_may_not_be_read() -> None:
    with unprivileged.folder() as folder:
        joe = LocalHome(folder)
        joe.dot(".qmail-x", b"#\n", 0)
        unprivileged.give(folder)
        result = as_nobody(joe, joe.address(b"x").argv())
        assert result == Result(111, b"", b"Unable to open .qmail-x: access denied. (#4.3.0)\n")


def as_nobody(joe: LocalHome, argv: list[bytes]) -> Result:
    """In a fork without root's rights."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setresgid(unprivileged.GID, unprivileged.GID, unprivileged.GID)
        os.setresuid(unprivileged.UID, unprivileged.UID, unprivileged.UID)
        with queued(MESSAGE) as fd:
            result = call("qmail-local", [b"--", *argv], joe.env, stdin_fd=fd)
        os.write(write, b"%d\n%b\xff%b" % (result.code, result.out, result.err))
        os._exit(0)
    os.close(write)
    os.waitpid(pid, 0)
    with open(read, "rb") as file:
        code, _, rest = file.read().partition(b"\n")
    out, _, err = rest.partition(b"\xff")
    return Result(int(code), out, err)


def test_l12_the_x_bit_forbids_deliveries_and_nothing_is_forwarded(joe: LocalHome) -> None:
    joe.dot(".qmail", b"a@b\n./x\n", 0o744)
    assert joe.deliver() == Result(111, b"", b"Uh-oh: .qmail has file delivery but has x bit set. (#4.7.0)\n")
    assert joe.queue.queued() == [] and not (joe.home / "x").exists()


def test_l13_plus_list_does_the_same(joe: LocalHome) -> None:
    joe.dot(".qmail", b"+list\n./mbox\n")
    assert joe.deliver() == Result(111, b"", b"Uh-oh: .qmail has file delivery but has x bit set. (#4.7.0)\n")


def test_l14_a_leading_space_is_part_of_the_address(joe: LocalHome) -> None:
    joe.dot(".qmail", b" me@d\n")
    assert joe.deliver().code == 0
    assert joe.queue.queued()[0][1] == b"Fs@x\0T me@d\0\0"


def test_l15_blanks_at_the_end_are_not_part_of_the_name(joe: LocalHome) -> None:
    joe.dot(".qmail", b"./mbox  \t\n")
    assert joe.deliver().code == 0
    assert (joe.home / "mbox").exists()


def test_l16_exit_99_stops_and_what_was_to_be_forwarded_is(joe: LocalHome) -> None:
    joe.dot(".qmail", b"f1@d\n|exit 99\n./never\nf2@d")
    result = joe.deliver()
    assert (result.code, re.sub(rb"\d+\n\Z", b"N\n", result.out)) == (0, b"did 0+1+1\nqp N\n")
    assert joe.queue.queued() == [(b"Delivered-To: joe@h.ex\n" + MESSAGE, b"Fs@x\0Tf1@d\0\0")]
    assert not (joe.home / "never").exists()


def test_l17_exit_100_and_nothing_is_forwarded(joe: LocalHome) -> None:
    joe.dot(".qmail", b"f1@d\n|echo no; exit 100\n")
    assert joe.deliver() == Result(100, b"no\n", b"")
    assert joe.queue.queued() == []


@pytest.mark.parametrize("code", [64, 65, 70, 76, 77, 78, 100, 112, 1, 2, 75, 111, 126, 127, 255])
def test_l18_exits_of_commands(joe: LocalHome, code: int) -> None:
    joe.dot(".qmail", b"|exit %d" % code)
    assert joe.deliver().code == (100 if code in (64, 65, 70, 76, 77, 78, 100, 112) else 111)


def test_l18_a_command_that_a_signal_ends(joe: LocalHome) -> None:
    joe.dot(".qmail", b"|kill -9 $$")
    assert joe.deliver() == Result(111, b"", b"Aack, child crashed. (#4.3.0)\n")


LOOP = b"This message is looping: it already has my Delivered-To line. (#5.4.6)\n"


@pytest.mark.parametrize(
    ("why", "message", "result"),
    [
        ("l19 its own line", b"Delivered-To: joe@h.ex\n\nb\n", Result(100, b"", LOOP)),
        ("l19 another case", b"Delivered-To: JOE@h.ex\n\nb\n", Result(0, b"did 1+0+0\n", b"")),
        ("l20 behind the header", b"A: b\n\nDelivered-To: joe@h.ex\n", Result(0, b"did 1+0+0\n", b"")),
        ("l20 not ended", b"A: b\nDelivered-To: joe@h.ex", Result(0, b"did 1+0+0\n", b"")),
        ("a long header", b"A: %b\n" % (b"x" * 200_000) + b"Delivered-To: joe@h.ex\n\n", Result(100, b"", LOOP)),
    ],
)
def test_loops(joe: LocalHome, why: str, message: bytes, result: Result) -> None:
    assert joe.deliver(message, default=b"./Mailbox") == result, why


def test_l21_l22_an_mbox(joe: LocalHome) -> None:
    assert joe.deliver(b"From a\n>From b\nx", sender=b'we ird"@x.y', default=b"./Mailbox").code == 0
    stored = (joe.home / "Mailbox").read_bytes()
    head = rb'From we-ird"@x\.y ' + DATE + rb'\nReturn-Path: <"we ird\\""@x\.y>\nDelivered-To: joe@h\.ex\n'
    assert re.fullmatch(head + rb">From a\n>>From b\nx\n\n", stored)


def test_l24_forwarded_mail_has_no_return_path(joe: LocalHome) -> None:
    joe.dot(".qmail", b"&a@b\nc@d\n&\n")
    assert joe.deliver(b"From here\nA: b\n\n").code == 0
    assert joe.queue.queued() == [(b"Delivered-To: joe@h.ex\nFrom here\nA: b\n\n", b"Fs@x\0Ta@b\0Tc@d\0T\0\0")]


@pytest.mark.parametrize(
    ("why", "files", "sender", "new"),
    [
        ("l25 an owner", ["-owner"], b"s@x", b"joe-X-owner@h.ex"),
        ("l25 an owner for each bounce", ["-owner", "-owner-default"], b"s@x", b"joe-X-owner-@h.ex-@[]"),
        ("l26 a bounce", ["-owner"], b"", b""),
        ("l26 a double bounce", ["-owner"], b"#@[]", b"#@[]"),
    ],
)
def test_the_sender_of_what_is_forwarded(joe: LocalHome, why: str, files: list[str], sender: bytes, new: bytes) -> None:
    for name in files:
        joe.dot(".qmail-x" + name, b"#")
    joe.dot(".qmail-default", b'|echo "$NEWSENDER"\na@b\n')
    result = joe.deliver(ext=b"X", sender=sender)
    assert (result.code, result.out.split(b"\n")[0]) == (0, new), why
    assert joe.queue.queued()[0][1] == b"F%b\0Ta@b\0\0" % new


def test_l27_a_sticky_home_directory_is_being_edited(joe: LocalHome) -> None:
    joe.home.chmod(0o1700)
    assert joe.deliver() == Result(111, b"", b"Home directory is sticky: user is editing his .qmail file. (#4.2.1)\n")
    assert joe.deliver(options=(b"-n",)) == Result(0, b"maildir ./Maildir/\ndid 1+0+0\n", b"Warning: home directory is sticky.\n")


def test_l28_a_home_directory_others_may_write(joe: LocalHome) -> None:
    joe.home.chmod(0o1702)
    assert joe.deliver() == Result(111, b"", b"Uh-oh: home directory is writable. (#4.7.0)\n")


def test_a_home_directory_that_is_not_there(joe: LocalHome) -> None:
    address = replace(joe.address(), home=b"/nowhere/joe")
    assert joe.deliver(address=address) == Result(111, b"", b"Unable to switch to /nowhere/joe: file does not exist. (#4.3.0)\n")


def test_l29_the_environment_of_a_command(joe: LocalHome) -> None:
    joe.env |= {b"FROM_START": b"inherited", b"DTLINE": b"x", b"EXT": b"stranger's"}
    joe.dot(".qmail-env-default", b'|env; echo "cwd $PWD $(umask)"')
    result = joe.deliver(ext=b"ENV-Foo.Bar", host=b"HOST.example.org")
    lines = set(result.out.split(b"\n"))
    assert {
        b"EXT=ENV-Foo.Bar",
        b"EXT2=Foo.Bar",
        b"EXT3=",
        b"EXT4=",
        b"HOST=HOST.example.org",
        b"HOST2=HOST.example",
        b"HOST3=HOST",
        b"HOST4=HOST",
        b"DEFAULT=Foo.Bar",
        b"LOCAL=joe-ENV-Foo.Bar",
        b"RECIPIENT=joe-ENV-Foo.Bar@HOST.example.org",
        b"USER=joe",
        b"HOME=" + os.fsencode(joe.home),
        b"SENDER=s@x",
        b"NEWSENDER=s@x",
        b"DTLINE=Delivered-To: joe-ENV-Foo.Bar@HOST.example.org",
        b"RPLINE=Return-Path: <s@x>",
        b"FROM_START=inherited",
        b"cwd %b 0077" % os.fsencode(joe.home),
    } <= lines


def test_commands_read_the_message_from_its_beginning_each_time(joe: LocalHome) -> None:
    joe.dot(".qmail", b"|cat >one\n|head -c 3 >two\n|cat >three\n")
    assert joe.deliver() == Result(0, b"did 0+0+3\n", b"")
    assert [(joe.home / n).read_bytes() for n in ("one", "two", "three")] == [MESSAGE, MESSAGE[:3], MESSAGE]


def test_a_command_is_ended_by_a_broken_pipe_as_usual(joe: LocalHome) -> None:
    joe.dot(".qmail", b"|yes | head -n 1; exit ${PIPESTATUS:-0}\n")
    assert joe.deliver() == Result(0, b"y\ndid 0+0+1\n", b"")


def test_lines_are_followed_in_order_up_to_the_first_that_fails(joe: LocalHome) -> None:
    maildir(joe.home / "A")
    maildir(joe.home / "C")
    joe.dot(".qmail", b"./A/\n./B/\n./C/\n")
    assert joe.deliver() == Result(111, b"", b"Unable to chdir to maildir. (#4.2.1)\n")
    assert (len(mails(joe.home / "A")), len(mails(joe.home / "C"))) == (1, 0)


@pytest.mark.parametrize(
    ("why", "code", "custom", "exit_", "text"),
    [
        ("for now", 53, b"", 111, b"qq write error or disk full (#4.3.0)"),
        ("for good", 31, b"", 100, b"mail server permanently rejected message (#5.3.0)"),
        ("in its own words", 82, b"Dsp\xe4m (#5.7.1)", 100, b"sp\xe4m (#5.7.1)"),
    ],
)
def test_what_cannot_be_forwarded(tmp_path: Path, why: str, code: int, custom: bytes, exit_: int, text: bytes) -> None:
    joe = LocalHome(tmp_path)
    joe.env[b"QMAILQUEUE"] = queue_program.make(tmp_path / "refusing", code, custom).path
    joe.dot(".qmail", b"a@b\n")
    assert joe.deliver() == Result(exit_, b"", b"Unable to forward message: %b.\n" % text), why


# -- again -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("age_s", "copies"), [(0, 2), (60, 1)])
def test_an_old_message_that_a_reader_has_moved_is_not_delivered_twice(joe: LocalHome, age_s: int, copies: int) -> None:
    """A young one is not looked for in cur/: it comes for the first time, unless somebody delivers it twice on purpose as here."""
    box = maildir(joe.home / "Maildir")
    with queued(MESSAGE, age_s) as fd:
        for _ in range(2):
            assert call("qmail-local", [b"--", *joe.address().argv()], joe.env, stdin_fd=fd).out == b"did 1+0+0\n"
            for file in list((box / "new").iterdir()):
                file.rename(box / "cur" / f"{file.name}:2,S{len(list((box / 'cur').iterdir()))}")
    assert len(mails(box, "cur")) == copies


def test_the_same_maildir_twice_in_a_file_gets_two_copies(joe: LocalHome) -> None:
    box = maildir(joe.home / "Maildir")
    joe.dot(".qmail", b"./Maildir/\n./Maildir/\n")
    assert joe.deliver().out == b"did 2+0+0\n"
    assert len(mails(box)) == 2


# -- how it is called --------------------------------------------------------------------------------------------------------------

USAGE = b"qmail-local: usage: qmail-local [ -nN ] user homedir local dash ext domain sender aliasempty\n"


@pytest.mark.parametrize(
    ("why", "argv", "err"),
    [
        ("nothing", [], USAGE),
        ("seven", [b"u", b"/h", b"l", b"", b"", b"d", b"s"], USAGE),
        ("nine", [b"u", b"/h", b"l", b"", b"", b"d", b"s", b"a", b"b"], USAGE),
        ("a relative home", [b"u", b"h", b"l", b"", b"", b"d", b"s", b"a"], USAGE),
        ("an unknown option", [b"-x"], b"qmail-local: illegal option -- x\n" + USAGE),
    ],
)
def test_usage(joe: LocalHome, why: str, argv: list[bytes], err: bytes) -> None:
    assert call("qmail-local", argv, joe.env) == Result(100, b"", err), why


def test_the_last_of_n_and_n_wins(joe: LocalHome) -> None:
    maildir(joe.home / "Maildir")
    assert joe.deliver(options=(b"-Nn",)).out == b"maildir ./Maildir/\ndid 1+0+0\n"
    assert joe.deliver(options=(b"-n", b"-N")).out == b"did 1+0+0\n"


def test_as_a_process_and_not_from_a_pipe(joe: LocalHome) -> None:
    joe.dot(".qmail", b"a@b\n")
    result = process("qmail-local", [b"--", *joe.address().argv()], joe.env, MESSAGE)
    assert result == Result(111, b"", b"Unable to rewind message. (#4.3.0)\n")
    assert joe.queue.queued() == []


# -- strangers ---------------------------------------------------------------------------------------------------------------------

HOSTILE = corpus("hostile/dot-qmail-env")


@pytest.mark.parametrize("case", HOSTILE, ids=[case["id"] for case in HOSTILE])
def test_values_a_stranger_chose_run_nothing(joe: LocalHome, case: Any) -> None:
    values = {name: as_bytes(value).replace(b"/canary/PWNED", b"PWNED") for name, value in case["env"].items()}
    joe.env |= {name.encode(): value for name, value in values.items()}
    joe.dot(".qmail-default", b'|printf "%s\\n" "$SENDER" "$LOCAL" "$HOST" "$DEFAULT" "$USER" "$DTLINE"\n./Mailbox\n')
    before = sorted(os.listdir(joe.home))
    address = joe.address(b"x")
    given = {"SENDER": "sender", "LOCAL": "local", "HOST": "host", "DEFAULT": "ext", "USER": "user"}
    address = replace(address, **{given[n]: v for n, v in values.items() if n in given})
    result = joe.deliver(address=address)
    assert result.code == 0 and result.err == b""
    shown = result.out.split(b"\n")
    sender = b"" if address.sender.startswith(b"() {") else address.sender
    assert shown[:5] == [sender, address.local, address.host, address.ext, address.user]
    assert shown[5] == b"Delivered-To: " + address.recipient
    assert sorted(os.listdir(joe.home)) == sorted([*before, "Mailbox"])


def test_a_command_is_never_built_from_the_address(joe: LocalHome) -> None:
    joe.dot(".qmail-default", b"|cat >/dev/null\n")
    address = replace(joe.address(b"$(touch PWNED)"), sender=b"`touch PWNED`@x", host=b"$(touch PWNED)")
    assert joe.deliver(address=address).code == 0
    assert os.listdir(joe.home) == [".qmail-default"]


@pytest.mark.parametrize("ext", [b"../../etc/passwd", b"x/../y", b"x" * 5000, b"-" * 3000, b"\xff\xfe", b"a\nb"])
def test_extensions_lead_nowhere(joe: LocalHome, ext: bytes) -> None:
    assert joe.deliver(ext=ext) == Result(100, b"", b"Sorry, no mailbox here by that name. (#5.1.1)\n")
