"""vadduser [-q quota] [-c gecos] [-e crypt] [-s] [-r[len]] ADDRESS [PASSWORD]: add a mailbox."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from webadmin.accounts import acts
from webadmin.accounts.names import split_address
from webadmin.management import shell


class Command(shell.Command):
    help = "Add a mailbox."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("-q", dest="quota", help="such as 500M, 500M,10000C or NOQUOTA; by default as the domain's limits say")
        parser.add_argument("-c", dest="gecos", help="the person's name; the mailbox's when left out")
        parser.add_argument("-e", dest="crypt", help="a crypt(3) hash in place of a password")
        parser.add_argument("-s", action="store_true", help="taken and not needed: vpasswd.cdb is always made again")
        parser.add_argument("--random", type=int, metavar="LENGTH", help="-r[len]: make a password up")
        parser.add_argument("address")
        parser.add_argument("password", nargs="?", help="asked for when left out")

    def handle(self, *args: Any, **options: Any) -> None:
        with self.acting() as who:
            name, domain = split_address(options["address"])
            row = shell.domain_named(domain)
            acts.check_new(row, name)  # before a password is asked for
            password = None if options["crypt"] else shell.new_password(options, options["address"])
            acts.mailbox_add(who, row, name, password, crypt=options["crypt"], gecos=options["gecos"], quota=options["quota"])
        if options["random"] is not None and not options["crypt"]:
            self.say(f"Random password: {password}")
