"""restore [NAME]: bring a removed mailbox or domain back, with its mail. Without a name: list what can be restored."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from webadmin.accounts.acts import mailbox_restore
from webadmin.domains.acts import domain_restore
from webadmin.management import shell
from webadmin.mirror import install


class Command(shell.Command):
    help = "Bring a removed mailbox or domain back."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?", help="as in removed/, such as 20261121101500-joe@example.org")

    def handle(self, *args: Any, **options: Any) -> None:
        with self.acting() as who:
            if options["name"] is None:
                for name in install.removed():
                    self.say(name)
            elif "@" in options["name"]:
                self.say(f"{mailbox_restore(who, options['name']).address} is back")
            else:
                self.say(f"{domain_restore(who, options['name']).name} is back")
