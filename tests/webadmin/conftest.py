"""One instance with a real installer for each module of tests, its files and rows as new for each test; and the cast."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from mta.formats.install_call import Put, Remove
from mta.unix.ask import ask
from tests.conftest import ROOT
from tests.support.answering import Answering, answering
from tests.support.browser import Browser
from tests.support.instance import CONTROL, Instance, make_instance
from tests.support.process import running
from tests.webadmin import town as town_
from tests.webadmin.town import Town
from webadmin.access import COMMAND_LINE, Actor
from webadmin.accounts.acts import mailbox_add
from webadmin.domains.acts import domain_add
from webadmin.mirror import instance as instance_
from webadmin.mirror import plan
from webadmin.models import AuditRow, Domain


@pytest.fixture(scope="module")
def installer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    found = make_instance(tmp_path_factory.mktemp("instance"))
    with running(found.home, "installer"):
        yield found


@pytest.fixture
def files(installer: Instance, settings: pytest.FixtureRequest) -> Instance:
    """The instance as it was made, known to Django; no rows."""
    settings.QMAIL_HOME = installer.home  # type: ignore[attr-defined]
    for folder in ("domains", "removed"):
        for path in (installer.home / folder).iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    _, _, *words = ask(installer.socket, [b"read", b"control", b"bytes"])
    now = {path: data for path, kind, data in zip(*(iter(words),) * 3, strict=True) if kind == b"text"}
    wanted = {b"users/assign": b".\n", **{f"control/{name}".encode(): data for name, data in CONTROL.items()}}
    steps = plan.steps(now, wanted)
    if steps:
        put(installer, *steps)
    (installer.home / "users/cdb").unlink(missing_ok=True)
    return installer


@pytest.fixture
def instance(files: Instance, db: None) -> Instance:
    """The same, its files taken into rows."""
    instance_.import_instance(Actor("tests", COMMAND_LINE))
    return files


@pytest.fixture
def ada() -> Actor:
    """The operator."""
    return Actor("ada", "192.0.2.1")


def put(instance: Instance, *steps: Put | Remove) -> None:
    from mta.formats import install_call

    answer = ask(instance.socket, install_call.install(b"tests", b"as at the start", list(steps)))
    assert answer[0] == b"K", answer


@pytest.fixture
def org(instance: Instance, ada: Actor) -> Domain:
    """example.org with the mailbox joe; the audit log begins after it."""
    found = domain_add(ada, "example.org")
    mailbox_add(ada, found, "joe", "geheim7890", gecos="Joe Doe")
    AuditRow.objects.all().delete()
    return found


# -- the web: Ada is logged in, Dee is a stranger ------------------------------------------------------------------------------------


@pytest.fixture
def static(settings: pytest.FixtureRequest) -> None:
    """There is nothing collected where an instance would have its static files."""
    settings.STATIC_ROOT = ROOT / "static"  # type: ignore[attr-defined]


@pytest.fixture
def web(db: None, static: None) -> Browser:
    """Ada's browser."""
    found = Browser()
    found.force_login(User.objects.create_superuser("ada"))
    return found


@pytest.fixture
def dee(db: None, static: None) -> Browser:
    """A stranger's."""
    return Browser()


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory, settings: pytest.FixtureRequest) -> Path:
    """An instance of which nothing runs, for pages that ask nobody."""
    found = make_instance(tmp_path_factory.mktemp("home")).home
    settings.QMAIL_HOME = found  # type: ignore[attr-defined]
    return found


@pytest.fixture
def town(instance: Instance) -> Iterator[Town]:
    """One of everything."""
    with town_.town(instance) as found:
        yield found


@pytest.fixture
def queue(home: Path) -> Iterator[Answering]:
    """qmail-send, which has one message."""
    with answering(home / "run/qmail-send/orders", town_.queue_answer) as found:
        yield found


@pytest.fixture
def vmaild(home: Path) -> Iterator[Answering]:
    with answering(home / "run/vmaild", town_.vmaild_answer) as found:
        yield found
