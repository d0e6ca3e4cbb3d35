"""R6, R7, R8: no space, no inodes, a disk that takes no changes, below the queue, the mailboxes, the logs: 4xx or business as usual,
nothing lost, nothing bounced, and all goes on when it is over.

Needs root, for loop mounts. The full forms last longer and take more kinds of file systems; see `make crash`.
"""

from __future__ import annotations

import poplib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mta.unix.generations import Generations, Why
from tests.crash import faults_disk, faults_plane
from tests.crash.conftest import Table
from tests.crash.faults import Told, World, enter, free_space
from tests.crash.faults_disk import Disk
from tests.crash.faults_plane import PASSWORD

QUICK = {"queue": ("ext4", 16), "domains": ("ext4", 16)}
Act = Callable[[Disk], object]


def no_space(disk: Disk) -> None:
    disk.fill()


def space(disk: Disk) -> None:
    (disk.where / "ballast").unlink()


def no_inodes(disk: Disk) -> None:
    disk.fill_inodes()


def inodes(disk: Disk) -> None:
    shutil.rmtree(disk.where / "crowd")


def read_only(disk: Disk) -> None:
    disk.remount("ro")


def writable(disk: Disk) -> None:
    disk.remount("rw")


FAULTS: dict[str, tuple[Act, Act]] = {
    "no space": (no_space, space),
    "no inodes": (no_inodes, inodes),
    "read-only": (read_only, writable),
}
# what a probe may hear: mail that can be queued is
REPLIES = {"queue": {"451", "452", "250"}, "domains": {"250"}, "service": {"250"}}
KINDS = ("ext4", "xfs")


def is_possible(place: str, fault: str, kind: str) -> bool:
    """xfs makes inodes as long as there is space. Below queue/ and service/ files are always open for writing, and the kernel refuses a
    read-only remount: there it is forced."""
    return (fault, kind) != ("no inodes", "xfs") and (fault != "read-only" or place == "domains")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    reason = faults_disk.why_not("ext4", "xfs") or faults_plane.why_not()
    if reason:
        pytest.skip(reason)
    with faults_plane.folder() as path:
        yield path


@pytest.fixture(scope="module")
def world(folder: Path) -> Iterator[World]:
    with World(folder, mounts=QUICK) as found:
        yield found


def check(world: World, place: str, fault: str, lasts_s: float = 0.3) -> Told:
    begin, end = FAULTS[fault]
    disk = world.disks[place]
    told = world.suffer(lambda: begin(disk), lambda: end(disk), lasts_s=lasts_s)
    assert told.is_good and set(told.codes) <= REPLIES[place], str(told)
    assert told.worst_s < 1, f"the peer waits {told.worst_s:.1f} s: {told}"
    return told


@pytest.mark.slow
@pytest.mark.root
@pytest.mark.parametrize(
    ("place", "fault"), [("queue", "no space"), ("queue", "no inodes"), ("domains", "no space"), ("domains", "read-only")]
)
def test_r6_r7_r8_nothing_is_lost_while_there_is(world: World, place: str, fault: str) -> None:
    check(world, place, fault)


@pytest.mark.slow
@pytest.mark.root
def test_r6_mail_can_be_deleted_from_a_full_disk(world: World) -> None:
    mail = world.plane.maildir("joe")
    assert world.probe().code == "250"
    world.plane.drain()
    disk = world.disks["domains"]
    disk.fill()
    try:
        client = poplib.POP3("127.0.0.1", world.plane.pop3_port, timeout=20)
        client.user("joe@example.org")
        client.pass_(PASSWORD.decode())
        count = len(client.list()[1])
        assert count and client.retr(1)[0].startswith(b"+OK")
        for number in range(1, count + 1):
            client.dele(number)
        assert client.quit().startswith(b"+OK")
        assert not [*(mail / "new").iterdir(), *(mail / "cur").iterdir()]
    finally:
        space(disk)
    world.forget()


@pytest.mark.slow
@pytest.mark.root
def test_r6_a_full_log_holds_up_nobody(folder: Path) -> None:
    with faults_plane.folder() as path, World(path, mounts={"service": ("ext4", 16)}) as world:
        disk = world.disks["service"]
        told = world.suffer(lambda: disk.fill(), lambda: space(disk), lasts_s=0.3)
        assert told.is_good and set(told.codes) == {"250"} and told.worst_s < 1, str(told)


# -- the full forms ----------------------------------------------------------------------------------------------------------------


