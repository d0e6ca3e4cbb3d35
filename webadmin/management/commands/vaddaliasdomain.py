"""vaddaliasdomain REAL ALIAS: another name for a virtual domain. In either order, if only one of them exists."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from webadmin.domains import acts
from webadmin.domains.names import domain_name
from webadmin.management import shell
from webadmin.models import Domain


class Command(shell.Command):
    help = "Give a virtual domain another name."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("real")
        parser.add_argument("alias")

    def handle(self, *args: Any, **options: Any) -> None:
        real, alias = options["real"], options["alias"]
        with self.acting() as who:
            if not Domain.objects.filter(name=domain_name(real)).exists() and Domain.objects.filter(name=domain_name(alias)).exists():
                real, alias = alias, real
            acts.aliasdomain_add(who, shell.domain_named(real), alias)
