"""R2: what changes the disk is killed before, in and after every call it makes, on a real file system; what is left is legal, and doing it
once more completes it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mta import runner
from mta.formats import install_call, manifest, rcpthosts, tcprules, todo, users_assign, vpasswd
from mta.formats.install_call import Line, Put, Retire
from mta.formats.install_call import Mailbox as MakeMailbox
from mta.net.pop3 import mailbox as pop3_mailbox
from mta.net.pop3.state import CLASSIC, RFC, Profile
from mta.programs.servers.installer import discarding, domains
from mta.unix import atomic, mboxfile, mess
from mta.unix.controls import ControlDir
from mta.unix.fds import Fds
from mta.unix.generations import Generations, Why
from mta.unix.mailbox import Mailbox
from mta.unix.maildir import Deliverer
from mta.unix.queuedir import SYNCFS_FROM, Enqueuer, Submission
from tests.crash.conftest import Table
from tests.crash.kill import Act, sweep
from tests.support.instance import make_instance
from tests.support.mail_site import hashed
from tests.support.qmail_home import QmailHome

CALLS = "calls"
NOW_S = 1_795_000_000
MESSAGE = b"Subject: x\n\n" + b"body of some length\n" * 200
OLD = users_assign.write([users_assign.Assignment(False, b"joe", users_assign.User(b"joe", 1, 1, b"/old", b"", b""))])
NEW = users_assign.write([users_assign.Assignment(False, b"joe", users_assign.User(b"joe", 2, 2, b"/new", b"", b""))])


Kills = Callable[[Act, Act, Callable[[Path, bool], None]], int]
pytestmark = pytest.mark.slow


@pytest.fixture
def kills(tmp_path: Path, table: Table) -> Kills:
    """sweep() -> how many there were."""

    def run(prepare: Act, act: Act, check: Callable[[Path, bool], None]) -> int:
        number = sweep(tmp_path, prepare, act, check)
        table.count(
            "R2", number, "kills at calls of compilers, generations, domains, POP3, folders, deliveries, enqueueing", "0 bad", of=CALLS
        )
        return number

    return run


def program(root: Path, name: str, *argv: bytes, stdin: bytes = b"") -> None:
    """In this process; stdin is a file of the folder. Fails when the program does."""
    (root / "stdin").write_bytes(stdin)
    fds = Fds({0: os.open(root / "stdin", os.O_RDONLY), 1: 2})
    assert runner.call(name, list(argv), {b"QMAIL_HOME": os.fsencode(root)}, fds) == 0


# -- compiled files ----------------------------------------------------------------------------------------------------------------


def test_r2_qmail_newu(kills: Kills) -> None:
    def prepare(root: Path) -> None:
        (root / "users").mkdir()
        (root / "users/cdb").write_bytes(users_assign.compile_(OLD))
        (root / "users/assign").write_bytes(NEW)

    def check(root: Path, is_done: bool) -> None:
        found = (root / "users/cdb").read_bytes()
        assert found == users_assign.compile_(NEW) or (not is_done and found == users_assign.compile_(OLD))

    assert kills(prepare, lambda root: program(root, "qmail-newu"), check) > 10


def test_r2_qmail_newmrh(kills: Kills) -> None:
    def prepare(root: Path) -> None:
        (root / "control").mkdir()
        (root / "control/morercpthosts").write_bytes(b"a.example\nb.example\n")

    def check(root: Path, is_done: bool) -> None:
        found = root / "control/morercpthosts.cdb"
        assert found.exists() or not is_done
        assert not found.exists() or found.read_bytes() == rcpthosts.compile_more(b"a.example\nb.example\n")

    assert kills(prepare, lambda root: program(root, "qmail-newmrh"), check) > 10


def test_r2_tcprules(kills: Kills) -> None:
    def prepare(root: Path) -> None:
        (root / "r.cdb").write_bytes(tcprules.compile_(b":deny\n"))

    def act(root: Path) -> None:
        program(root, "tcprules", os.fsencode(root / "r.cdb"), os.fsencode(root / "r.tmp"), stdin=b":allow\n")

    def check(root: Path, is_done: bool) -> None:
        found = (root / "r.cdb").read_bytes()
        assert found == tcprules.compile_(b":allow\n") or (not is_done and found == tcprules.compile_(b":deny\n"))

    assert kills(prepare, act, check) > 8


def test_r2_a_file_replaced_and_removed(kills: Kills) -> None:
    def prepare(root: Path) -> None:
        (root / "a").write_bytes(b"old")
        (root / "b").write_bytes(b"old")

    def act(root: Path) -> None:
        atomic.replace(os.fsencode(root / "a"), b"new")
        atomic.remove(os.fsencode(root / "b"))

    def check(root: Path, is_done: bool) -> None:
        a = (root / "a").read_bytes()
        assert a in ((b"new",) if is_done else (b"new", b"old"))
        assert not (root / "b").exists() or (not is_done and (root / "b").read_bytes() == b"old")
        assert (root / "b").exists() or a == b"new", "out of order"

    assert kills(prepare, act, check) > 10


# -- configurations ----------------------------------------------------------------------------------------------------------------


def in_force(home: Path) -> tuple[bytes | None, bytes | None]:
    octets = os.fsencode(home)
    return ControlDir(octets).raw("locals"), ControlDir(octets, b"users").raw("assign")


def test_r2_r15_a_generation_is_installed_whole_or_not_at_all(kills: Kills) -> None:
    before, after = (b"old.example\n", b".\n"), (b"new.example\n", NEW)

    def prepare(root: Path) -> None:
        make_instance(root, {"locals": before[0]})

    def act(root: Path) -> None:
        wanted: dict[bytes, bytes | None] = {b"control/locals": after[0], b"users/assign": after[1]}
        Generations(os.fsencode(root / "qmail")).install(wanted, Why(b"ada", b"a test"))

    def check(root: Path, is_done: bool) -> None:
        assert in_force(root / "qmail") in ((after,) if is_done else (before, after))
        generations = Generations(os.fsencode(root / "qmail"))
        number = generations.current()
        assert manifest.read(generations.manifest(number)).number == number

    assert kills(prepare, act, check) > 40


def test_r2_plain_directories_become_a_generation(kills: Kills) -> None:
    def prepare(root: Path) -> None:
        for folder, name, text in (("control", "locals", b"old.example\n"), ("users", "assign", OLD)):
            (root / folder).mkdir()
            (root / folder / name).write_bytes(text)
        (root / "control/me").write_bytes(b"mx.example\n")

    def act(root: Path) -> None:
        Generations(os.fsencode(root)).adopt(Why(b"ada", b"a test"))

    def check(root: Path, is_done: bool) -> None:
        assert in_force(root) == (b"old.example\n", OLD)
        assert Generations(os.fsencode(root)).current() > 0 or not is_done

    assert kills(prepare, act, check) > 40


# -- domains -----------------------------------------------------------------------------------------------------------------------

JOE, SUE = (vpasswd.Account(n, hashed(b"s"), 1, 0, b"", b"/d/example.org/" + n, b"NOQUOTA") for n in (b"joe", b"sue"))


def carry_out(root: Path, *steps: install_call.Step) -> None:
    """As the installer's child does, which may have done some of it before."""
    parent, leaf = (os.open(root / path, os.O_RDONLY | os.O_DIRECTORY) for path in ("domains", "domains/example.org"))
    words = [install_call.write_step(step) for step in steps]
    answer = domains.carry_out(parent, leaf, b"example.org", b"example.org", os.fsencode(root / "removed"), words)
    assert b"K" in answer[:8], answer


