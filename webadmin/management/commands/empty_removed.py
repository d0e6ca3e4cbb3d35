"""empty_removed [--days N]: take away for good what was deleted N days ago or earlier; by default as the timetable has it.

Exits 0; 111 when it is running already, or the installer does not answer."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from mta.errors import Temporary
from webadmin.domains.emptying import empty
from webadmin.domains.removed import TASK
from webadmin.management.shell import actor
from webadmin.runs import Busy, task_run


class Command(BaseCommand):
    help = "Take away for good what was deleted some time ago."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=int, help="deleted so many days ago or earlier")

    def handle(self, *args: Any, **options: Any) -> None:
        who = actor()
        try:
            with task_run(TASK, who.name) as run:
                self.stdout.write(str(empty(who, days=options["days"], run=run)))
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        except (Busy, Temporary) as error:
            raise CommandError(str(error), returncode=Temporary.exit) from error
