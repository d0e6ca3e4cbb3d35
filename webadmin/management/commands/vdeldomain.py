"""vdeldomain [-f] DOMAIN: remove a virtual domain, or one of its other names.

A domain with other names is left alone, with a warning and exit 0, unless -f is given. The directory is moved to removed/."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandParser

from webadmin.domains import acts
from webadmin.management import shell


class Command(shell.Command):
    help = "Remove a virtual domain (with -f together with its other names)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("-f", dest="force", action="store_true", help="its other names, too")
        parser.add_argument("domain")

    def handle(self, *args: Any, **options: Any) -> None:
        with self.acting() as who:
            try:
                removed = acts.domain_remove(who, shell.domain_named(options["domain"]), with_aliases=options["force"])
            except ValidationError as error:
                if error.error_list[0].code != "has_aliases":
                    raise
                self.say("Warning: Alias domains exist:")
                for name in error.error_list[0].params["aliases"]:  # type: ignore[index]
                    self.say(f"   {name}")
                self.say("use -f to force delete of domain and all aliases")
                return
        if removed:
            self.say(f"moved to removed/{removed}")