@pytest.mark.crash
@pytest.mark.root
@pytest.mark.parametrize(("place", "fault", "kind"), [(p, f, k) for p in REPLIES for f in FAULTS for k in KINDS if is_possible(p, f, k)])
def test_r6_r7_r8_full(folder: Path, table: Table, place: str, fault: str, kind: str) -> None:
    size_mb = 16 if kind == "ext4" else 300
    with faults_plane.folder() as path, World(path, mounts={place: (kind, size_mb)}) as world:
        told = check(world, place, fault, lasts_s=5)
        enter(table, {"no space": "R6", "no inodes": "R7", "read-only": "R8"}[fault], f"{fault} for {place}/, {kind}", told)


CAUGHT = [
    ("R6", "domains", "no space", "a disk that takes nothing fails a delivery for good"),
    ("R7", "domains", "no inodes", "a disk that takes nothing fails a delivery for good"),
    ("R8", "domains", "read-only", "a disk that takes nothing fails a delivery for good"),
    ("R6", "queue", "no space", "what the disk does not take counts as written"),
]


@pytest.mark.crash
@pytest.mark.root
@pytest.mark.parametrize(("test", "place", "fault", "broken"), CAUGHT)
def test_r6_r7_r8_are_caught(folder: Path, table: Table, test: str, place: str, fault: str, broken: str) -> None:
    with faults_plane.folder() as path, World(path, mounts={place: ("ext4", 16)}, broken=broken) as world:
        begin, end = FAULTS[fault]
        disk = world.disks[place]
        told = world.suffer(lambda: begin(disk), lambda: end(disk), lasts_s=1)
    table.self_test(test, broken, "" if told.audit.is_good else told.audit.summary)
    assert not told.audit.is_good, str(told)


@pytest.mark.crash
@pytest.mark.root
def test_r6_full_fill_while_loading(folder: Path, table: Table) -> None:
    """The mail itself fills the disk: nobody reads it."""
    with faults_plane.folder() as path, World(path, mounts={"domains": ("ext4", 16)}) as world:
        disk = world.disks["domains"]

        def fill() -> None:
            disk.fill()
            space(disk)  # room for some messages more, but not for many
            (disk.where / "ballast").write_bytes(bytes(max(0, free_space(disk.where) - (1 << 20))))

        told = world.suffer(fill, lambda: space(disk), lasts_s=10)
        enter(table, "R6", "a disk that the mail itself fills, domains/, ext4", told)
        assert told.is_good, str(told)


@pytest.mark.crash
@pytest.mark.root
@pytest.mark.parametrize("place", ["queue", "service", "domains"])
def test_r8_full_forced_read_only(folder: Path, table: Table, place: str) -> None:
    """After an error of the disk. It takes a fresh mount, and so a stop and a start; until then nobody runs in circles."""
    with faults_plane.folder() as path, World(path, mounts={place: ("ext4", 16)}) as world:
        disk = world.disks[place]

        def mend() -> None:
            world.plane.kill()
            disk.after_an_error()
            world.plane.start()

        told = world.suffer(disk.force_read_only, mend, lasts_s=5, may_restart=faults_plane.SERVICES, again_s=30)
        starts = {name: world.plane.log(name).count(": status: ") for name in ("smtpd", "queue-writer", "pop3d", "vmaild")}
        enter(table, "R8", f"{place}/ forced read-only for 5 s, then repaired; at most {max(starts.values())} starts of a service", told)
        assert told.is_good and set(told.codes) <= REPLIES[place], str(told)
        assert max(starts.values()) <= 3, f"a crash loop: {starts}"


@pytest.mark.crash
@pytest.mark.root
@pytest.mark.parametrize("fault", ["no space", "no inodes", "read-only"])
def test_r8_full_the_configuration(folder: Path, table: Table, fault: str) -> None:
    """Mail goes on by what is installed; nothing new is put in force by half, and afterwards it can be."""
    mounts = {".": ("ext4", 24), **dict.fromkeys(REPLIES, ("ext4", 16))}  # one move puts a whole configuration in force: one disk
    with faults_plane.folder() as path, World(path, mounts=mounts) as world:
        begin, end = FAULTS[fault]
        disk = world.disks["."]
        generations = Generations(bytes(world.plane.home))
        number = generations.current()
        changes: dict[bytes, bytes | None] = {b"control/databytes": b"12345678\n", b"users/append": b"x" * 70_000}

        def install() -> None:
            begin(disk)
            with pytest.raises(OSError):
                generations.install(changes, Why(b"ada", b"a test"))
            assert generations.current() == number

        told = world.suffer(install, lambda: end(disk), lasts_s=3)
        enter(
            table,
            {"no space": "R6", "no inodes": "R7", "read-only": "R8"}[fault],
            f"{fault} for generations/ (control/, users/), ext4",
            told,
        )
        assert told.is_good and set(told.codes) == {"250"}, str(told)
        assert generations.install(changes, Why(b"ada", b"a test")) == generations.current() > number
        assert (world.plane.home / "control/databytes").read_bytes() == b"12345678\n"
