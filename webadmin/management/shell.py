"""What the commands share: who runs them, passwords, and vpopmail's way to fail.

Exits    0; after "Error: TEXT" the number of the library's error in vpopmail.h, negative and cut to eight bits: -1 is 255
Source   ecosystem 6.10
"""

from __future__ import annotations

import getpass
import os
import pwd
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand

from mta.errors import Temporary
from webadmin.access import COMMAND_LINE, Actor
from webadmin.accounts import names, passwords
from webadmin.domains.names import domain_name
from webadmin.models import Domain, Mailbox

_ERRORS = {
    "local_name": -1,
    "mailbox_exists": -2,
    "no_mailbox": -10,
    "no_domain": -11,
    "domain_name": -12,
    "domain_exists": -13,
    "refused": -17,  # could not update file
    "crypt": -18,
    "local_too_long": -25,
    "domain_too_long": -26,
    "password_too_long": -27,
    "gecos_too_long": -28,
    "quota_too_long": -29,
    "dir_too_long": -30,
}
_OTHER = -1


def actor() -> Actor:
    """The person at the terminal, as far as can be told."""
    name = os.environ.get("SUDO_USER") or os.environ.get("USER") or pwd.getpwuid(os.getuid()).pw_name
    return Actor(name, COMMAND_LINE)


class Command(BaseCommand):
    """Base of the commands."""

    def run_from_argv(self, argv: list[str]) -> None:
        super().run_from_argv([*argv[:2], *map(_random_option, argv[2:])])

    def say(self, line: str) -> None:
        self.stdout.write(line)

    def fail(self, sentence: str, number: int = _OTHER) -> NoReturn:
        self.say(f"Error: {sentence}")
        sys.exit(number & 255)

    @contextmanager
    def acting(self) -> Iterator[Actor]:
        """The acts of the block, their failures said in vpopmail's way."""
        try:
            yield actor()
        except ValidationError as error:
            self.fail(" ".join(error.messages), _ERRORS.get(_code(error), _OTHER))
        except Temporary as error:
            self.fail(error.text, _ERRORS["refused"])


def _random_option(word: str) -> str:
    """vpopmail's -r[len]: the length is part of the word."""
    if word == "-r" or (word.startswith("-r") and word[2:].isdigit()):
        return f"--random={word[2:] or passwords.RANDOM_LENGTH}"
    return word


def _code(error: ValidationError) -> str:
    return str(getattr(error, "code", None) or error.error_list[0].code)


def domain_named(text: str) -> Domain:
    """Raises ValidationError."""
    name = domain_name(text)
    found = Domain.objects.filter(name=name).select_related("real").first()
    if found is None:
        raise ValidationError(f"{name} is no domain here.", code="no_domain")
    return found


def mailbox_named(text: str) -> Mailbox:
    """An address of a domain, or of another name of one. Raises ValidationError."""
    name, domain_text = names.split_address(text)
    domain = domain_named(domain_text)
    found = (domain.real or domain).mailboxes.filter(name=name).select_related("domain").first()
    if found is None:
        raise ValidationError(f"{name}@{domain.name} is no mailbox here.", code="no_mailbox")
    return found


def new_password(options: dict[str, Any], what: str) -> str:
    """From the argument, made up (-r), asked for twice, or the first line of what is not a terminal."""
    if options.get("random") is not None:
        return passwords.random_password(int(options["random"]))
    given = options.get("password")
    return str(given) if given is not None else ask_password(what)


def ask_password(what: str) -> str:
    """Raises ValidationError."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass(f"Please enter password for {what}: ")
    if getpass.getpass("enter password again: ") != first:
        raise ValidationError("Passwords do not match.", code="password")
    return first
