"""The task that looks for hand edits."""

from __future__ import annotations

import pytest

from tests.support.instance import Instance
from webadmin import tasks
from webadmin.access import Actor
from webadmin.domains.acts import domain_add
from webadmin.mirror import watch
from webadmin.models import TaskRun


def test_it_says_when_all_is_well(instance: Instance) -> None:
    tasks.drift_check()
    run = TaskRun.objects.get()
    assert (run.name, run.state, run.summary) == ("drift_check", "done", "the files are as the database has them")
    assert run.details == {"number": 0, "differences": []}


def test_it_lists_what_was_changed_by_hand(instance: Instance, ada: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    domain_add(ada, "example.org", password="geheim7890")
    for name in ("a", "b"):
        (instance.home / f"domains/example.org/.qmail-{name}").write_text("&joe@far.example\n")
    tasks.drift_check()
    run = TaskRun.objects.get()
    assert run.summary == "2 files differ from the database"
    assert run.details["differences"] == [
        {"scope": "example.org", "path": f"domains/example.org/.qmail-{name}", "kind": "added"} for name in ("a", "b")
    ]
    monkeypatch.setattr(watch, "SHOWN_MAX", 1)
    tasks.drift_check()
    details = TaskRun.objects.latest("id").details
    assert (details["number"], len(details["differences"])) == (2, 1)


def test_it_fails_without_the_installer(instance: Instance, settings: pytest.FixtureRequest) -> None:
    settings.QMAIL_HOME = instance.home / "nowhere"  # type: ignore[attr-defined]
    tasks.drift_check()
    run = TaskRun.objects.get()
    assert (run.state, "installer does not answer" in run.summary) == ("failed", True)
