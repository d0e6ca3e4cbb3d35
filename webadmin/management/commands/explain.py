"""explain ADDRESS: what would happen to mail for this address, step by step, with the file and line behind each step."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from mta.errors import Temporary
from mta.formats.ask import YES
from mta.unix.ask import ask
from webadmin.mirror.install import home


class Command(BaseCommand):
    help = "Tell what would happen to mail for an address, and why."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("address")

    def handle(self, *args: Any, **options: Any) -> None:
        name, at, domain = options["address"].rpartition("@")
        if at and not (name and domain):
            raise CommandError("This is not an address: it needs a name, an @ and a domain, as in joe@example.org.")
        try:
            verdict, *words = ask(home() + b"/run/vmaild", [b"explain", options["address"].encode()])
        except Temporary as error:
            raise CommandError(f"{error.text}. Start the mail system, then ask again.") from error
        if verdict != YES:
            raise CommandError(b" ".join(words).decode("utf-8", "replace"))
        found = json.loads(words[0])
        for number, step in enumerate(found["steps"], 1):
            self.stdout.write(f"{number}. {step['title']}")
            for line in step["text"].split("\n"):
                self.stdout.write(f"   {line}")
            if step.get("source"):
                self.stdout.write(f"   [{step['source']}]")
        self.stdout.write(f"=> {found['outcome']}")