def domain(root: Path, *accounts: vpasswd.Account) -> None:
    (root / "removed").mkdir()
    folder = root / "domains/example.org"
    for account in accounts:
        for part in ("new", "cur", "tmp"):
            (folder / account.name.decode() / "Maildir" / part).mkdir(parents=True)
    text = vpasswd.write(list(accounts))
    (folder / "vpasswd").write_bytes(text)
    (folder / "vpasswd.cdb").write_bytes(vpasswd.compile_(text))


def in_a_child(work: Callable[[], None]) -> None:
    """It changes directory and umask."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0


def compiled(root: Path) -> bytes:
    return (root / "domains/example.org/vpasswd.cdb").read_bytes()


def of(*accounts: vpasswd.Account) -> bytes:
    return vpasswd.compile_(vpasswd.write(list(accounts)))


def test_r2_a_mailbox_is_there_before_anybody_hears_of_it(kills: Kills) -> None:
    def act(root: Path) -> None:
        if compiled(root) != of(JOE, SUE):
            carry_out(root, MakeMailbox(b"sue"), Line(b"sue", vpasswd.write_line(SUE)))
        carry_out(root, Put(b"sue/.qmail", b"./Maildir/\n"))

    def check(root: Path, is_done: bool) -> None:
        assert compiled(root) in ((of(JOE, SUE),) if is_done else (of(JOE), of(JOE, SUE)))
        if compiled(root) == of(JOE, SUE):
            assert all((root / "domains/example.org/sue/Maildir" / part).is_dir() for part in ("new", "cur", "tmp"))
        assert (root / "domains/example.org/sue/.qmail").exists() or not is_done

    assert kills(lambda root: domain(root, JOE), act, check) > 20


def test_r2_a_mailbox_goes_after_nobody_hears_of_it_any_more(kills: Kills) -> None:
    def prepare(root: Path) -> None:
        domain(root, JOE, SUE)
        (root / "domains/example.org/sue/Maildir/new/1").write_bytes(MESSAGE)

    def act(root: Path) -> None:
        carry_out(root, Line(b"sue", b""), Retire(b"sue", b"sue:line"))

    def check(root: Path, is_done: bool) -> None:
        kept = [*root.glob("domains/example.org/sue/Maildir/new/1"), *root.glob("removed/*sue@example.org*/Maildir/new/1")]
        assert [path.read_bytes() for path in kept] == [MESSAGE], "her mail"
        has_gone = not (root / "domains/example.org/sue").exists()
        assert has_gone or not is_done
        assert compiled(root) == of(JOE) if has_gone else compiled(root) in (of(JOE), of(JOE, SUE))

    assert kills(prepare, act, check) > 20


@pytest.mark.parametrize("whole", [True, False], ids=["the whole file", "one line"])
def test_r2_vpasswd_and_its_cdb_agree_after_the_next_edit(kills: Kills, whole: bool) -> None:
    """Killed between the two the text is ahead; another mailbox's edit, which does not compile everything, must not leave it so."""
    joe, sue = (vpasswd.with_crypt(account, hashed(b"t")) for account in (JOE, SUE))
    texts = [vpasswd.write(accounts) for accounts in ([JOE, SUE], [joe, SUE])]

    def act(root: Path) -> None:
        carry_out(root, Put(b"vpasswd", texts[1]) if whole else Line(b"joe", vpasswd.write_line(joe)))

    def check(root: Path, is_done: bool) -> None:
        file = root / "domains/example.org/vpasswd"
        text = file.read_bytes().replace(vpasswd.write_line(sue), vpasswd.write_line(SUE))
        assert text == texts[1] if is_done else text in texts
        in_a_child(lambda: carry_out(root, Line(b"sue", vpasswd.write_line(sue))))
        assert compiled(root) == vpasswd.compile_(file.read_bytes())

    assert kills(lambda root: domain(root, JOE, SUE), act, check) > 20


