"""qmail-lspawn: the spawn protocol P01 to P09, whose mail it is, living workers and their deaths, and the original in their place."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from mta import runner
from mta.formats import cdb, local_job, spawn, users_assign, vpasswd
from mta.formats.local_job import Address, Job
from mta.formats.spawn import Command, Report
from mta.programs.qmail.qmail_lspawn import workers
from mta.programs.qmail.qmail_lspawn.spawner import Spawner
from mta.programs.qmail.qmail_lspawn.workers import Workers
from mta.unix import accounts
from mta.unix.fds import Fds
from tests.support import unprivileged
from tests.support.call import command
from tests.support.local_home import MESSAGE, maildir, mails
from tests.support.qmail_home import QmailHome
from tests.support.unprivileged import GID, IS_ROOT, UID

PATIENCE_S = 20


class Lspawn:
    """A spawner in this process, its instance and qmail-send's ends of the pipes. Its workers run as a user without rights."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.instance = QmailHome(folder / "q")
        self.stack = stack
        self.env = {b"QMAIL_HOME": self.instance.home, b"PATH": b"/usr/bin:/bin"}
        self.rows: list[bytes] = []
        self.joe = self.user("joe")
        self.buffer = b""
        self.reports: list[Report] = []
        self.give()

    def give(self) -> None:
        unprivileged.give(self.folder / "q", *(p for p in self.folder.iterdir() if p.name != "q"))

    def user(self, name: str, uid: int = UID) -> Path:
        """A user with a Maildir, in users/cdb."""
        home = self.folder / name
        home.mkdir()
        maildir(home / "Maildir")
        here = os.fsencode(home)
        fields = (name.encode(), uid, GID, here)
        self.assign(b"=%b:%b:%d:%d:%b:::\n" % (name.encode(), *fields), b"+%b-:%b:%d:%d:%b:-::\n" % (name.encode(), *fields))
        return home

    def assign(self, *rows: bytes) -> None:
        self.rows += rows
        new = self.instance.path / "users/cdb.tmp"
        new.write_bytes(users_assign.compile_(b"".join(self.rows) + b".\n"))
        new.rename(self.instance.path / "users/cdb")

    def start(self, default: bytes = b"./Maildir/", *, is_plain: bool = False) -> Lspawn:
        commands, self.commands = os.pipe()
        self.from_spawner, reports = os.pipe()
        who = accounts.load(self.instance.home)
        for name in ("qmail-local", "qmail-getpw"):
            runner.load(name)
        fds = Fds({0: commands, 1: reports})
        self.spawner = Spawner(default, self.env, fds, owner=who["qmailq"].uid, asker=who["qmailp"], is_plain=is_plain)
        self.stack.callback(os.close, commands)
        self.stack.callback(os.close, self.from_spawner)
        self.stack.callback(os.close, reports)
        self.stack.callback(self.end)
        assert os.read(self.from_spawner, 1) == b"x"
        return self

    def end(self) -> None:
        os.close(self.commands)
        while self.spawner.turn(PATIENCE_S):
            pass

    def queue(self, message: bytes = MESSAGE) -> bytes:
        """A message in queue/mess -> its name."""
        messnum = self.instance.enqueue(message, b"s@x")
        path = self.instance.split("mess", messnum)
        if IS_ROOT:
            os.chown(path, UID, GID)
        return os.fsencode(path.relative_to(self.instance.queue / "mess"))

    def send(self, slot: int, recipient: bytes, message: bytes | None = None, sender: bytes = b"s@x") -> None:
        os.write(self.commands, spawn.write_command(Command(slot, self.queue() if message is None else message, sender, recipient)))

    def turn(self) -> None:
        assert self.spawner.turn(PATIENCE_S)
        os.set_blocking(self.from_spawner, False)
        try:
            self.buffer += os.read(self.from_spawner, 1 << 16)
        except BlockingIOError:
            return
        found, self.buffer = spawn.read_reports(self.buffer)
        self.reports += found

    def until(self, count: int) -> dict[int, bytes]:
        """Turns until so many reports have come in all -> {slot: letter and text}."""
        while len(self.reports) < count:
            self.turn()
        return {r.slot: r.letter + r.text for r in self.reports}

    def deliver(self, recipient: bytes, message: bytes | None = None, slot: int = 3) -> bytes:
        """-> the report."""
        self.send(slot, recipient, message)
        self.until(len(self.reports) + 1)
        assert self.reports[-1].slot == slot
        return self.reports[-1].letter + self.reports[-1].text

    @property
    def worker(self) -> int:
        """Process id of joe's worker."""
        return self.spawner._workers._by_rights[UID, GID]._pid


