from __future__ import annotations

import shutil

import pytest
from django.core.exceptions import ValidationError

from mta.formats import users_assign, vpasswd
from tests.support.instance import Instance
from webadmin.access import Actor
from webadmin.accounts.acts import mailbox_add
from webadmin.control.acts import control_set
from webadmin.domains.acts import aliasdomain_add, domain_add
from webadmin.mirror import drift
from webadmin.models import Alias, AuditRow, ConfigFile, Domain, Mailbox


@pytest.fixture
def domain(instance: Instance, ada: Actor) -> Domain:
    found = domain_add(ada, "example.org")
    mailbox_add(ada, found, "joe", "geheim7890")
    AuditRow.objects.all().delete()
    return found


def write(instance: Instance, path: str, data: bytes) -> None:
    (instance.home / path).write_bytes(data)


def summary(found: list[drift.Difference]) -> list[tuple[str, str, str]]:
    return [(d.scope, d.path, d.kind) for d in found]


def test_nothing_is_different_at_first(domain: Domain) -> None:
    assert drift.find() == []


def test_it_shows_what_was_changed_by_hand(instance: Instance, domain: Domain) -> None:
    write(instance, "control/rcpthosts", b"localhost\nby-hand.example\nexample.org\n")
    write(instance, "control/timeoutremote", b"60\n")
    (instance.home / "control/locals").unlink()
    write(instance, "domains/example.org/.qmail-new", b"&x@example.net\n")
    found = drift.find()
    assert summary(found) == [
        ("control", "control/locals", "removed"),
        ("control", "control/rcpthosts", "changed"),
        ("control", "control/timeoutremote", "added"),
        ("example.org", "domains/example.org/.qmail-new", "added"),
    ]
    assert found[1].diff == ("--- database\n+++ installed\n@@ -1,3 +1,3 @@\n localhost\n-mail.example.org\n+by-hand.example\n example.org")


def test_a_password_is_seen_to_change_and_not_seen(instance: Instance, domain: Domain) -> None:
    line = instance.read("domains/example.org/vpasswd") or b""
    crypt = Mailbox.objects.get().crypt
    write(instance, "domains/example.org/vpasswd", line.replace(crypt.encode(), b"$6$other$hash"))
    (found,) = drift.find()
    assert "joe:(password " in found.diff
    assert "$6$" not in found.diff
    before, after = (row for row in found.diff.split("\n") if row[0] in "+-" and "joe" in row)
    assert before[1:] != after[1:]


def test_rows_follow_the_files(instance: Instance, domain: Domain, ada: Actor) -> None:
    write(instance, "control/rcpthosts", b"by-hand.example\n")
    (instance.home / "control/locals").unlink()
    write(instance, "domains/example.org/.qmail-new", b"&x@example.net\n")
    drift.adopt(ada, drift.CONTROL)
    drift.adopt(ada, "example.org")
    assert bytes(ConfigFile.objects.get(name="rcpthosts").value) == b"by-hand.example\n"
    assert not ConfigFile.objects.filter(name="locals").exists()
    assert Alias.objects.get().name == "new"
    assert drift.find() == []
    assert list(AuditRow.objects.order_by("id").values_list("act", "name")) == [("drift_adopt", "control"), ("drift_adopt", "example.org")]
    assert instance.read("control/rcpthosts") == b"by-hand.example\n"


def test_files_follow_the_rows(instance: Instance, domain: Domain, ada: Actor) -> None:
    before = {p: instance.read(p) for p in ("control/rcpthosts", "control/locals", "domains/example.org/vpasswd")}
    write(instance, "control/rcpthosts", b"by-hand.example\n")
    write(instance, "control/timeoutremote", b"60\n")
    (instance.home / "control/locals").unlink()
    write(instance, "domains/example.org/vpasswd", b"")
    write(instance, "domains/example.org/.qmail-new", b"&x@example.net\n")
    drift.overwrite(ada, drift.CONTROL)
    drift.overwrite(ada, "example.org")
    assert {p: instance.read(p) for p in before} == before
    assert instance.read("control/timeoutremote") is None
    assert instance.read("domains/example.org/.qmail-new") is None
    assert drift.find() == []
    assert {row.act for row in AuditRow.objects.all()} == {"drift_overwrite"}


