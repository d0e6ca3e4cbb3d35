"""queue-fix: a queue that was copied is delivered from again, wherever the work was interrupted; folders, modes, owners."""

from __future__ import annotations

import fcntl
import os
import random
import shutil
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy import hier
from mta.programs.queue_tools.queue_fix import names
from mta.unix import accounts, queue_scan, queue_tree
from mta.unix.queuedir import SPLIT, Paths
from tests.support import queue_program
from tests.support.call import Result, call
from tests.support.qmail_home import QmailHome
from tests.support.sender import Sender
from tests.support.unprivileged import IS_ROOT

Shape = dict[bytes, tuple[bytes, ...]]


@pytest.fixture
def home(tmp_path: Path) -> QmailHome:
    """With the modes that deploy gives."""
    found = QmailHome(tmp_path / "q")
    if accounts.single(found.home):
        hier.make(found.path, hier.TABLE, is_single=True)
    return found


def fix(home: QmailHome, *argv: bytes) -> Result:
    return call("queue-fix", list(argv), {b"QMAIL_HOME": home.home})


def filled(home: QmailHome, count: int = 12) -> Shape:
    """Messages of all kinds; each says its name."""
    for n in range(count):
        text = b"Subject: %d\n\n" % n
        match n % 4:
            case 0:
                home.enqueue(text, b"s%d@x" % n, b"r%d@x" % n)
            case 1:
                home.preprocessed(text, b"s%d@x" % n, local=(b"r%d@x" % n,))
            case 2:
                home.preprocessed(text, b"s%d@x" % n, remote=(b"r%d@x" % n, b"rr%d@x" % n))
            case _:
                number = home.preprocessed(text, b"s%d@x" % n, local=(b"r%d@x" % n,), remote=(b"rr%d@x" % n,))
                (home.queue / f"bounce/{number}").write_bytes(b"bounce of %d" % n)
    return shape(home)


def shape(home: QmailHome) -> Shape:
    """Text of each message -> everything that belongs to it, numbers apart."""
    paths = Paths(os.fsencode(home.queue))
    found = {}
    for message in queue_scan.messages(paths):
        text = Path(os.fsdecode(paths.mess(message.messnum))).read_bytes()
        bounce = Path(os.fsdecode(paths.bounce(message.messnum)))
        parts = [message.sender or b"none", *(message.waiting or ()), *(b"L" + r.address for r in message.local)]
        parts += [*(b"R" + r.address for r in message.remote), bounce.read_bytes() if bounce.exists() else b""]
        found[text] = tuple(parts)
    return found


def copied(home: QmailHome) -> None:
    """As a backup restores it: the same names, other inodes."""
    old = home.path / "old"
    home.queue.rename(old)
    shutil.copytree(old, home.queue, copy_function=_copy)
    shutil.rmtree(old)


def _copy(source: str, target: str) -> None:
    if stat.S_ISFIFO(os.stat(source).st_mode):
        os.mkfifo(target)
    shutil.copystat(source, target) if os.path.exists(target) else shutil.copy2(source, target)


def is_in_order(home: QmailHome) -> bool:
    numbered = list(home.queue.glob("mess/*/*"))
    return all(path.name == str(path.stat().st_ino) and path.parent.name == str(path.stat().st_ino % SPLIT) for path in numbered)


def test_a_queue_in_order_stays_as_it_is(home: QmailHome) -> None:
    before = filled(home), home.files()
    assert fix(home) == Result(0, b"", b"")
    assert (shape(home), home.files()) == before


def test_a_queue_that_was_copied_gets_its_messages_back(home: QmailHome) -> None:
    before = filled(home)
    copied(home)
    assert not is_in_order(home)
    result = fix(home)
    assert (result.code, result.err, result.out.count(b": mended\n")) == (0, b"", len(before))
    assert is_in_order(home)
    assert shape(home) == before
    assert fix(home) == Result(0, b"", b"")