def test_r2_what_was_deleted_is_whole_or_cannot_be_restored(kills: Kills) -> None:
    kept = "20260101000000-sue@example.org"

    def prepare(root: Path) -> None:
        for part in ("new", "cur", "tmp"):
            (root / "removed" / kept / "Maildir" / part).mkdir(parents=True)
        for name in ("1", "2"):
            (root / "removed" / kept / "Maildir/new" / name).write_bytes(MESSAGE)
        (root / "removed" / f"{kept}.line").write_bytes(b"sue:line\n")

    def act(root: Path) -> None:
        discarding.discard(os.fsencode(root / "removed"), kept.encode())

    def check(root: Path, is_done: bool) -> None:
        left = sorted(path.name for path in (root / "removed").iterdir())
        if kept in left:
            assert len(list((root / "removed" / kept / "Maildir/new").iterdir())) == 2 and f"{kept}.line" in left
        assert not is_done or left == []

    assert kills(prepare, act, check) > 10


# -- mail that is read -------------------------------------------------------------------------------------------------------------


def maildir(root: Path) -> Path:
    for part in ("new", "cur", "tmp"):
        (root / "Maildir" / part).mkdir(parents=True)
    return root / "Maildir"


def contents(folder: Path) -> list[bytes]:
    return sorted(path.read_bytes() for part in ("new", "cur") for path in (folder / part).iterdir())


