"""prepare: bring the database up to date, complete the timetable, lay out the static files: what a start needs of Django, in one process.

Prints, for the webadmin: how many operators there are, and "empty" where no files were ever taken into the database."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management import call_command

from webadmin.management import shell


class Command(shell.Command):
    help = "Prepare the database and the static files for a start."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", verbosity=0)
        if settings.ROLE == "webadmin":
            self._webadmin()

    def _webadmin(self) -> None:
        from webadmin import timetable
        from webadmin.mirror import instance
        from webadmin.operators import acts

        timetable.complete()
        call_command("collectstatic", interactive=False, verbosity=0)
        self.say(f"{acts.operator_count()} {'empty' if instance.is_empty() else 'filled'}")
