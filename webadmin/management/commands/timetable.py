"""timetable: make the entries of the timetable that are missing. Run at every preparation of an instance; changes nothing that is there."""

from __future__ import annotations

from typing import Any

from webadmin import timetable
from webadmin.management import shell


class Command(shell.Command):
    help = "Make the entries of the timetable of tasks that are missing."

    def handle(self, *args: Any, **options: Any) -> None:
        for name in timetable.complete():
            self.say(f"{name} is in the timetable now")
