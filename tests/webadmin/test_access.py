"""The one door: Ada (operator) gets every row, Dee (stranger) none, and nobody learns what exists."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from django.utils import timezone

from webadmin import access
from webadmin.access import Person
from webadmin.models import Alias, AuditRow, ConfigFile, Domain, Generation, Mailbox

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def rows() -> None:
    domain = Domain.objects.create(name="example.org", uid=89, gid=89, directory="/d/example.org")
    Mailbox.objects.create(domain=domain, name="joe", directory="/d/example.org/joe", position=1)
    Alias.objects.create(domain=domain, name="sales:dept", body=b"&x@y\n")
    ConfigFile.objects.create(folder="control", name="me", value=b"x\n", changed_by="ada")
    Generation.objects.create(number=1, when=timezone.now(), who="ada", why="", manifest="")
    AuditRow.objects.create(who="ada", origin="", act="x", kind="x", name="x", words="")


def person(user: User | AnonymousUser) -> Person:
    request = HttpRequest()
    request.user = user
    request.META["REMOTE_ADDR"] = "192.0.2.7"
    return access.person(request)


def ada() -> Person:
    return person(User.objects.create_superuser("ada"))


def gone() -> Person:
    return person(User.objects.create_superuser("gone", is_active=False))


def dee() -> Person:
    return person(User.objects.create_user("dee"))


def nobody() -> Person:
    return person(AnonymousUser())


LISTS: list[Callable[[Person], QuerySet]] = [  # type: ignore[type-arg]
    access.domains_for, access.mailboxes_for, access.aliases_for, access.files_for, access.generations_for, access.audit_for
]  # fmt: skip
ROWS: list[Callable[[Person], object]] = [
    lambda who: access.domain_for(who, "example.org"),
    lambda who: access.mailbox_for(who, "example.org", "joe"),
    lambda who: access.alias_for(who, "example.org", "sales:dept"),
    lambda who: access.file_for(who, "control", "me"),
]
MISSING: list[Callable[[Person], object]] = [
    lambda who: access.domain_for(who, "example.net"),
    lambda who: access.mailbox_for(who, "example.org", "eve"),
    lambda who: access.alias_for(who, "example.net", "sales:dept"),
    lambda who: access.file_for(who, "users", "me"),
]


def test_an_operator_sees_everything() -> None:
    who = ada()
    assert [rows_for(who).count() for rows_for in LISTS] == [1] * len(LISTS)
    assert [str(row_for(who)) for row_for in ROWS] == ["example.org", "joe@example.org", "sales.dept@example.org", "control/me"]


@pytest.mark.parametrize("stranger", [dee, nobody, gone])
def test_a_stranger_sees_nothing(stranger: Callable[[], Person]) -> None:
    who = stranger()
    assert [rows_for(who).count() for rows_for in LISTS] == [0] * len(LISTS)
    for row_for in ROWS:
        with pytest.raises(Http404):
            row_for(who)


@pytest.mark.parametrize("somebody", [ada, dee])
def test_what_is_not_there_looks_the_same_to_all(somebody: Callable[[], Person]) -> None:
    who = somebody()
    for row_for in MISSING:
        with pytest.raises(Http404):
            row_for(who)


def test_an_act_knows_who_and_from_where() -> None:
    assert ada().actor == access.Actor("ada", "192.0.2.7")
