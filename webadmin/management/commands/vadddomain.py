"""vadddomain [-q quota] [-b | -e address] [-r[len]] DOMAIN [PASSWORD]: add a virtual domain with its postmaster."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from webadmin.domains import acts
from webadmin.domains.catchall import CatchAll, Kind
from webadmin.management import shell


class Command(shell.Command):
    help = "Add a virtual domain and its postmaster mailbox."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("-q", dest="quota", default="NOQUOTA", help="of the postmaster, in octets")
        parser.add_argument("-b", dest="bounce", action="store_true", help="bounce mail for unknown addresses (as is the default)")
        parser.add_argument("-e", dest="catch_all", metavar="ADDRESS", help="forward mail for unknown addresses")
        parser.add_argument("--random", type=int, metavar="LENGTH", help="-r[len]: make a password up")
        parser.add_argument("domain")
        parser.add_argument("password", nargs="?", help="of the postmaster; asked for when left out")

    def handle(self, *args: Any, **options: Any) -> None:
        with self.acting() as who:
            acts.check_new(options["domain"])  # before a password is asked for
            password = shell.new_password(options, "postmaster")
            catch_all = CatchAll(Kind.FORWARD, options["catch_all"]) if options["catch_all"] else CatchAll(Kind.BOUNCE)
            acts.domain_add(who, options["domain"], password=password, quota=options["quota"], catch_all=catch_all)
        if options["random"] is not None:
            self.say(f"Random password: {password}")
