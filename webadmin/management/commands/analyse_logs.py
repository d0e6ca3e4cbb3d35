"""analyse_logs: take new lines of the logs into the database now, rather than within a minute.

Exits 0; 111 when another analysis is running, or a log cannot be read."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from mta.errors import Temporary
from webadmin.logs.analyse import analyse
from webadmin.management.shell import actor
from webadmin.runs import Busy, task_run


class Command(BaseCommand):
    help = "Take new lines of the services' logs into the database."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with task_run("analyse_logs", actor().name) as run:
                self.stdout.write(str(analyse(run)))
        except (Busy, Temporary) as error:
            raise CommandError(str(error), returncode=Temporary.exit) from error
