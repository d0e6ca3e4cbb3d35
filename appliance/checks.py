"""System checks an operator can act on: what is amiss, and the next step. `./manage.py check` runs them, and so does every other command.

All are warnings: a command that works in spite of them should work.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Warning, register
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

_ANSWER_S = 2.0


@register
def instance_is_prepared(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    visible = ("control/me", "queue", "domains", "run")  # to every user of the mail system
    missing = [name for name in visible if not os.path.exists(settings.QMAIL_HOME / name)]
    if not missing:
        return []
    text = f"{settings.QMAIL_HOME} is not a prepared instance: {', '.join(missing)} missing."
    return [Warning(text, hint="Run `make prepare`, or set QMAIL_HOME to the instance you mean.", id="appliance.W001")]


@register
def relay_is_closed(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    control = settings.QMAIL_HOME / "control"
    if not (control / "me").exists() or (control / "rcpthosts").exists():
        return []
    text = "control/rcpthosts is missing: with the original qmail-smtpd this machine would be an open relay, and ours does not start."
    return [Warning(text, hint="Make it, with the domains mail is received for, one a line.", id="appliance.W002")]


@register
def installer_answers(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    path = str(settings.QMAIL_HOME / "run" / "installer")
    if settings.ROLE != "webadmin" or not os.path.isdir(settings.QMAIL_HOME / "run"):
        return []
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(_ANSWER_S)
            sock.connect(path)
    except OSError as error:
        text = f"The installer does not answer ({error.strerror or error}): nothing of the mail system can be changed."
        return [Warning(text, hint="Start the mail system (`make run`), or see service/installer/log/main/current.", id="appliance.W003")]
    return []


@register
def database_is_migrated(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    try:
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        hint = "Start the database, and see that DATABASE_URL names it and that its user may log in."
        return [Warning(f"The database does not answer: {str(error).strip()}", hint=hint, id="appliance.W004")]
    if not waiting:
        return []
    names = ", ".join(sorted({migration.app_label for migration, _ in waiting}))
    text = f"The database is older than this program ({names})."
    return [Warning(text, hint="Run `./manage.py migrate`.", id="appliance.W005")]
