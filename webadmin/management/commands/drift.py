"""drift [--adopt SCOPE | --overwrite SCOPE]: files that were changed by hand.

Without an option: show them. Exits 0 when there are none, 1 when there are. SCOPE is control, the name of a domain, or all."""

from __future__ import annotations

import sys
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from mta.errors import Temporary
from webadmin.management.shell import actor
from webadmin.mirror import drift
from webadmin.mirror.drift import Difference


class Command(BaseCommand):
    help = "Show files that differ from the database; take them in, or write them again."

    def add_arguments(self, parser: CommandParser) -> None:
        choice = parser.add_mutually_exclusive_group()
        choice.add_argument("--adopt", metavar="SCOPE", help="the database follows the files")
        choice.add_argument("--overwrite", metavar="SCOPE", help="the files follow the database")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = drift.find()
            self._show(found)
            if options["adopt"]:
                for scope in _scopes(options["adopt"], found):
                    drift.adopt(actor(), scope)
            elif options["overwrite"]:
                for scope in _scopes(options["overwrite"], found):
                    drift.overwrite(actor(), scope)
            elif found:
                sys.exit(1)
        except ValidationError as error:
            raise CommandError("\n".join(error.messages)) from error
        except Temporary as error:
            raise CommandError(error.text) from error

    def _show(self, found: list[Difference]) -> None:
        for difference in found:
            self.stdout.write(f"{difference.path}: {difference.kind}")
            if difference.diff:
                self.stdout.write("".join(f"  {line}\n" for line in difference.diff.split("\n")), ending="")
        if not found:
            self.stdout.write("The files are as the database has them.")


def _scopes(word: str, found: list[Difference]) -> list[str]:
    """control first: it says which domains there are."""
    scopes = list(dict.fromkeys(d.scope for d in found))
    if word == "all":
        return scopes
    if word not in scopes:
        raise ValidationError(f"Nothing differs in {word}.")
    return [word]
