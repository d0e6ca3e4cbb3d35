"""The one door: which rows a person may see, and in whose name an act is done.

operator    everything                                       stranger    nothing
Postmasters (of their domains) and mailbox users (of their mailbox) come in here, and nowhere else: a view asks these functions, and never
a model. What a person may not see does not exist for them: Http404, whatever the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest

from webadmin import client
from webadmin.models import Alias, AuditRow, ConfigFile, Delivery, Domain, Generation, Login, Mailbox, Message, Refused, TaskRun

COMMAND_LINE = "command line"
_Row = TypeVar("_Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does it, and from where: an IP address, or COMMAND_LINE."""

    name: str
    origin: str


class Role(Enum):
    OPERATOR = "operator"
    STRANGER = "stranger"


@dataclass(frozen=True, slots=True)
class Person:
    role: Role
    actor: Actor

    @property
    def is_operator(self) -> bool:
        return self.role is Role.OPERATOR


def person(request: HttpRequest) -> Person:
    """Who asks."""
    user: User | AnonymousUser = request.user
    role = Role.OPERATOR if user.is_authenticated and user.is_active and user.is_superuser else Role.STRANGER
    return Person(role, Actor(user.get_username(), client.address(request)))


def domains_for(who: Person) -> QuerySet[Domain]:
    return Domain.objects.all() if who.is_operator else Domain.objects.none()


def domain_for(who: Person, name: str) -> Domain:
    """Raises Http404."""
    return _one(domains_for(who).filter(name=name))


def mailboxes_for(who: Person) -> QuerySet[Mailbox]:
    found = Mailbox.objects.select_related("domain")
    return found if who.is_operator else found.none()


def mailbox_for(who: Person, domain: str, name: str) -> Mailbox:
    """Raises Http404."""
    return _one(mailboxes_for(who).filter(domain__name=domain, name=name))


def aliases_for(who: Person) -> QuerySet[Alias]:
    found = Alias.objects.select_related("domain")
    return found if who.is_operator else found.none()


def alias_for(who: Person, domain: str, name: str) -> Alias:
    """name as in the file's name. Raises Http404."""
    return _one(aliases_for(who).filter(domain__name=domain, name=name))


def files_for(who: Person) -> QuerySet[ConfigFile]:
    return ConfigFile.objects.all() if who.is_operator else ConfigFile.objects.none()


def file_for(who: Person, folder: str, name: str) -> ConfigFile:
    """Raises Http404."""
    return _one(files_for(who).filter(folder=folder, name=name))


def generations_for(who: Person) -> QuerySet[Generation]:
    return Generation.objects.all() if who.is_operator else Generation.objects.none()


def audit_for(who: Person) -> QuerySet[AuditRow]:
    return AuditRow.objects.all() if who.is_operator else AuditRow.objects.none()


def messages_for(who: Person) -> QuerySet[Message]:
    """Those of the logs."""
    return Message.objects.all() if who.is_operator else Message.objects.none()


def deliveries_for(who: Person) -> QuerySet[Delivery]:
    return Delivery.objects.all() if who.is_operator else Delivery.objects.none()


def refused_for(who: Person) -> QuerySet[Refused]:
    return Refused.objects.all() if who.is_operator else Refused.objects.none()


def logins_for(who: Person) -> QuerySet[Login]:
    """To mailboxes."""
    return Login.objects.all() if who.is_operator else Login.objects.none()


def runs_for(who: Person) -> QuerySet[TaskRun]:
    """Of tasks."""
    return TaskRun.objects.all() if who.is_operator else TaskRun.objects.none()


def _one(found: QuerySet[_Row]) -> _Row:
    row = found.first()
    if row is None:
        raise Http404
    return row
