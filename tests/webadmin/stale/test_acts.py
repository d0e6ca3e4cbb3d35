"""Old mail: listed, deleted, recorded. vmaild and its mailboxes are real ones."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from mta.errors import Temporary
from mta.formats import users_assign, vpasswd
from tests.support.process import running
from tests.support.qmail_home import QmailHome
from webadmin import tasks
from webadmin.access import Actor
from webadmin.models import AuditRow, Domain, TaskRun
from webadmin.runs import task_run
from webadmin.stale import acts
from webadmin.stale.acts import cleanup

ADA = Actor("ada", "192.0.2.1")
OLD_S = int(time.time()) - 400 * 86400

pytestmark = pytest.mark.django_db


class World:
    """Two domains with old mail and a policy, one with old mail and none."""

    def __init__(self, path: Path) -> None:
        self.home = QmailHome(path)
        self.path = path
        self.home.control(rcpthosts="a.example", locals="host.example.org")
        self.assign: list[users_assign.Assignment] = []
        for name, policy in (("a.example", "unread 365\nread 100\n"), ("b.example", "unread 30\n"), ("none.example", None)):
            self._domain(name, policy)
        text = users_assign.write(self.assign)
        (self.path / "users/assign").write_bytes(text)
        (self.path / "users/cdb").write_bytes(users_assign.compile_(text))

    def _domain(self, name: str, policy: str | None) -> None:
        folder = self.path / "domains" / name
        folder.mkdir()
        if policy is not None:
            (folder / ".stale-mail").write_text(policy)
        user = users_assign.User(name.encode(), os.getuid(), os.getgid(), os.fsencode(folder), b"-", b"")
        self.assign.append(users_assign.Assignment(True, name.encode() + b"-", user))
        accounts = [vpasswd.Account(box.encode(), b"x", 1, 0, b"", os.fsencode(folder / box), b"NOQUOTA") for box in ("ann", "joe")]
        (folder / "vpasswd").write_bytes(vpasswd.write(accounts))
        for box in ("ann", "joe"):
            for sub in ("new", "cur", "tmp"):
                (folder / box / "Maildir" / sub).mkdir(parents=True)

    def put(self, domain: str, box: str, path: str, mtime_s: int = OLD_S) -> Path:
        file = self.path / "domains" / domain / box / "Maildir" / path
        file.write_bytes(b"x" * 100)
        os.utime(file, (mtime_s, mtime_s))
        return file

    def rows(self) -> None:
        for name, policy in (("a.example", b"unread 365\nread 100\n"), ("b.example", b"unread 30\n"), ("none.example", None)):
            Domain.objects.create(name=name, uid=1, gid=1, directory=str(self.path / "domains" / name), stale_mail=policy)


@pytest.fixture
def world(tmp_path: Path, settings: Any) -> Iterator[World]:
    found = World(tmp_path / "q")
    settings.QMAIL_HOME = found.path
    found.rows()
    with running(found.path, "vmaild"):
        yield found


def test_a_dry_run_lists_and_leaves_everything(world: World) -> None:
    files = [world.put("a.example", "ann", "new/1"), world.put("a.example", "joe", "cur/2:2,S"), world.put("b.example", "joe", "new/3")]
    world.put("a.example", "joe", "new/4", int(time.time()))
    world.put("none.example", "joe", "new/5")
    found = cleanup(ADA, is_dry=True)
    assert str(found) == "3 messages (300 octets) of 2 domains would be deleted"
    assert [(d["name"], d["messages"], d["by_mailbox"], d["by_reason"]) for d in found.domains] == [
        ("a.example", 2, {"ann": 1, "joe": 1}, {"unread": 1, "read": 1}),
        ("b.example", 1, {"joe": 1}, {"unread": 1}),
    ]
    assert found.domains[0]["sample"] == [["ann", "", "1", "unread", 100], ["joe", "", "2:2,S", "read", 100]]
    assert all(file.exists() for file in files)
    assert not AuditRow.objects.exists()


def test_a_real_run_deletes_and_says_so(world: World) -> None:
    old, other = world.put("a.example", "ann", "new/1"), world.put("b.example", "joe", "new/3")
    kept = world.put("none.example", "joe", "new/5")
    found = cleanup(ADA, is_dry=False, domain="A.example")
    assert str(found) == "1 message (100 octets) of 1 domain deleted"
    assert (old.exists(), other.exists(), kept.exists()) == (False, True, True)
    row = AuditRow.objects.get()
    assert (row.who, row.origin, row.act, row.kind, row.name) == ("ada", "192.0.2.1", "old_mail_remove", "domain", "a.example")
    assert row.before == {"messages": 1, "size_bytes": 100, "by_reason": {"unread": 1}, "by_mailbox": {"ann": 1}}


def test_where_nothing_was_deleted_nothing_is_recorded(world: World) -> None:
    assert cleanup(ADA, is_dry=False).messages == 0
    assert not AuditRow.objects.exists()


@pytest.mark.parametrize("name", ["none.example", "nowhere.example"])
def test_a_domain_without_a_policy_is_left_alone(name: str, world: World) -> None:
    with pytest.raises(ValidationError, match="has no policy for old mail"):
        cleanup(ADA, is_dry=False, domain=name)


def test_one_domain_in_trouble_does_not_keep_the_others(world: World) -> None:
    (world.path / "domains/a.example/.stale-mail").write_text("nonsense\n")
    gone = world.put("b.example", "joe", "new/3")
    found = cleanup(ADA, is_dry=False)
    assert not gone.exists()
    assert [d["name"] for d in found.domains] == ["b.example"]
    (trouble,) = found.troubles
    assert trouble.startswith("a.example: ")
    assert trouble in str(found)


def test_without_vmaild_nothing_can_be_done(world: World) -> None:
    (world.path / "run/vmaild").unlink()
    with pytest.raises(Temporary, match="vmaild, which knows the mailboxes, does not answer"):
        cleanup(ADA, is_dry=False)


def test_a_result_has_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.example", "b.example"):
        Domain.objects.create(name=name, uid=1, gid=1, directory="/d", stale_mail=b"unread 1\n")
    report = {
        "messages": 15,
        "size_bytes": 15,
        "by_mailbox": {f"u{n}": n for n in range(1, 6)},
        "by_reason": {"unread": 15},
        "sample": [["u1", "", str(n), "unread", 1] for n in range(6)],
        "troubles": [],
    }
    monkeypatch.setattr(acts.servers, "vmaild", lambda *words, timeout_s: json.loads(json.dumps(report)))
    monkeypatch.setattr(acts, "MAILBOXES_MAX", 2)
    monkeypatch.setattr(acts, "SAMPLE_MAX", 8)
    found = cleanup(ADA, is_dry=True)
    assert [d["by_mailbox"] for d in found.domains] == [{"u5": 5, "u4": 4, acts.OTHERS: 6}] * 2
    assert [len(d["sample"]) for d in found.domains] == [6, 2]


def test_the_task_keeps_its_result_for_the_browser(world: World) -> None:
    world.put("a.example", "ann", "new/1")
    tasks.stale_cleanup(is_dry=True, who="ada", origin="192.0.2.1")
    run = TaskRun.objects.get()
    assert (run.name, run.who, run.state, run.done, run.total) == ("stale_cleanup", "ada", "done", 2, 2)
    assert run.summary == "1 message (100 octets) of 2 domains would be deleted"
    assert run.details["is_dry"] is True
    assert [d["name"] for d in run.details["domains"]] == ["a.example", "b.example"]


def test_the_timetable_deletes_in_its_own_name(world: World) -> None:
    world.put("a.example", "ann", "new/1")
    tasks.stale_cleanup()
    assert (AuditRow.objects.get().who, TaskRun.objects.get().who) == ("timetable", "")


def test_a_task_that_fails_says_why(world: World, caplog: pytest.LogCaptureFixture) -> None:
    (world.path / "run/vmaild").unlink()
    tasks.stale_cleanup()
    assert (TaskRun.objects.get().state, "does not answer" in TaskRun.objects.get().summary) == ("failed", True)
    assert "stale_cleanup: " in caplog.text


def command(*words: str) -> str:
    out = StringIO()
    call_command("stale_cleanup", *words, stdout=out)
    return out.getvalue()


def test_the_command_lists(world: World) -> None:
    file = world.put("b.example", "joe", "new/3")
    assert command("--dry-run", "b.example").splitlines() == [
        "joe@b.example INBOX 3 unread 100",
        "joe@b.example: 1",
        "1 message (100 octets) of 1 domain would be deleted",
    ]
    assert file.exists()


def test_the_command_deletes(world: World) -> None:
    file = world.put("b.example", "joe", "new/3")
    assert command() == "joe@b.example: 1\n1 message (100 octets) of 2 domains deleted\n"
    assert not file.exists()


@pytest.mark.parametrize(("name", "code", "says"), [("none.example", 1, "has no policy"), ("", 111, "does not answer")])
def test_the_command_fails_with_its_code(name: str, code: int, says: str, world: World) -> None:
    (world.path / "run/vmaild").unlink()
    with pytest.raises(CommandError, match=says) as caught:
        command(name)
    assert caught.value.returncode == code


def test_the_command_waits_for_no_other_run(world: World) -> None:
    with task_run("stale_cleanup"), pytest.raises(CommandError, match="stale_cleanup is already running since") as caught:
        command()
    assert caught.value.returncode == 111


def test_without_any_policy_the_run_says_so() -> None:
    tasks.stale_cleanup()
    assert TaskRun.objects.values_list("state", "summary").get() == ("done", "no domain has a policy for old mail")
