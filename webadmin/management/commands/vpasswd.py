"""vpasswd [-r[len]] ADDRESS [PASSWORD]: set the password of a mailbox."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from webadmin.accounts import acts
from webadmin.management import shell


class Command(shell.Command):
    help = "Set the password of a mailbox."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--random", type=int, metavar="LENGTH", help="-r[len]: make a password up")
        parser.add_argument("address")
        parser.add_argument("password", nargs="?", help="asked for when left out")

    def handle(self, *args: Any, **options: Any) -> None:
        with self.acting() as who:
            mailbox = shell.mailbox_named(options["address"])
            password = shell.new_password(options, mailbox.address)
            acts.password_set(who, mailbox, password)
        if options["random"] is not None:
            self.say(f"Random password: {password}")