@pytest.mark.parametrize("profile", [RFC, CLASSIC], ids=["rfc", "classic"])
def test_r2_pop3_quit(kills: Kills, profile: Profile) -> None:
    texts = [b"Subject: %d\n\n%b" % (i, MESSAGE) for i in range(6)]

    def prepare(root: Path) -> None:
        box = maildir(root)
        for i, text in enumerate(texts):
            path = box / ("new" if i % 2 else "cur") / f"{1000 + i}.x"
            path.write_bytes(text)
            os.utime(path, (1000 + i, 1000 + i))
        (box / "maildirsize").write_bytes(b"99999999S\n20000 6\n")

    def act(root: Path) -> None:
        box = pop3_mailbox.open_(os.fsencode(root / "Maildir"), profile, NOW_S)
        doomed = 0
        for i in range(len(box.sizes)):
            fd = box.open(i)
            if int(os.read(fd, 10).split()[1]) < 4:
                doomed |= 1 << i
            os.close(fd)
        assert box.commit(doomed) == 0

    def check(root: Path, is_done: bool) -> None:
        found = contents(root / "Maildir")
        assert len(found) == len(set(found)) and set(texts[4:]) <= set(found) <= set(texts)
        if is_done:
            assert found == texts[4:]
            assert not list((root / "Maildir/new").iterdir())

    assert kills(prepare, act, check) > 12


def test_r2_folders_of_a_mailbox(kills: Kills) -> None:
    texts = [b"Subject: %d\n\n%b" % (i, MESSAGE) for i in range(3)]

    def prepare(root: Path) -> None:
        box = maildir(root)
        for i, text in enumerate(texts):
            (box / "new" / f"{1000 + i}.x").write_bytes(text)

    def act(root: Path) -> None:
        """Everything new is seen; two move to a folder made for them; one of our own is stored beside them, once."""
        with Mailbox(os.fsencode(root / "Maildir")) as box:
            inbox = box.folder(b"")
            inbox.take_new()
            archive = box.make_folder(b".Archive")
            for entry in inbox.entries():
                inbox.set_flags(entry, add=b"S")
            inbox.move([e for e in inbox.entries() if not e.name.startswith(b"1002")], archive)
            if not any(b"ours" in archive.open(e).read(0, 100) for e in archive.entries()):
                archive.deliver([b"Subject: ours\n\n", MESSAGE])
            box.replace_file(b"settings", b"new")

    def check(root: Path, is_done: bool) -> None:
        inbox = contents(root / "Maildir")
        has_folder = all((root / "Maildir/.Archive" / part).is_dir() for part in ("new", "cur"))
        archive = contents(root / "Maildir/.Archive") if has_folder else []
        ours = b"Subject: ours\n\n" + MESSAGE
        assert len(archive) == len(set(archive)) and set(archive) <= {*texts[:2], ours}
        assert {*inbox, *archive} - {ours} == set(texts), "a message is gone, or changed"
        if is_done:
            assert set(archive) == {*texts[:2], ours}
            assert texts[2] in inbox and (root / "Maildir/settings").read_bytes() == b"new"

    assert kills(prepare, act, check) > 40


# -- mail that arrives -------------------------------------------------------------------------------------------------------------


def test_r2_delivery_into_maildirs(kills: Kills) -> None:
    def prepare(root: Path) -> None:
        (root / "message").write_bytes(MESSAGE)
        os.utime(root / "message", (NOW_S, NOW_S))
        for name in range(6):
            (root / f"{name}").mkdir()
            maildir(root / f"{name}")

    def act(root: Path) -> None:
        fd = os.open(root / "message", os.O_RDONLY)
        deliverer = Deliverer(b"h")
        staged = [
            deliverer.stage(os.fsencode(root / f"{i}/Maildir"), mess.message(fd, is_suspected=True), b"Delivered-To: %d\n" % i, i)
            for i in range(6)
        ]
        deliverer.commit(staged)
        assert not any(d.failure for d in staged)

    def check(root: Path, is_done: bool) -> None:
        for i in range(6):
            assert contents(root / f"{i}/Maildir") in (
                [[b"Delivered-To: %d\n" % i + MESSAGE]] if is_done else [[], [b"Delivered-To: %d\n" % i + MESSAGE]]
            )

    assert kills(prepare, act, check) > 20


