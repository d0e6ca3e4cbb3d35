"""R2: the programs that carry mail, real ones, killed before, in and after each of their calls that change the disk."""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.crash import faults_plane
from tests.crash.conftest import Table
from tests.crash.kill import Plan, Point, points
from tests.crash.kill_mail import Carriers
from tests.crash.storm import StormPlane
from tests.crash.storm_sink import FlakySink

SEED = int(os.environ.get("CRASH_SEED", "1"))
CARRIERS = "carriers"
TRIES = 8  # which message is whose is decided by who comes first
NO_RECOVERY = "from mta.programs.qmail.qmail_send import bounces\nbounces.recover = lambda core: None\n"

pytestmark = [pytest.mark.slow, pytest.mark.skipif(faults_plane.why_not() is not None, reason=str(faults_plane.why_not()))]


@contextmanager
def carriers(broken: str = "", tracer: tuple[str, ...] = ()) -> Iterator[tuple[Carriers, Plan]]:
    with faults_plane.folder() as folder, FlakySink() as sink:
        sink.is_calm = True
        plane = StormPlane(folder / "q", routes={"far.example": sink.port})
        plane.prepare()
        plan = Plan(folder / "plan", folder / "q")
        with Carriers(plane, plan, sink, broken, tracer) as found:
            yield found, plan


def visit(one: Carriers, point: Point, is_alone: bool) -> bool:
    """Rounds until somebody came to the point. Some points are only on the way of a program that starts."""
    try:
        for _ in range(TRIES):
            if one.letters(point, is_alone):
                return True
            one.kill()
        return False
    except BaseException as error:
        error.add_note(f"killed {point}, {'alone' if is_alone else 'with all others'}")
        raise


# one of each kind of moment; the full form has them all
MOMENTS = [
    Point("after", 1, "queue-writer link queue/todo/N"),
    Point("before", 1, "queue-writer fsync queue/todo"),
    Point("before", 1, "qmail-clean unlink queue/todo/N"),
    Point("half", 1, "qmail-send write queue/bounce/N"),
    Point("after", 1, "qmail-send fsync queue/bounce"),
    Point("before", 1, "qmail-send unlink queue/bounce/N"),
    Point("after", 1, "qmail-local link domains/example.org/MAILBOX/Maildir/new/NAME"),
]


def test_r2_moments() -> None:
    with carriers() as (one, _):
        for i, point in enumerate(MOMENTS):
            assert visit(one, point, is_alone=bool(i % 2)), f"nobody came to {point}"


def test_r2_the_kills_catch_bounces_sent_twice(table: Table) -> None:
    with carriers(NO_RECOVERY) as (one, _), pytest.raises(AssertionError, match="2 times") as caught:
        visit(one, Point("before", 1, "qmail-send unlink queue/bounce/N"), is_alone=False)
    table.self_test("R2", "a qmail-send that does not look for bounces it had queued", str(caught.value).splitlines()[0], of=CARRIERS)


# what strace calls it: what we do
CALLS = {
    **dict.fromkeys(("write", "writev", "pwrite64", "copy_file_range", "sendfile"), "write"),
    **{name: name for name in ("fsync", "fdatasync", "syncfs", "ftruncate")},
    **dict.fromkeys(("link", "linkat"), "link"),
    **dict.fromkeys(("unlink", "unlinkat"), "unlink"),
    **dict.fromkeys(("rename", "renameat", "renameat2"), "rename"),
    **dict.fromkeys(("mkdir", "mkdirat"), "mkdir"),
}
OURS = {"writev": "write", "pwrite": "write", "copy_file_range": "write", "sendfile": "write", "replace": "rename", "remove": "unlink"}


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_r2_no_call_of_the_carriers_escapes(tmp_path: Path) -> None:
    tracer = ("strace", "-f", "-qq", "-y", "-s", "200", "-e", "signal=none", "-e", f"trace={','.join(CALLS)}", "-o", str(tmp_path / "NAME"))
    with carriers(tracer=tracer) as (one, plan):
        one.letters(None, is_alone=True)
        one.kill(signal.SIGTERM)  # strace writes the rest of what it saw
        home = (plan.folder / "root").read_text()
        seen = [OURS.get(call, call) for _, call, _ in (site.split(" ", 2) for site in plan.calls())]
    ours = Counter(call for call in seen if call in CALLS.values())
    # an open descriptor of the home, or a path in it, or one relative to the working directory, which is queue/
    path = rf"[^\"\n]*<{re.escape(home)}/|(?:AT_FDCWD<[^>\n]*>, )?\"(?:{re.escape(home)}/|[^/])"
    pattern = re.compile(rf"^\d+ +(\w+)\((?:{path})", re.MULTILINE)
    theirs = Counter(CALLS[name] for log in tmp_path.iterdir() for name in pattern.findall(log.read_text()))
    assert theirs.total() > 100 and ours == theirs


@pytest.mark.crash
def test_r2_every_call_of_the_carriers(table: Table) -> None:
    with carriers() as (one, plan):
        wanted: dict[Point, None] = {}
        for _ in range(3):
            one.kill()
            assert not one.letters(None, is_alone=True)
            wanted |= dict.fromkeys(points(plan.calls(), times=2))
        missed = [point for i, point in enumerate(wanted) if not visit(one, point, is_alone=bool((i + SEED) % 2))]
        sites = {point.site for point in wanted}
        what = f"{len(wanted) - len(missed)} kills at {len(sites)} calls of the programs that carry mail"
        told = f"0 bad; {len(missed)} more moments never came again"
        table.row("R2", what, told, counts={"kills": len(wanted) - len(missed), "missed": len(missed)}, of=CARRIERS)
        assert not [point for point in missed if point.times == 1], missed
