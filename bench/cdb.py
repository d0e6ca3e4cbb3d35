"""How fast are cdbs made and looked into, beside tinycdb? And how long after an edit of one mailbox does the mail plane know it, with
100 000 mailboxes in 1 000 domains, and in one?

An edit is the call of the act behind the web's page: rows, audit, installer (its own process, its children as the owners), commit. It is
over when what qmail-lspawn and vdelivermail look into (users/cdb, then the domain's vpasswd.cdb, both kept open) gives the new answer.
Peer     vpopmail's way, with C programs: vpasswd is copied with the line changed, and its whole cdb made again by tinycdb; and all domains
         and users/cdb, as after an edit where nobody knows what changed. Without a database, an audit log, or a single fsync.
"""

from __future__ import annotations

import ctypes
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bench import measure
from bench.measure import Series
from bench.peers.tawny import Tawny
from mta.formats import cdb, users_assign, vpasswd
from mta.formats.users_assign import Assignment, User
from mta.programs.qmail.qmail_lspawn.users import Users
from mta.unix import accounts, crypt, vdomain
from mta.unix.cdbfile import open_

if TYPE_CHECKING:
    from webadmin.access import Actor

RECORDS, RUNS, EDITS = 100_000, 7, 15
SHAPES = ((1000, 100), (1, 100_000))
LIBCDB = "libcdb.so.1"
Note = Callable[[str, str, str, float], None]
Act = Callable[[], object]


class Town(Tawny):
    """An instance of which the installer runs. Domains d0.example, d1.example ... with mailboxes user0, user1 ..."""

    def __init__(self, folder: Path, domains: int, mailboxes: int) -> None:
        super().__init__(folder, port=0, hashed=crypt.make(b"a password", b"0123456789abcdef").decode())
        self.domains = [f"d{number}.example" for number in range(domains)]
        self._mailboxes = mailboxes

    def start(self) -> None:
        self.prepare()
        (self.home / "webadmin" / "secret-key").write_text("x" * 50)
        self.run("installer")
        measure.wait_until(lambda: measure.answers(f"unix:{self.home}/run/installer"))

    def _domain(self) -> None:
        owner = accounts.lookup(accounts.VPOPMAIL)
        assign = []
        for name in self.domains:
            folder = self.home / "domains" / name
            folder.mkdir()
            text = b"".join(map(vpasswd.write_line, self._accounts(folder)))
            (folder / "vpasswd").write_bytes(text)
            (folder / "vpasswd.cdb").write_bytes(vpasswd.compile_(text))
            (folder / ".qmail-default").write_text(f"|{self.home}/bin/vdelivermail '' bounce-no-mailbox\n")
            for path in (folder, *folder.iterdir()):
                os.chown(path, owner.uid, owner.gid)
            user = User(name.encode(), owner.uid, owner.gid, os.fsencode(folder), b"-", b"")
            assign.append(Assignment(True, name.encode() + b"-", user))
        (self.home / "control" / "virtualdomains").write_text("".join(f"{name}:{name}\n" for name in self.domains))
        (self.home / "users").mkdir()
        (self.home / "users/assign").write_bytes(users_assign.write(assign))
        (self.home / "users/cdb").write_bytes(users_assign.compile_(users_assign.write(assign)))

    def _accounts(self, folder: Path) -> list[vpasswd.Account]:
        """Lines of some 200 octets, as most are."""
        directory = os.fsencode(folder)
        names = [b"user%d" % number for number in range(self._mailboxes)]
        return [vpasswd.Account(n, self._hashed, 1, 0, b"A person called " + n, directory + b"/" + n, b"104857600S") for n in names]


def main() -> None:
    if shutil.which("cdb") is None or shutil.which("cdbmake") is None:
        sys.exit("bench: the peers are missing: apt-get install tinycdb freecdb")
    series: dict[tuple[str, str, str], Series] = {}

    def note(who: str, what: str, unit: str, figure: float) -> None:
        series.setdefault((who, what, unit), Series(who, what, unit)).runs.append(figure)

    with measure.file_system() as disk:
        _databases(disk, note)
        for domains, mailboxes in SHAPES:
            town = Town(disk, domains, mailboxes)
            try:
                town.start()
                _edits(town, f"{domains:,} x {mailboxes:,}".replace(",", " "), note)
            finally:
                _leave()
                town.stop()
    measure.save(
        "cdb",
        f"Databases of {RECORDS} records, and edits of one mailbox among {RECORDS}",
        list(series.values()),
        "users/assign: by qmail-newu, from the start of the program to its exit, synced; by cdb -c and cdbmake from text with the same "
        "records, not synced. Look-ups: tinycdb's library through ctypes, a call of which takes longer than a look-up. Edits: from the "
        "call of the act to the new answer for who delivers, in domains x mailboxes. Compiled by tinycdb: vpopmail's way, without "
        "database, audit log and sync.",
    )


