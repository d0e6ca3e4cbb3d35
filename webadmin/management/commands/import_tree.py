"""import_tree [--first]: take what lies in QMAIL_HOME into the database, all of it or nothing.

At the first start, and to make the database again from the files. --first: only where the database is still empty."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from mta.errors import Temporary
from webadmin.management.shell import actor
from webadmin.mirror import instance
from webadmin.mirror.records import BadTree


class Command(BaseCommand):
    help = "Take the files of the instance into the database."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--first", action="store_true", help="do nothing where the database has files already")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["first"] and not instance.is_empty():
            return
        try:
            records = instance.import_instance(actor())
        except BadTree as error:
            raise CommandError(f"Nothing was taken in. What is wrong:\n{error}") from error
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        except Temporary as error:
            raise CommandError(error.text) from error
        mailboxes = sum(len(d.mailboxes) for d in records.domains)
        self.stdout.write(f"{len(records.files)} control files, {len(records.domains)} domains, {mailboxes} mailboxes.")
