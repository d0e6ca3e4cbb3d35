"""stale_cleanup [--dry-run] [DOMAIN]: delete the old mail that the policy of a domain, or of all domains, takes away; or only list it.

Exits 0; 1 for a domain without a policy; 111 when it is running already, or vmaild does not answer."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from mta.errors import Temporary
from webadmin.management.shell import actor
from webadmin.runs import Busy, task_run
from webadmin.stale.acts import Cleanup, cleanup


class Command(BaseCommand):
    help = "Delete old mail as the policies of the domains say."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("domain", nargs="?", default="", help="only this one")
        parser.add_argument("--dry-run", action="store_true", help="delete nothing: list what would be")

    def handle(self, *args: Any, **options: Any) -> None:
        who = actor()
        try:
            with task_run("stale_cleanup", who.name) as run:
                self._show(cleanup(who, is_dry=options["dry_run"], domain=options["domain"], run=run))
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        except (Busy, Temporary) as error:
            raise CommandError(str(error), returncode=Temporary.exit) from error

    def _show(self, found: Cleanup) -> None:
        for domain in found.domains:
            if found.is_dry:
                for mailbox, folder, name, reason, size_bytes in domain["sample"]:
                    self.stdout.write(f"{mailbox}@{domain['name']} {folder or 'INBOX'} {name} {reason} {size_bytes}")
            for mailbox, number in domain["by_mailbox"].items():
                self.stdout.write(f"{mailbox}@{domain['name']}: {number}")
        self.stdout.write(str(found))
