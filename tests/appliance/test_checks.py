from __future__ import annotations

import socket
from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.db import DatabaseError

from appliance import checks
from tests.support.instance import make_instance


def found() -> list[str]:
    return [message.id for message in run_checks() if message.id.startswith("appliance.")]


def test_an_instance_that_is_not_prepared_is_told(tmp_path: Path, settings: pytest.FixtureRequest, db: None) -> None:
    settings.QMAIL_HOME = tmp_path  # type: ignore[attr-defined]
    (warning,) = checks.instance_is_prepared(None)
    assert "control/me" in warning.msg
    assert "make prepare" in (warning.hint or "")
    assert found() == ["appliance.W001"]


def test_an_instance_whose_installer_is_away_is_told(tmp_path: Path, settings: pytest.FixtureRequest, db: None) -> None:
    settings.QMAIL_HOME = make_instance(tmp_path).home  # type: ignore[attr-defined]
    assert found() == ["appliance.W003"]


def test_nothing_is_said_where_all_is_well(tmp_path: Path, settings: pytest.FixtureRequest, db: None) -> None:
    instance = make_instance(tmp_path)
    settings.QMAIL_HOME = instance.home  # type: ignore[attr-defined]
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(instance.socket)
        sock.listen()
        assert found() == []


def test_an_open_relay_is_told(tmp_path: Path, settings: pytest.FixtureRequest, db: None) -> None:
    instance = make_instance(tmp_path)
    settings.QMAIL_HOME = instance.home  # type: ignore[attr-defined]
    (instance.home / "control/rcpthosts").unlink()
    assert "appliance.W002" in found()


def test_an_old_database_is_told(monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    class Migration:
        app_label = "webadmin"

    monkeypatch.setattr(checks.MigrationExecutor, "migration_plan", lambda self, targets: [(Migration(), False)])
    (warning,) = checks.database_is_migrated(None)
    assert (warning.id, warning.hint) == ("appliance.W005", "Run `./manage.py migrate`.")
    assert "webadmin" in warning.msg


def test_a_database_that_is_away_is_told(monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    def away(self: object, connection: object) -> None:
        raise DatabaseError("connection refused\n")

    monkeypatch.setattr(checks.MigrationExecutor, "__init__", away)
    (warning,) = checks.database_is_migrated(None)
    assert warning.msg == "The database does not answer: connection refused"


def test_the_migrations_tell_the_models(db: None) -> None:
    from django.core.management import call_command

    call_command("makemigrations", "--check", "--dry-run", "webadmin", verbosity=0)
