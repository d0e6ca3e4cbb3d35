from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from tests.support.instance import Instance
from webadmin.access import Actor
from webadmin.accounts.acts import mailbox_add
from webadmin.aliases import acts
from webadmin.domains.acts import domain_add
from webadmin.mirror import drift
from webadmin.models import Alias, AuditRow, Domain

FILE = "domains/example.org/.qmail-sales:dept"


@pytest.fixture
def domain(instance: Instance, ada: Actor) -> Domain:
    found = domain_add(ada, "example.org")
    mailbox_add(ada, found, "joe", "geheim7890")
    AuditRow.objects.all().delete()
    return found


def test_an_alias_is_a_file(instance: Instance, domain: Domain, ada: Actor) -> None:
    alias = acts.alias_add(ada, domain, "Sales.Dept", ["a@example.net", "joe@example.org"])
    assert instance.read(FILE) == b"&a@example.net\n&joe@example.org\n"
    assert (alias.name, alias.local, alias.address) == ("sales:dept", "sales.dept", "sales.dept@example.org")
    row = AuditRow.objects.get()
    assert (row.act, row.name, row.after) == ("alias_add", "sales.dept@example.org", {"lines": "&a@example.net\n&joe@example.org\n"})
    assert drift.find() == []


def test_its_targets_change_and_lines_by_hand_stay(instance: Instance, domain: Domain, ada: Actor) -> None:
    alias = acts.alias_add(ada, domain, "sales.dept", ["a@example.net"])
    acts.alias_write(ada, alias, b"# by hand\n|filter\n&a@example.net\n")
    acts.alias_set(ada, alias, ["b@example.net"])
    assert instance.read(FILE) == b"# by hand\n|filter\n&b@example.net\n"
    acts.alias_set(ada, alias, [])
    assert instance.read(FILE) == b"# by hand\n|filter\n"
    assert list(AuditRow.objects.order_by("id").values_list("act", flat=True)) == ["alias_add", "alias_write", "alias_set", "alias_set"]


def test_an_alias_goes(instance: Instance, domain: Domain, ada: Actor) -> None:
    alias = acts.alias_add(ada, domain, "sales.dept", ["a@example.net"])
    acts.alias_remove(ada, alias)
    assert instance.read(FILE) is None
    assert not Alias.objects.exists()
    assert AuditRow.objects.order_by("id").last().before == {"lines": "&a@example.net\n"}  # type: ignore[union-attr]
    assert drift.find() == []


@pytest.mark.parametrize(
    ("why", "name", "targets", "code"),
    [
        ("here already", "sales.dept", ["x@example.net"], "alias_exists"),
        ("a mailbox", "joe", ["x@example.net"], "alias_exists"),
        ("the catch-all has its own act", "default", ["x@example.net"], "local_name"),
        ("no target", "new", [], "target"),
        ("itself", "new", ["New@example.org"], "target"),
        ("a slash", "a/b", ["x@example.net"], "local_name"),
    ],
)
def test_nothing_changes_when_it_cannot_be(
    instance: Instance, domain: Domain, ada: Actor, why: str, name: str, targets: list[str], code: str
) -> None:
    acts.alias_add(ada, domain, "sales.dept", ["a@example.net"])
    AuditRow.objects.all().delete()
    with pytest.raises(ValidationError) as caught:
        acts.alias_add(ada, domain, name, targets)
    assert caught.value.code == code, why
    assert Alias.objects.count() == 1
    assert not AuditRow.objects.exists()
    assert drift.find() == []


@pytest.mark.parametrize(
    ("why", "body"), [("a blank first line", b"\n&a@b\n"), ("a NUL", b"&a\0b\n"), ("line ends of another system", b"&a@b.example\r\n")]
)
def test_a_file_that_would_stop_mail_is_refused(instance: Instance, domain: Domain, ada: Actor, why: str, body: bytes) -> None:
    alias = acts.alias_add(ada, domain, "sales.dept", ["a@example.net"])
    with pytest.raises(ValidationError):
        acts.alias_write(ada, alias, body)
    assert instance.read(FILE) == b"&a@example.net\n", why
