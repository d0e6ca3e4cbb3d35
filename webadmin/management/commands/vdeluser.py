"""vdeluser ADDRESS: remove a mailbox. Its directory, with all mail, is moved to removed/."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from webadmin.accounts import acts
from webadmin.management import shell


class Command(shell.Command):
    help = "Remove a mailbox."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("address")

    def handle(self, *args: Any, **options: Any) -> None:
        with self.acting() as who:
            removed = acts.mailbox_remove(who, shell.mailbox_named(options["address"]))
        if removed:
            self.say(f"moved to removed/{removed}")
