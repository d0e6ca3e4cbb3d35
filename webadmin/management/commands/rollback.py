"""rollback [NUMBER]: go back to an older generation of control/ and users/. Without a number: list them."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from webadmin.control import acts
from webadmin.management import shell
from webadmin.mirror import install


class Command(shell.Command):
    help = "Go back to an older generation of the control files."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("number", nargs="?", type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        with self.acting() as who:
            if options["number"] is not None:
                self.say(f"generation {acts.rollback(who, options['number']).number} is in force")
                return
            in_force, found = install.generations()
            for generation in found:
                mark = "*" if generation.number == in_force else " "
                self.say(f"{mark} {generation.number:5} {generation.when:%Y-%m-%d %H:%M:%S} {generation.who}: {generation.why}")
