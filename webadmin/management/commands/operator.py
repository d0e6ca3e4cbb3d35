"""operator NAME: make an operator of the web administration, or set the password of one. operator --count: how many there are.

The password is asked for, or is the first line of what is not a terminal."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from webadmin.management.shell import actor, ask_password
from webadmin.operators import acts


class Command(BaseCommand):
    help = "Make an operator, or set an operator's password."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?")
        parser.add_argument("--count", action="store_true", help="print how many operators there are")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["count"]:
            self.stdout.write(str(acts.operator_count()))
            return
        if not options["name"]:
            raise CommandError("Give the name of the operator.")
        try:
            is_new = acts.operator_set(actor(), options["name"], ask_password(options["name"]))
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(f"{options['name']} {'may log in now' if is_new else 'has a new password'}.")
