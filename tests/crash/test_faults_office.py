"""R14: the databases, the web, Celery, the broker and the installer are down, killed, or stand still: mail comes in, is delivered and is
fetched as if nothing were; a mailbox that is added meanwhile is there whole, or not at all. (tests/end_to_end/test_trouble.py is a short
form of it with a browser's half; here the ledger counts.)"""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.crash.conftest import Table
from tests.crash.faults_office import WEB, Office, Server
from tests.support import appliance, unprivileged

QUICK_S, LONG_S = 0.5, 30.0
Act = Callable[[Office], None]

pytestmark = [pytest.mark.slow, pytest.mark.skipif(appliance.why_not() is not None, reason=str(appliance.why_not()))]


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    with Office() as found:
        yield found


def down(office: Office) -> None:
    office.services(b"d", *WEB)


def up(office: Office) -> None:
    office.services(b"u", *WEB)


def databases(office: Office) -> list[Path]:
    return [path for role in ("webadmin", "webmail") for path in (office.a.home / role).glob("*.sqlite3*")]


def without_databases(office: Office) -> None:
    """Nor the broker, whose file is one of them."""
    down(office)
    hidden = databases(office)
    assert hidden
    for path in hidden:
        path.rename(f"{path}.hidden")


def with_databases(office: Office) -> None:
    for role in ("webadmin", "webmail"):
        for path in (office.a.home / role).glob("*.sqlite3*"):
            if path.suffix == ".hidden":
                path.rename(str(path).removesuffix(".hidden"))
            elif Path(f"{path}.hidden").exists():  # made anew by the command that came meanwhile
                path.unlink()
    up(office)


def without_installer(office: Office) -> None:
    office.services(b"d", "installer")


def with_installer(office: Office) -> None:
    office.services(b"u", "installer")


def still(office: Office) -> None:
    office.services(b"p", *WEB)


def going(office: Office) -> None:
    office.services(b"c", *WEB)


FAULTS: dict[str, tuple[Act, Act]] = {
    "web and Celery down": (down, up),
    "web and Celery stopped in the middle of it": (still, going),
    "no databases, no broker": (without_databases, with_databases),
    "no installer": (without_installer, with_installer),
}


@contextmanager
def killing(office: Office, services: tuple[str, ...], seed: int) -> Iterator[list[int]]:
    """Their processes, all the time. -> whom."""
    stop, chance, killed = threading.Event(), random.Random(seed), []

    def work() -> None:
        while not stop.wait(chance.random()):
            pid = office.pid(chance.choice(services))
            if pid:
                try:
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)
                except ProcessLookupError:
                    continue

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield killed
    finally:
        stop.set()
        thread.join()


def test_r14_mail_goes_on_without_web_and_installer(office: Office) -> None:
    office.suffer("amy", lambda: down(office), lambda: up(office), QUICK_S)
    office.suffer("abe", lambda: without_installer(office), lambda: with_installer(office), QUICK_S)
    assert office.trouble() == []
    assert office.changes == {"made": 1, "refused": 1}


# -- the full forms ----------------------------------------------------------------------------------------------------------------


@pytest.mark.crash
def test_r14_full_sqlite(office: Office, table: Table) -> None:
    for number, (begin, end) in enumerate(FAULTS.values()):
        office.suffer(f"user{number}", lambda b=begin: b(office), lambda e=end: e(office), LONG_S)  # type: ignore[misc]
    with killing(office, (*WEB, "installer"), 14) as killed:
        for number in range(5):
            office.suffer(f"killed{number}", lambda: None, lambda: None, LONG_S / 5)
    told = str(office)
    found = office.audit()
    counts = {"acknowledged": found.acknowledged, "lost": len(found.lost), "kills": len(killed), "half": len(office.half)}
    table.row("R14", f"SQLite: {', '.join(FAULTS)}, 30 s each; {len(killed)} kills of them in 30 s", told, counts=counts)
    assert office.trouble() == []
    assert found.acknowledged and killed


@pytest.mark.crash
def test_r14_full_postgresql(table: Table) -> None:
    with unprivileged.folder() as folder:
        database = Server(folder)
        try:
            with Office(database) as office:
                again = database.start
                for number, stop in enumerate((database.stop, database.kill)):
                    office.suffer(f"user{number}", stop, again, LONG_S)
                pid = database.pid
                office.suffer("slow", lambda: os.kill(pid, signal.SIGSTOP), lambda: os.kill(pid, signal.SIGCONT), LONG_S)
                chance = random.Random(15)
                for number in range(10):  # in the middle of a change
                    with killing(office, WEB, number):
                        timer = threading.Timer(0.5 + chance.random() * 2, database.kill)
                        timer.start()
                        office.suffer(f"cut{number}", lambda: None, lambda t=timer: (t.join(), again()), 0.5)  # type: ignore[misc]
                found = office.audit()
                counts = {"acknowledged": found.acknowledged, "lost": len(found.lost), "half": len(office.half)}
                table.row("R14", "PostgreSQL stopped, killed, standing still, 30 s each; killed in 10 changes", str(office), counts=counts)
                assert office.trouble() == []
        finally:
            database.stop()


@pytest.mark.crash
def test_r14_trouble_is_seen(table: Table) -> None:
    with Office() as office:
        office.suffer("amy", lambda: office.services(b"d", "queue-writer"), lambda: office.services(b"u", "queue-writer"), QUICK_S)
        seen = office.trouble()
        table.self_test("R14", "the queue writer is down as well", f"{len(office.answers)} messages not taken" if seen else "")
        assert seen
        vpasswd = office.a.home / "domains/example.org/vpasswd"
        vpasswd.write_bytes(vpasswd.read_bytes() + b"half:x:1:0:half:%b/half:NOQUOTA\n" % bytes(vpasswd.parent))
        office._settle("half", 1)
        table.self_test("R14", "a mailbox that is in vpasswd alone", office.half[0] if office.half else "")
        assert office.half