def _ms(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1000


# -- databases ---------------------------------------------------------------------------------------------------------------------


def _databases(disk: Path, note: Note) -> None:
    users = disk / "assign" / "users"
    users.mkdir(parents=True)
    found = [Assignment(i % 2 == 0, b"person-%d-" % i, User(b"vpopmail", 89, 89, b"/home/person%d" % i, b"-", b"")) for i in range(RECORDS)]
    (users / "assign").write_bytes(users_assign.write(found))
    records = list(cdb.records(users_assign.compile_(users_assign.write(found))))
    text, peer = disk / "text", disk / "peer.cdb"
    text.write_bytes(b"".join(b"+%d,%d:%b->%b\n" % (len(k), len(d), k, d) for k, d in records) + b"\n")
    newu = [os.path.realpath(sys.executable), "-I", "-c", f"import sys; sys.path.insert(0, {os.getcwd()!r}); from mta import runner"]
    newu[-1] += "; runner.run('qmail-newu')"
    for _ in range(RUNS):
        note("Tawny", "users/assign compiled", "ms", _ms(lambda: _run(newu, {"QMAIL_HOME": str(users.parent)})))
        for who, words in (("tinycdb", ["cdb", "-c", str(peer)]), ("freecdb", ["cdbmake", str(peer), f"{peer}.tmp"])):
            with text.open("rb") as file:
                note(who, "users/assign compiled", "ms", _ms(lambda w=words, f=file: subprocess.run(w, stdin=f, check=True)))  # type: ignore[misc]
            if peer.read_bytes() != (users / "cdb").read_bytes():
                sys.exit(f"bench: {who} makes another database")
    _look_ups(peer, [key for key, _ in records], note)


def _run(words: list[str], env: dict[str, str]) -> None:
    subprocess.run(words, env=env, check=True)


def _look_ups(path: Path, keys: list[bytes], note: Note) -> None:
    random.Random(3).shuffle(keys)
    ours = open_(os.fsencode(path))
    assert ours is not None
    with _tinycdb(path) as theirs:
        for _ in range(RUNS):
            for who, get in (("Tawny", ours.get), ("tinycdb", theirs)):
                for what, wanted in (("keys that are there", keys), ("keys that are not", [key + b"?" for key in keys])):
                    begun = time.perf_counter()
                    found = sum(get(key) is not None for key in wanted)
                    note(who, f"look-ups, {what}", "/s", len(keys) / (time.perf_counter() - begun))
                    if found != (len(keys) if wanted is keys else 0):
                        sys.exit(f"bench: {who} found {found} keys")
    ours.close()


class _Cdb(ctypes.Structure):
    """tinycdb's struct cdb; mem is where the file lies in memory."""

    _fields_ = (
        *((name, ctypes.c_uint) for name in ("fd", "fsize", "dend")),
        ("mem", ctypes.c_void_p),
        *((name, ctypes.c_uint) for name in ("vpos", "vlen", "kpos", "klen")),
    )


@contextmanager
def _tinycdb(path: Path) -> Iterator[Callable[[bytes], bytes | None]]:
    """Look-ups by libcdb, which maps the file into memory."""
    library, opened = ctypes.CDLL(LIBCDB), _Cdb()
    find, pointer, string_at = library.cdb_find, ctypes.byref(opened), ctypes.string_at
    with path.open("rb") as file:
        if library.cdb_init(pointer, file.fileno()) != 0:
            sys.exit("bench: tinycdb cannot open a cdb")
        try:
            yield lambda key: string_at(opened.mem + opened.vpos, opened.vlen) if find(pointer, key, len(key)) > 0 else None
        finally:
            library.cdb_free(pointer)


# -- edits -------------------------------------------------------------------------------------------------------------------------


def _enter(home: Path) -> None:
    """Django's half, with a database of its own in the instance."""
    os.environ |= {"APPLIANCE_ROLE": "webadmin", "QMAIL_HOME": str(home), "DJANGO_SETTINGS_MODULE": "appliance.settings"}
    import django
    from django.conf import settings

    if not settings.configured:
        django.setup()
    from django.core.management import call_command
    from django.db import connections

    settings.QMAIL_HOME = home
    connections["default"].settings_dict["NAME"] = str(home / "webadmin" / "webadmin.sqlite3")
    call_command("migrate", verbosity=0)


def _leave() -> None:
    """Nothing on the file system may stay open."""
    from django.db import connections

    connections.close_all()


def _edits(town: Town, shape: str, note: Note) -> None:
    _enter(town.home)
    from webadmin.access import COMMAND_LINE, Actor
    from webadmin.mirror.instance import import_instance

    ada = Actor("ada", COMMAND_LINE)
    note("Tawny", f"{shape}: files taken into rows, once", "s", _ms(lambda: import_instance(ada)) / 1000)
    plane, dice = Plane(town.home), random.Random(4)
    for number in range(EDITS):
        for what, act, is_seen in _round(ada, plane, dice, dice.choice(town.domains), number):
            begun = time.perf_counter()
            act()
            measure.wait_until(is_seen)
            note("Tawny", f"{shape}: {what}", "ms", (time.perf_counter() - begun) * 1000)
    _check(town)
    for _ in range(RUNS):
        _peer(town, shape, note)


def _round(ada: Actor, plane: Plane, dice: random.Random, name: str, number: int) -> Iterator[tuple[str, Act, Callable[[], bool]]]:
    """-> (what, do it, is it seen?), each made after the one before is done."""
    from webadmin.accounts import acts
    from webadmin.models import Domain, Mailbox

    domain = Domain.objects.get(name=name)
    first, second = dice.sample(list(domain.mailboxes.values_list("name", flat=True)), 2)
    one, other = (Mailbox.objects.get(domain=domain, name=name) for name in (first, second))
    crypt_before, quota = plane.account(first, name).crypt, f"{number + 3}000000000S"
    yield "a password", lambda: acts.password_set(ada, one, f"geheim{number}"), lambda: plane.account(first, name).crypt != crypt_before
    yield "a quota", lambda: acts.quota_set(ada, one, quota), lambda: plane.account(first, name).quota == quota.encode()
    yield "a new mailbox", lambda: acts.mailbox_add(ada, domain, f"new{number}", "geheim"), lambda: plane.knows(f"new{number}", name)
    yield "a mailbox less", lambda: acts.mailbox_remove(ada, other), lambda: not plane.knows(second, name)


class Plane:
    """What qmail-lspawn and vdelivermail know."""

    def __init__(self, home: Path) -> None:
        self._users = Users(os.fsencode(home))
        self._domains = vdomain.Domains(os.fsencode(home))

    def _find(self, name: str, domain: str) -> vpasswd.Account | None:
        self._users.look_again()
        user = self._users.assigned(f"{domain}-{name}".encode())
        assert user is not None
        return vdomain.account_of(self._domains.find(user.home, domain.encode()), name.encode())

    def knows(self, name: str, domain: str) -> bool:
        return self._find(name, domain) is not None

    def account(self, name: str, domain: str) -> vpasswd.Account:
        found = self._find(name, domain)
        assert found is not None
        return found


def _check(town: Town) -> None:
    """The files are what compiling everything gives, and what the rows say."""
    from webadmin.mirror import drift
    from webadmin.models import Domain

    for name in town.domains:
        folder = town.home / "domains" / name
        if (folder / "vpasswd.cdb").read_bytes() != vpasswd.compile_((folder / "vpasswd").read_bytes()):
            sys.exit(f"bench: vpasswd.cdb of {name} is not what vpasswd compiles to")
    for difference in drift.find_domains(list(Domain.objects.all())):
        sys.exit(f"bench: {difference}")


# -- the same edit by compiling everything -----------------------------------------------------------------------------------------


def _peer(town: Town, shape: str, note: Note) -> None:
    """One line of one domain is changed, in copies of the files."""
    domains = town.home / "domains"
    for name in town.domains:
        shutil.copy(domains / name / "vpasswd", domains / name / "copy")
    note("tinycdb", f"{shape}: domain compiled", "ms", _ms(lambda: _vpopmail(domains / town.domains[0])))

    def all_() -> None:
        for name in town.domains:
            _vpopmail(domains / name)
        _run_in(["cdb", "-c", "-m", str(town.home / "copy.cdb")], ["sed", "s/:/ /", str(town.home / "users/assign")])

    note("tinycdb", f"{shape}: everything compiled", "ms", _ms(all_))
    for name in town.domains:
        (domains / name / "copy").unlink()
        (domains / name / "copy.cdb").unlink()


def _vpopmail(folder: Path) -> None:
    """As vcdb.c: the text is copied line by line and renamed, then its cdb is made again."""
    with (folder / "copy.tmp").open("wb") as file:
        subprocess.run(["sed", "s/^user7:[^:]*:/user7:x:/", folder / "copy"], stdout=file, check=True)
    (folder / "copy.tmp").rename(folder / "copy")
    _run_in(["cdb", "-c", "-m", str(folder / "copy.cdb")], ["sed", "s/:/ /", str(folder / "copy")])


def _run_in(words: list[str], source: list[str]) -> None:
    """source | words"""
    with subprocess.Popen(source, stdout=subprocess.PIPE) as process:
        subprocess.run(words, stdin=process.stdout, check=True)


if __name__ == "__main__":
    main()