def test_it_only_shows_what_is_wrong_when_told_so(home: QmailHome) -> None:
    filled(home)
    copied(home)
    before = home.files()
    result = fix(home, b"-N")
    assert (result.code, b"mended" in result.out) == (1, False)
    assert result.out.startswith(b"message ")
    assert home.files() == before


def test_qmail_send_delivers_from_it_again(home: QmailHome, tmp_path: Path) -> None:
    home.preprocessed(b"Subject: x\n\n", b"ada@x", remote=(b"bo@far.example",))
    copied(home)
    assert fix(home).code == 0
    with Sender(home, env={b"QMAILQUEUE": queue_program.make(tmp_path / "kept").path}) as send:
        assert send.remote.command().recipient == b"bo@far.example"


# -- numbers


def renumber(home: QmailHome, numbers: dict[int, int]) -> None:
    """Give messages other names than they should have, as if they had been copied onto each other's inodes."""
    for files in (queue_tree.MESS, *queue_tree.SIBLINGS):
        moves = [(_place(home, files, old), _place(home, files, new)) for old, new in numbers.items()]
        moves = [(old, new) for old, new in moves if old.exists()]
        for old, _ in moves:
            old.rename(old.with_suffix(".x"))
        for old, new in moves:
            old.with_suffix(".x").rename(new)


def _place(home: QmailHome, files: queue_tree.Files, number: int) -> Path:
    return home.queue / files.folder / (str(number % SPLIT) if files.is_split else "") / str(number)


def cycle(home: QmailHome) -> dict[int, int]:
    """Every number is another message's."""
    numbers = [message.messnum for message in queue_scan.messages(Paths(os.fsencode(home.queue)))]
    return dict(zip(numbers, numbers[1:] + numbers[:1], strict=True))


def test_messages_that_have_each_others_numbers(home: QmailHome) -> None:
    before = filled(home)
    renumber(home, cycle(home))
    assert not is_in_order(home)
    assert fix(home).code == 0
    assert (is_in_order(home), shape(home)) == (True, before)


class Stopped(Exception):
    """As if the machine had lost its power."""