def test_a_text_that_nobody_compiled_is_stale(instance: Instance, domain: Domain, ada: Actor) -> None:
    control_set(ada, "control/tcp.smtp", b":allow\n")
    write(instance, "users/cdb", b"old")
    (instance.home / "control/tcp.smtp.cdb").unlink()
    write(instance, "domains/example.org/vpasswd.cdb", b"old")
    assert summary(drift.find()) == [
        ("control", "control/tcp.smtp.cdb", "stale"),
        ("control", "users/cdb", "stale"),
        ("example.org", "domains/example.org/vpasswd.cdb", "stale"),
    ]


@pytest.mark.parametrize("mend", [drift.adopt, drift.overwrite])
def test_both_ways_compile_what_is_stale(instance: Instance, domain: Domain, ada: Actor, mend: object) -> None:
    write(instance, "users/cdb", b"old")
    write(instance, "domains/example.org/vpasswd.cdb", b"old")
    mend(ada, drift.CONTROL)  # type: ignore[operator]
    mend(ada, "example.org")  # type: ignore[operator]
    assert instance.read("users/cdb") == users_assign.compile_(instance.read("users/assign") or b"")
    assert instance.read("domains/example.org/vpasswd.cdb") == vpasswd.compile_(instance.read("domains/example.org/vpasswd") or b"")
    assert drift.find() == []


def test_a_domain_added_by_hand_comes_in_with_its_mailboxes(instance: Instance, domain: Domain, ada: Actor) -> None:
    shutil.copytree(instance.home / "domains/example.org", instance.home / "domains/other.org")
    assign = instance.read("users/assign") or b""
    line, dot = assign.split(b"\n")[:2]
    write(instance, "users/assign", b"\n".join((line, line.replace(b"example.org", b"other.org"), dot, b"")))
    drift.adopt(ada, drift.CONTROL)
    assert Domain.objects.get(name="other.org").mailboxes.get().name == "joe"
    assert Mailbox.objects.get(domain=domain).name == "joe", "the other one stays"
    assert drift.find() == []


def test_a_domain_taken_out_by_hand_goes_with_its_names(instance: Instance, domain: Domain, ada: Actor) -> None:
    aliasdomain_add(ada, domain, "old.org")
    write(instance, "users/assign", b".\n")
    drift.adopt(ada, drift.CONTROL)
    assert not Domain.objects.exists()
    assert (instance.home / "domains/example.org/joe").is_dir(), "the mail stays"


@pytest.mark.parametrize(
    ("why", "path", "data", "scope", "says"),
    [
        ("assignments cut short", "users/assign", b"=a:b\n.\n", "control", "line 1"),
        ("a NUL", "control/locals", b"\0", "control", "control/locals line 1: a NUL"),
        ("a mailbox line cut short", "domains/example.org/vpasswd", b"joe:x\n", "example.org", "vpasswd line 1"),
    ],
)
def test_a_bad_file_is_not_adopted(
    instance: Instance, domain: Domain, ada: Actor, why: str, path: str, data: bytes, scope: str, says: str
) -> None:
    write(instance, path, data)
    assert [d.path for d in drift.find() if d.kind == "changed"] == [path]
    with pytest.raises(ValidationError, match=says):
        drift.adopt(ada, scope)
    assert Mailbox.objects.count() == 1, why
    assert not AuditRow.objects.exists()
    drift.overwrite(ada, scope)
    assert drift.find() == []


def test_a_domain_that_cannot_be_read_hides_no_other(instance: Instance, domain: Domain, ada: Actor) -> None:
    domain_add(ada, "gone.example")
    shutil.rmtree(instance.home / "domains/gone.example")
    write(instance, "domains/example.org/.qmail-new", b"x\n")
    assert summary(drift.find()) == [
        ("example.org", "domains/example.org/.qmail-new", "added"),
        ("gone.example", "domains/gone.example", "unreadable"),
    ]


def test_a_long_difference_is_cut(instance: Instance, domain: Domain) -> None:
    write(instance, "control/badmailfrom", b"".join(b"@spam%d.example\n" % i for i in range(2000)))
    (found,) = drift.find()
    assert found.diff.endswith("lines more")
    assert len(found.diff.split("\n")) == 501