@pytest.fixture
def lspawn() -> Iterator[Lspawn]:
    with unprivileged.folder() as folder, ExitStack() as stack:
        folder.chmod(0o755)
        yield Lspawn(folder, stack)


# -- the protocol ------------------------------------------------------------------------------------------------------------------


def test_p01_p02_the_capacity_then_a_report_for_slot_0(lspawn: Lspawn) -> None:
    assert lspawn.start().deliver(b"joe@h", slot=0) == b"Kdid 1+0+0\n"
    assert mails(lspawn.joe / "Maildir") == [b"Return-Path: <s@x>\nDelivered-To: joe@h\n" + MESSAGE]
    assert next((lspawn.joe / "Maildir/new").iterdir()).stat().st_uid == UID


@pytest.mark.parametrize(
    ("why", "slot", "message", "recipient", "report"),
    [
        ("p03 nobody", 3, None, b"@h", b"K"),
        ("p04 no host", 3, None, b"joe", b"DSorry, address must include host name. (#5.1.3)\n"),
        ("p05 a path", 3, b"../x", b"joe@h", b"DInternal error: messid has nonnumerics. (#5.3.5)\n"),
        ("p05 nothing", 3, b"", b"joe@h", b"DInternal error: messid too short. (#5.3.5)\n"),
        ("p05 a directory", 3, b"7", b"joe@h", b"ZSorry, message has wrong type. (#4.3.5)\n"),
        ("p05 no file", 3, b"7/7", b"joe@h", b"Zqmail-spawn unable to open message. (#4.3.0)\n"),
        ("a long name", 3, b"1" * 101, b"joe@h", b"DInternal error: messid too long. (#5.3.5)\n"),
        ("p06 too many", 200, None, b"joe@h", b"ZInternal error: delnum too big. (#4.3.5)\n"),
    ],
)
def test_what_is_answered_at_once(lspawn: Lspawn, why: str, slot: int, message: bytes | None, recipient: bytes, report: bytes) -> None:
    assert lspawn.start().deliver(recipient, message, slot) == report, why


@pytest.mark.root
def test_a_message_that_is_not_qmailqs_is_not_delivered(lspawn: Lspawn) -> None:
    if not IS_ROOT:
        pytest.skip("only root can give files away")
    name = lspawn.queue()
    os.chown(os.fsencode(lspawn.instance.queue) + b"/mess/" + name, 1, 1)
    assert lspawn.start().deliver(b"joe@h", name) == b"ZSorry, message has wrong owner. (#4.3.5)\n"


def test_a_slot_in_use(lspawn: Lspawn) -> None:
    os.mkfifo(lspawn.joe / "fifo")
    (lspawn.joe / ".qmail-slow").write_bytes(b"|cat fifo\n")
    lspawn.give()
    lspawn.start().send(5, b"joe-slow@h")
    lspawn.turn()
    assert lspawn.deliver(b"joe@h", slot=5) == b"ZInternal error: delnum in use. (#4.3.5)\n"
    (lspawn.joe / "fifo").open("wb").close()
    lspawn.until(2)
    assert lspawn.reports[-1] == Report(5, b"K", b"did 0+0+1\n")