def stopping_after(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[..., None] = os.rename
    left = [count]

    def rename(source: bytes, target: bytes) -> None:
        if not left[0]:
            raise Stopped
        left[0] -= 1
        real(source, target)

    monkeypatch.setattr(names.os, "rename", rename)


@pytest.mark.parametrize("kind", ["copied", "cycle"])
def test_stopped_at_any_moment_it_goes_on_the_next_time(kind: str, home: QmailHome, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once at every rename of a run, and then at a random one of each run after it."""
    before = filled(home, 4)
    rng = random.Random(1)
    for moment in range(200):
        copied(home) if kind == "copied" else renumber(home, cycle(home))
        count, runs = moment, 0
        while True:
            with monkeypatch.context() as patch:
                stopping_after(count, patch)
                result = call("queue-fix", [], {b"QMAIL_HOME": home.home})
            if b"Stopped" not in result.err:
                break
            count, runs = rng.randrange(1, 30), runs + 1
        assert (result.code, is_in_order(home), shape(home)) == (0, True, before), moment
        if not runs:
            break
    assert moment > 20


def test_copied_while_it_was_at_it(home: QmailHome, monkeypatch: pytest.MonkeyPatch) -> None:
    before = filled(home, 4)
    copied(home)
    with monkeypatch.context() as patch:
        stopping_after(7, patch)
        assert b"Stopped" in fix(home).err
    copied(home)
    assert fix(home).code == 0
    assert (is_in_order(home), shape(home)) == (True, before)


def test_a_file_in_the_wrong_folder(home: QmailHome) -> None:
    number = home.preprocessed(b"Subject: x\n\n", b"s@x", local=(b"r@x",))
    before = shape(home)
    wrong = (number + 1) % SPLIT
    for folder in ("mess", "local"):
        home.split(folder, number).rename(home.queue / folder / str(wrong) / str(number))
    assert b"local/%d/%d: belongs into local/%d: mended\n" % (wrong, number, number % SPLIT) in fix(home).out
    assert shape(home) == before


def test_what_was_of_another_message_does_not_become_this_ones(home: QmailHome) -> None:
    """A bounce without its message has the number that another message is to get."""
    number = home.preprocessed(b"Subject: x\n\n", b"s@x", local=(b"r@x",))
    before = shape(home)
    renumber(home, {number: number + SPLIT})
    (home.queue / f"bounce/{number}").write_bytes(b"not mine")
    assert b"bounce/%d: has no message: called %d.lost\n" % (number, number) in fix(home).out
    assert shape(home) == before
    assert (home.queue / f"bounce/{number}.lost").read_bytes() == b"not mine"


def test_two_messages_of_one_number_are_left_alone(home: QmailHome) -> None:
    number = home.preprocessed(b"Subject: x\n\n", b"s@x", local=(b"r@x",))
    other = home.queue / "mess" / str((number + 1) % SPLIT) / str(number)
    other.write_bytes(b"Subject: y\n\n")
    before = home.files()
    result = fix(home)
    assert b"has the number of mess/" in result.out
    assert home.files() == before


def test_what_is_not_known_is_told_of_and_left_alone(home: QmailHome) -> None:
    filled(home)
    (home.queue / "mess/3/README").touch()
    (home.queue / "local/4/x.y").touch()
    (home.queue / "bounce/1").touch()
    out = fix(home).out
    assert b"mess/3/README: does not belong here\n" in out
    assert b"local/4/x.y: does not belong here\n" in out
    assert b"1: has no message: only bounce\n" in out
    assert (home.queue / "mess/3/README").exists()


def test_a_message_without_an_envelope_is_told_of(home: QmailHome) -> None:
    number = home.enqueue(b"x\n", b"s@x", b"r@x")
    (home.queue / f"todo/{number}").unlink()
    assert b"mess/%d/%d: has no envelope: being queued, or left over\n" % (number % SPLIT, number) in fix(home).out


# -- folders, modes, owners


def modes(home: QmailHome) -> dict[str, int]:
    return {str(path.relative_to(home.queue)): path.lstat().st_mode for path in home.queue.rglob("*")}


def test_a_queue_is_made_from_nothing(home: QmailHome) -> None:
    fix(home)
    before = modes(home)
    shutil.rmtree(home.queue)
    result = fix(home)
    assert (result.code, result.err) == (0, b"")
    assert b"queue: is missing: mended\nqueue: has mode 0700, not 0750: mended\npid: is missing: mended\n" in result.out
    assert modes(home) == before
    assert (home.queue / "lock/tcpto").read_bytes() == bytes(1024)


@pytest.mark.parametrize(
    ("why", "harm", "line"),
    [
        ("a folder is missing", lambda q: (q / "remote/7").rmdir(), b"remote/7: is missing: mended\n"),
        ("a folder is open", lambda q: (q / "bounce").chmod(0o777), b"bounce: has mode 0777, not 0700: mended\n"),
        (
            "the trigger is a file",
            lambda q: ((q / "lock/trigger").unlink(), (q / "lock/trigger").touch()),
            b"lock/trigger: is no fifo: mended\n",
        ),
        ("the table is short", lambda q: (q / "lock/tcpto").write_bytes(b"x"), b"lock/tcpto: has another size: mended\n"),
        ("nobody can lock", lambda q: (q / "lock/sendmutex").unlink(), b"lock/sendmutex: is missing: mended\n"),
    ],
)
def test_the_tree_is_mended(why: str, harm: Callable[[Path], object], line: bytes, home: QmailHome) -> None:
    fix(home)
    before = modes(home)
    harm(home.queue)
    assert b"mended" not in fix(home, b"-N").out
    result = fix(home)
    assert (result.code, line in result.out) == (0, True), result.out
    assert modes(home) == before


def test_files_that_those_who_need_them_cannot_read(home: QmailHome) -> None:
    number = home.preprocessed(b"x\n", b"s@x", local=(b"r@x",))
    home.split("mess", number).chmod(0o600)
    home.split("local", number).chmod(0o666)
    out = fix(home).out
    assert b"mess/%d/%d: has mode 0600: mended\n" % (number % SPLIT, number) in out
    assert b"local/%d/%d: has mode 0666: mended\n" % (number % SPLIT, number) in out
    assert home.split("mess", number).stat().st_mode & 0o777 == 0o644
    assert home.split("local", number).stat().st_mode & 0o777 == 0o644
    assert fix(home) == Result(0, b"", b"")


def test_what_it_cannot_mend_it_says(home: QmailHome) -> None:
    fix(home)
    (home.queue / "lock/trigger").unlink()
    (home.queue / "lock/trigger").mkdir()
    result = fix(home)
    assert b"lock/trigger: is no fifo\n" in result.out


def test_verbose_it_says_what_it_looked_at(home: QmailHome) -> None:
    fix(home)
    assert fix(home, b"-v").out.count(b": looked at\n") == len(queue_tree.TABLE)


@pytest.mark.root
@pytest.mark.skipif(not IS_ROOT or bool(accounts.missing()), reason="only root can give files away, and to users that are there")
def test_owners_of_an_instance_with_qmails_users(home: QmailHome) -> None:
    number = home.preprocessed(b"x\n", b"s@x", local=(b"r@x",))
    os.chown(home.path / "alias", accounts.lookup("alias").uid, -1)
    assert fix(home, b"-N").code == 1
    assert fix(home).code == 0
    uids = {name: accounts.lookup(name).uid for name in ("qmailq", "qmails", "qmailr")}
    found = {path: (home.queue / path).stat().st_uid for path in ("", "todo", "bounce", "info/3", "lock/tcpto", "lock/trigger")}
    assert found == {
        "": uids["qmailq"],
        "todo": uids["qmailq"],
        "bounce": uids["qmails"],
        "info/3": uids["qmails"],
        "lock/tcpto": uids["qmailr"],
        "lock/trigger": uids["qmails"],
    }
    assert home.split("mess", number).stat().st_uid == uids["qmailq"]
    assert home.split("local", number).stat().st_uid == uids["qmails"]
    assert fix(home) == Result(0, b"", b"")


# -- who is at work


def test_not_while_qmail_send_is_at_work(home: QmailHome) -> None:
    filled(home)
    copied(home)
    before = home.files()
    with (home.queue / "lock/sendmutex").open("wb") as mutex:
        fcntl.flock(mutex, fcntl.LOCK_EX)
        assert fix(home) == Result(111, b"", b"queue-fix: fatal: qmail-send is running: stop it first\n")
    assert home.files() == before


def test_not_while_the_queue_writer_is_at_work(home: QmailHome) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(home.path / "run/queue-writer"))
        sock.listen()
        assert fix(home) == Result(111, b"", b"queue-fix: fatal: the queue writer is running: stop it first\n")
    assert fix(home).code == 0  # it is gone, its socket is not


def test_another_queue(home: QmailHome, tmp_path: Path) -> None:
    before = filled(home)
    copied(home)
    assert call("queue-fix", [os.fsencode(home.queue)], {b"QMAIL_HOME": b"/none"}).code == 0
    assert shape(home) == before


@pytest.mark.parametrize("argv", [[b"-z"], [b"a", b"b"]])
def test_wrong_arguments(argv: list[bytes], home: QmailHome) -> None:
    result = fix(home, *argv)
    assert (result.code, result.out) == (100, b"")
    assert result.err.endswith(b"queue-fix: usage: queue-fix [ -Nv ] [ queue ]\n")


def test_without_an_instance(tmp_path: Path) -> None:
    result = call("queue-fix", [], {b"QMAIL_HOME": os.fsencode(tmp_path / "none")})
    assert (result.code, result.err[:31]) == (111, b"queue-fix: fatal: unable to loo")


def test_the_table_is_that_of_the_deployment() -> None:
    assert {f"queue/{e.path}".rstrip("/") for e in queue_tree.TABLE} == {e.path for e in hier.TABLE if e.path.startswith("queue")}