def test_r2_delivery_into_a_virtual_mailbox_that_has_no_directory_yet(kills: Kills) -> None:
    """With a quota, so that the books are kept, too."""

    def prepare(root: Path) -> None:
        for name in ("bin", "users", "domains/example.org"):
            (root / name).mkdir(parents=True)
        home = os.fsencode(root / "domains/example.org")
        account = vpasswd.Account(b"joe", b"x", 1, 0, b"", home + b"/joe", b"1000000S")
        (root / "domains/example.org/vpasswd.cdb").write_bytes(of(account))
        (root / "message").write_bytes(MESSAGE)
        os.utime(root / "message", (NOW_S, NOW_S))

    def act(root: Path) -> None:
        home = os.fsencode(root / "domains/example.org")
        line = b"Return-Path: <s@x>\n"
        asked = {b"EXT": b"joe", b"HOST": b"example.org", b"HOME": home, b"SENDER": b"s@x", b"NEWSENDER": b"s@x", b"RPLINE": line}
        fds = Fds({0: os.open(root / "message", os.O_RDONLY), 1: 2})
        assert runner.call("vdelivermail", [b"", b"bounce-no-mailbox"], {b"QMAIL_HOME": os.fsencode(root), **asked}, fds) == 0

    def check(root: Path, is_done: bool) -> None:
        box = root / "domains/example.org/joe/Maildir"
        assert not box.exists() or all((box / part).is_dir() for part in ("new", "cur", "tmp")), "half a Maildir would never be mended"
        found = contents(box) if box.exists() else []
        assert len(found) == 1 if is_done else len(found) <= 1
        assert all(text.endswith(MESSAGE) for text in found)

    assert kills(prepare, act, check) > 30


def test_r2_delivery_into_an_mbox(kills: Kills) -> None:
    first, second = (b"From %b Sat Jan 03 01:05:34 1996\n%b" % (sender, MESSAGE) for sender in (b"a@b", b"s@x"))

    def prepare(root: Path) -> None:
        (root / "message").write_bytes(MESSAGE)
        (root / "mbox").write_bytes(first + b"\n")

    def act(root: Path) -> None:
        fd = os.open(root / "message", os.O_RDONLY)
        mboxfile.deliver(os.fsencode(root / "mbox"), b"./mbox", second[: -len(MESSAGE)], mess.message(fd, is_suspected=False))

    def check(root: Path, is_done: bool) -> None:
        """Readers take a line "From " after an empty line for a beginning."""
        found = [b"From " + part.strip(b"\n") for part in (b"\n\n" + (root / "mbox").read_bytes()).split(b"\n\nFrom ")]
        assert first.strip(b"\n") in found
        assert second.strip(b"\n") in found or not is_done, "it cannot be told from a piece of itself"

    assert kills(prepare, act, check) > 6


@pytest.mark.parametrize("count", [1, SYNCFS_FROM + 1])
def test_r2_enqueue(kills: Kills, count: int) -> None:
    envelope = todo.write(todo.Todo(7, 812, b"a@b", (b"x@y",)))

    def prepare(root: Path) -> None:
        QmailHome(root / "q")

    def act(root: Path) -> None:
        enqueuer = Enqueuer(os.fsencode(root / "q/queue"), pid=1)
        batch = []
        for _ in range(count):
            staged = enqueuer.stage(NOW_S)
            enqueuer.write(staged, [MESSAGE[:100], MESSAGE[100:]])
            batch.append(Submission(staged, envelope))
        enqueuer.commit(batch, NOW_S)
        assert not any(s.failed for s in batch)
        (root / "acknowledged").write_text(" ".join(str(s.message.messnum) for s in batch))

    def check(root: Path, is_done: bool) -> None:
        queue = root / "q/queue"
        queued = {int(path.name) for path in (queue / "todo").iterdir()}
        for messnum in queued:
            mess_file = queue / "mess" / str(messnum % 23) / str(messnum)
            assert (mess_file.read_bytes(), mess_file.stat().st_ino) == (MESSAGE, messnum)
            assert (queue / "todo" / str(messnum)).read_bytes() == envelope
        if is_done:
            assert {int(n) for n in (root / "acknowledged").read_text().split()} <= queued

    assert kills(prepare, act, check) > 10


# -- the sweep itself --------------------------------------------------------------------------------------------------------------


def in_place(path: Path, data: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.write(fd, data)
    os.close(fd)


@pytest.mark.parametrize(
    ("why", "act"),
    [
        ("written in place", lambda root: in_place(root / "a", b"new")),
        ("moved by hand", lambda root: (os.unlink(root / "a"), in_place(root / "a", b"new"))),
    ],
)
def test_r2_the_sweep_of_calls_catches(tmp_path: Path, table: Table, why: str, act: Callable[[Path], None]) -> None:
    def check(root: Path, is_done: bool) -> None:
        assert (root / "a").read_bytes() in ((b"new",) if is_done else (b"old", b"new"))

    with pytest.raises((AssertionError, FileNotFoundError)) as caught:
        sweep(tmp_path, lambda root: in_place(root / "a", b"old"), act, check)
    table.self_test("R2", f"a file {why}", caught.value.__notes__[0], of=CALLS)