@pytest.mark.parametrize(
    ("why", "line", "report"),
    [
        ("p07 up to a NUL", b"|printf 'a\\0b'; exit 100", b"Da"),
        ("p08 cut", b"|head -c 20000 /dev/zero | tr '\\0' x; exit 100", b"D" + b"x" * 2966 + b"\nError report too long, sorry.\n"),
        ("errors too", b"|echo out; echo err >&2; exit 111", b"Zout\nerr\n"),
        ("a signal to the shell", b"|kill -9 $$", b"ZAack, child crashed. (#4.3.0)\n"),
    ],
)
def test_what_a_command_says(lspawn: Lspawn, why: str, line: bytes, report: bytes) -> None:
    (lspawn.joe / ".qmail").write_bytes(line + b"\n")
    lspawn.give()
    assert lspawn.start().deliver(b"joe@h") == report, why


def test_the_end_of_commands_waits_for_deliveries_and_no_longer(lspawn: Lspawn) -> None:
    os.mkfifo(lspawn.joe / "fifo")
    (lspawn.joe / ".qmail-slow").write_bytes(b"|cat fifo\n")
    lspawn.give()
    process = subprocess.Popen(
        [*command("qmail-lspawn", lspawn.instance.home), "./Maildir/"], env=lspawn.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(spawn.write_command(Command(7, lspawn.queue(), b"s@x", b"joe-slow@h")))
        process.stdin.close()
        assert process.stdout.read(1) == b"x"
        (lspawn.joe / "fifo").open("wb").close()
        assert process.stdout.read() == b"\x07Kdid 0+0+1\n\0"
        assert process.wait(PATIENCE_S) == 0


def test_nobody_reading_the_reports_is_no_reason_to_stop(lspawn: Lspawn) -> None:
    process = subprocess.Popen(
        [*command("qmail-lspawn", lspawn.instance.home), "./Maildir/"], env=lspawn.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.read(1) == b"x"
        process.stdout.close()
        for slot in range(3):
            process.stdin.write(spawn.write_command(Command(slot, lspawn.queue(), b"s@x", b"joe@h")))
        process.stdin.close()
        assert process.wait(PATIENCE_S) == 0
    assert len(mails(lspawn.joe / "Maildir")) == 3


def test_usage() -> None:
    assert runner.call("qmail-lspawn", [], {b"QMAIL_HOME": b"/nowhere"}, Fds()) == 100


# -- whose mail it is --------------------------------------------------------------------------------------------------------------


def test_p09_root_gets_no_mail(lspawn: Lspawn) -> None:
    lspawn.user("boss", uid=0)
    assert lspawn.start().deliver(b"boss@h") == b"ZNot allowed to perform deliveries as root.\n"
    assert mails(lspawn.folder / "boss/Maildir") == []


def test_case_of_the_address_is_kept_and_dash_and_extension_are_the_assignment_s(lspawn: Lspawn) -> None:
    (lspawn.joe / ".qmail-default").write_bytes(b'|echo "$USER,$LOCAL,$EXT,$HOST,$SENDER"; id -u; id -G; pwd\n')
    lspawn.give()
    report = lspawn.start().deliver(b"Joe-LiSt@H.Ex")
    assert report == b"Kjoe,Joe-LiSt,LiSt,H.Ex,s@x\n%d\n%d\n%b\ndid 0+0+1\n" % (UID, GID, os.fsencode(lspawn.joe))


def test_a_new_users_cdb_counts_at_once(lspawn: Lspawn) -> None:
    (lspawn.instance.path / "alias/.qmail-default").write_bytes(b"|echo alias\n")
    lspawn.give()
    lspawn.start()
    assert lspawn.deliver(b"ada@h") == b"Kalias\ndid 0+0+1\n"
    lspawn.user("ada")
    lspawn.give()
    assert lspawn.deliver(b"ada@h") == b"Kdid 1+0+0\n"


@pytest.mark.parametrize(
    ("why", "data"),
    [
        ("cut short", users_assign.compile_(b"+:u:1:1:/h:-::\n.\n")[:-9]),
        ("empty", b""),
        ("without the record of wildcards", cdb.write([(b"!x\0", b"y")])),
        ("a directory", None),
    ],
)
def test_u07_a_damaged_users_cdb_lets_mail_wait(lspawn: Lspawn, why: str, data: bytes | None) -> None:
    path = lspawn.instance.path / "users/cdb"
    path.unlink()
    if data is None:
        path.mkdir()
    else:
        path.write_bytes(data)
    assert lspawn.start().deliver(b"joe@h") == b"ZTrouble reading users/cdb in qmail-lspawn.\n", why


def test_u07_without_users_cdb_qmail_getpw_is_asked(lspawn: Lspawn) -> None:
    (lspawn.instance.path / "users/cdb").unlink()
    (lspawn.instance.path / "alias/.qmail-postmaster").write_bytes(b'|echo "$USER $LOCAL $EXT"\n')
    lspawn.give()
    assert lspawn.start().deliver(b"postmaster@h") == b"Kalias postmaster postmaster\ndid 0+0+1\n"
    assert lspawn.deliver(b"nobody-here@h") == b"DSorry, no mailbox here by that name. (#5.1.1)\n"


@pytest.mark.parametrize(
    ("why", "script", "report"),
    [
        ("an NFS server", "exit 115", b"ZNFS failure in qmail-local.\n"),
        ("no alias", "exit 116", b"ZUnable to find alias user!\n"),
        ("it crashed", "kill -9 $$", b"ZTemporary failure in qmail-lspawn.\n"),
        ("half an answer", "printf 'joe\\0001\\0001\\000'", b"ZInternal qmail-lspawn bug.\n"),
        ("root", "printf 'root\\0000\\0000\\000/root\\000\\000\\000'", b"ZNot allowed to perform deliveries as root.\n"),
    ],
)
def test_what_qmail_getpw_may_answer(lspawn: Lspawn, why: str, script: str, report: bytes) -> None:
    (lspawn.instance.path / "users/cdb").unlink()
    program = lspawn.instance.path / "bin/qmail-getpw"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    assert lspawn.start().deliver(b"joe@h") == report, why


@pytest.mark.skipif(IS_ROOT, reason="root can become anybody")
def test_without_root_only_our_own_uid_gets_mail(lspawn: Lspawn) -> None:
    lspawn.user("other", uid=UID + 1)
    assert lspawn.start().deliver(b"other@h") == b"ZOnly root can deliver to uid %d.\n" % (UID + 1)


# -- workers -----------------------------------------------------------------------------------------------------------------------


def test_one_worker_serves_all_of_one_uid(lspawn: Lspawn) -> None:
    for name in ("ada", "bo"):
        lspawn.user(name)
    lspawn.give()
    lspawn.start()
    seen = set()
    for name in (b"joe", b"ada", b"bo"):
        assert lspawn.deliver(name + b"@h") == b"Kdid 1+0+0\n"
        seen.add(lspawn.worker)
    assert len(seen) == 1
    assert f"Uid:\t{UID}\t{UID}\t{UID}\t{UID}\n" in Path(f"/proc/{lspawn.worker}/status").read_text()


def test_a_virtual_domain_is_served_by_its_worker(lspawn: Lspawn) -> None:
    directory = lspawn.folder / "example.org"
    directory.mkdir()
    here = os.fsencode(directory)
    (directory / "vpasswd.cdb").write_bytes(vpasswd.compile_(b"ada:x:1:0:A:%b/ada:NOQUOTA\n" % here))
    (directory / ".qmail-default").write_bytes(b"| %b/bin/vdelivermail '' bounce-no-mailbox\n" % lspawn.instance.home)
    for name in (b"example.org", b"old.org"):
        lspawn.assign(b"+%b-:example.org:%d:%d:%b:-::\n" % (name, UID, GID, here))
    lspawn.give()
    lspawn.start()
    assert lspawn.deliver(b"example.org-Ada@example.org") == b"Kdid 0+0+1\n"
    assert lspawn.deliver(b"old.org-ada@old.org") == b"Kdid 0+0+1\n"
    assert lspawn.deliver(b"old.org-bo@old.org") == b"DSorry, no mailbox here by that name. (#5.1.1)\n"
    dtline = b"Return-Path: <s@x>\nDelivered-To: ada@example.org\n"
    assert mails(directory / "ada/Maildir") == [dtline + MESSAGE] * 2


def test_a_slow_command_of_one_user_delays_nobody(lspawn: Lspawn) -> None:
    os.mkfifo(lspawn.joe / "fifo")
    (lspawn.joe / ".qmail-slow").write_bytes(b"|cat fifo\n")
    lspawn.give()
    lspawn.start().send(1, b"joe-slow@h")
    for slot in range(2, 12):
        lspawn.send(slot, b"joe@h")
    assert lspawn.until(10) == dict.fromkeys(range(2, 12), b"Kdid 1+0+0\n")
    (lspawn.joe / "fifo").open("wb").close()
    assert lspawn.until(11)[1] == b"Kdid 0+0+1\n"


def test_a_worker_that_dies_takes_its_deliveries_with_it_and_they_come_again_each_alone(lspawn: Lspawn) -> None:
    lspawn.start().deliver(b"joe@h")
    first = lspawn.worker
    os.kill(first, signal.SIGSTOP)
    names = [lspawn.queue(b"A: %d\n\n" % i) for i in range(2)]
    for slot, name in enumerate(names):
        lspawn.send(slot, b"joe@h", name)
    while len(lspawn.spawner._slots) < 2:
        lspawn.turn()
    os.kill(first, signal.SIGKILL)
    assert lspawn.until(3) == {3: b"Kdid 1+0+0\n", 0: b"Zqmail-local crashed.\n", 1: b"Zqmail-local crashed.\n"}
    assert lspawn.deliver(b"joe@h", names[0]) == b"Kdid 1+0+0\n"
    assert not lspawn.spawner._workers._by_rights, "what crashed a worker does not get another one"
    assert lspawn.deliver(b"joe@h") == b"Kdid 1+0+0\n"
    assert lspawn.worker != first
    assert len(mails(lspawn.joe / "Maildir")) == 3


def test_however_often_workers_are_killed_every_message_arrives_once(lspawn: Lspawn) -> None:
    """Reports may be lost with their worker, messages and their names are not."""
    lspawn.start()
    names = {slot: lspawn.queue(b"A: %d\n\n" % slot) for slot in range(40)}
    waiting = set(names)
    for round_ in range(12):
        lspawn.reports = []
        for slot in sorted(waiting):
            lspawn.send(slot, b"joe@h", names[slot])
        while len(lspawn.reports) < len(waiting):
            lspawn.turn()
            if round_ < 8 and lspawn.spawner._workers._by_rights:
                os.kill(lspawn.worker, signal.SIGKILL)
        reports = {r.slot: r.letter + r.text for r in lspawn.reports}
        assert set(reports.values()) <= {b"Kdid 1+0+0\n", b"Zqmail-local crashed.\n"}
        waiting = {slot for slot, report in reports.items() if report.startswith(b"Z")}
    assert not waiting
    head = b"Return-Path: <s@x>\nDelivered-To: joe@h\n"
    assert sorted(mails(lspawn.joe / "Maildir")) == sorted(head + b"A: %d\n\n" % slot for slot in range(40))


def test_a_deferred_delivery_is_looked_for_in_cur_when_it_comes_again(lspawn: Lspawn) -> None:
    """The first Maildir gets it, the second is missing; a reader is faster than the retry."""
    (lspawn.joe / ".qmail-two").write_bytes(b"./Maildir/\n./Second/\n")
    lspawn.give()
    lspawn.start()
    name = lspawn.queue()
    assert lspawn.deliver(b"joe-two@h", name) == b"ZUnable to chdir to maildir. (#4.2.1)\n"
    (file,) = (lspawn.joe / "Maildir/new").iterdir()
    file.rename(lspawn.joe / "Maildir/cur" / f"{file.name}:2,S")
    maildir(lspawn.joe / "Second")
    lspawn.give()
    assert lspawn.deliver(b"joe-two@h", name) == b"Kdid 2+0+0\n"
    assert mails(lspawn.joe / "Maildir") == []
    assert len(mails(lspawn.joe / "Maildir", "cur")) == len(mails(lspawn.joe / "Second")) == 1


def test_a_message_older_than_the_spawner_is_looked_for_too(lspawn: Lspawn) -> None:
    name = lspawn.queue()
    path = Path(os.fsdecode(os.fsencode(lspawn.instance.queue) + b"/mess/" + name))
    os.utime(path, (1_700_000_000, 1_700_000_000))
    lspawn.start().deliver(b"joe@h", name)
    (file,) = (lspawn.joe / "Maildir/new").iterdir()
    file.rename(lspawn.joe / "Maildir/cur" / f"{file.name}:2,S")
    assert lspawn.deliver(b"joe@h", name) == b"Kdid 1+0+0\n"
    assert mails(lspawn.joe / "Maildir") == []


def test_beyond_the_workers_there_are_processes(lspawn: Lspawn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "WORKERS_MAX", 0)
    assert lspawn.start().deliver(b"joe@h") == b"Kdid 1+0+0\n"
    assert not lspawn.spawner._workers._by_rights


def test_an_idle_worker_ends(lspawn: Lspawn, monkeypatch: pytest.MonkeyPatch) -> None:
    lspawn.start().deliver(b"joe@h")
    pid = lspawn.worker
    monkeypatch.setattr(workers, "IDLE_S", 0.0)
    lspawn.turn()
    assert not lspawn.spawner._workers._by_rights
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_job_too_large_for_a_packet_gets_a_process(lspawn: Lspawn) -> None:
    lspawn.start(default=b"./Maildir/\n" + b"#\n" * 40_000)
    assert lspawn.deliver(b"joe@h") == b"Kdid 1+0+0\n"
    assert not lspawn.spawner._workers._by_rights


# -- the original in our place -----------------------------------------------------------------------------------------------------

_FOREIGN = """#!/bin/sh
# not ours
printf '%s,' "$0" "$@"; echo; id -u; pwd; cat
exit {code}
"""


@pytest.mark.parametrize(("code", "letter"), [(0, b"K"), (100, b"D"), (111, b"Z")])
def test_plain_every_delivery_is_a_process_of_bin_qmail_local(lspawn: Lspawn, code: int, letter: bytes) -> None:
    program = lspawn.instance.path / "bin/qmail-local"
    program.write_text(_FOREIGN.format(code=code))
    program.chmod(0o755)
    report = lspawn.start(is_plain=True).deliver(b"Joe-X@H")
    argv = b",".join((b"--", b"joe", os.fsencode(lspawn.joe), b"Joe-X", b"-", b"X", b"H", b"s@x", b"./Maildir/"))
    assert report == letter + b"bin/qmail-local,%b,\n%d\n%b\n" % (argv, UID, lspawn.instance.home) + MESSAGE


def test_plain_a_missing_program_lets_mail_wait(lspawn: Lspawn) -> None:
    assert lspawn.start(is_plain=True).deliver(b"joe@h") == b"ZUnable to run qmail-local.\n"


@pytest.mark.parametrize(("why", "variable", "is_foreign"), [("asked for", b"1", False), ("somebody else's program", b"", True)])
def test_when_it_is_plain(lspawn: Lspawn, why: str, variable: bytes, is_foreign: bool) -> None:
    program = lspawn.instance.path / "bin/qmail-local"
    program.write_text(_FOREIGN.format(code=0) + ("" if is_foreign else "# from mta import runner\n"))
    program.chmod(0o755)
    done = subprocess.run(
        [*command("qmail-lspawn", lspawn.instance.home), "./Maildir/"],
        env={**lspawn.env, b"QMAIL_LSPAWN_PLAIN": variable},
        input=spawn.write_command(Command(1, lspawn.queue(), b"s@x", b"joe@h")),
        capture_output=True,
        check=True,
    )
    assert done.stdout.startswith(b"x\x01Kbin/qmail-local,--,joe,"), why


def test_big_concurrency_has_wide_slots(lspawn: Lspawn) -> None:
    lspawn.instance.control(concurrencylimit="1000")
    done = subprocess.run(
        [*command("qmail-lspawn", lspawn.instance.home), "./Maildir/"],
        env=lspawn.env,
        input=b"".join(spawn.write_command(Command(slot, lspawn.queue(), b"s@x", b"joe@h"), 2) for slot in (999, 1000)),
        capture_output=True,
        check=True,
    )
    assert done.stdout[:2] == b"\xe8\3"
    found, rest = spawn.read_reports(done.stdout[2:], 2)
    assert {r.slot: r.letter + r.text for r in found} == {999: b"Kdid 1+0+0\n", 1000: b"ZInternal error: delnum too big. (#4.3.5)\n"}
    assert rest == b""


# -- workers that misbehave --------------------------------------------------------------------------------------------------------


class Pool:
    def __init__(self, body: Callable[[int, int], int]) -> None:
        self.selector = selectors.DefaultSelector()
        self.done: list[tuple[int, int, bytes]] = []
        self.crashed: list[int] = []
        self.workers = Workers(self.selector, body, lambda *report: self.done.append(report), self.crashed.append)

    def send(self, number: int, default: bytes = b"") -> None:
        address = Address(b"u", b"/h", b"l", b"", b"", b"h", b"s", default)
        assert self.workers.send(1, 1, Job(number, False, address), os.open("/dev/null", os.O_RDONLY))
        self.workers.flush()

    def run_while(self, is_waiting: Callable[[], object]) -> None:
        while is_waiting():
            events = self.selector.select(PATIENCE_S)
            assert events, "nothing happens any more"
            for key, _ in events:
                key.data()

    def end(self) -> None:
        self.workers.close()
        self.run_while(self.selector.get_map)
        self.selector.close()


def speaking(*packets: bytes) -> Callable[[int, int], int]:
    """A worker that takes one job and says this, then waits for the end."""

    def body(_uid: int, _gid: int) -> int:
        os.read(0, 1 << 16)
        for packet in packets:
            os.write(0, packet)
        return len(os.read(0, 1 << 16))

    return body


@pytest.mark.parametrize(
    ("why", "body"),
    [
        ("it reports what it was not given", speaking(b"7:8\x000\0did,")),
        ("it reports garbage", speaking(b"garbage")),
        ("it ends without a word", lambda _uid, _gid: 0),
        ("it raises", lambda _uid, _gid: 1 // 0),
    ],
)
def test_a_worker_that_misbehaves_is_done_with(why: str, body: Callable[[int, int], int]) -> None:
    pool = Pool(body)
    pool.send(7)
    pool.run_while(lambda: not pool.crashed)
    assert (pool.done, pool.crashed) == ([], [7]), why
    pool.end()


def test_a_second_report_for_one_job_is_none(lspawn: Lspawn) -> None:
    pool = Pool(speaking(b"9:7\x000\0first,", b"12:7\x00100\0second,"))
    pool.send(7)
    pool.run_while(lambda: pool.workers._by_rights)
    assert (pool.done, pool.crashed) == ([(7, 0, b"first")], [])
    pool.end()


def test_a_worker_that_closes_its_socket_and_lives_on_is_not_waited_for() -> None:
    def body(_uid: int, _gid: int) -> int:
        os.close(0)
        signal.pause()
        return 0

    pool = Pool(body)
    pool.send(7)
    worker = pool.workers._by_rights[1, 1]
    pool.run_while(lambda: not pool.crashed)
    assert pool.crashed == [7]
    os.kill(worker._pid, signal.SIGKILL)
    pool.end()


def test_jobs_a_busy_worker_does_not_take_wait_in_our_queue() -> None:
    def body(_uid: int, _gid: int) -> int:
        os.kill(os.getpid(), signal.SIGSTOP)
        while data := os.read(0, 1 << 16):
            os.write(0, local_job.write_report(local_job.Report(int(data.partition(b"\0")[0]), 0, b"")))
        return 0

    pool = Pool(body)
    for number in range(100):
        pool.send(number, b"x" * 60_000)
    worker = pool.workers._by_rights[1, 1]
    assert worker._queue and pool.done == []
    os.waitid(os.P_PID, worker._pid, os.WSTOPPED)
    os.kill(worker._pid, signal.SIGCONT)
    pool.run_while(lambda: len(pool.done) < 100)
    assert [number for number, _, _ in pool.done] == list(range(100))
    pool.end()
