from __future__ import annotations

import os

import pytest
from django.core.exceptions import ValidationError

from tests.support.instance import Instance
from webadmin.access import Actor
from webadmin.control import acts
from webadmin.domains.acts import domain_add, domain_remove, domain_restore
from webadmin.mirror import drift, install
from webadmin.models import AuditRow, ConfigFile, Domain, Generation


def test_a_file_is_set_as_it_was_typed(instance: Instance, ada: Actor) -> None:
    before = instance.read("control/rcpthosts")
    AuditRow.objects.all().delete()
    generation = acts.control_set(ada, "control/rcpthosts", b"# ours\nexample.org\n\n.example.net")
    assert instance.read("control/rcpthosts") == b"# ours\nexample.org\n\n.example.net\n"
    row = ConfigFile.objects.get(name="rcpthosts")
    assert (bytes(row.value), row.changed_by) == (instance.read("control/rcpthosts"), "ada")
    noted = AuditRow.objects.get()
    assert (noted.act, noted.name) == ("control_set", "control/rcpthosts")
    assert noted.before == {"value": (before or b"").decode()}
    assert (generation.who, generation.why) == ("ada", "control_set control/rcpthosts")
    assert os.readlink(instance.home / "generations/current") == str(generation.number)
    assert drift.find() == []


def test_a_file_goes_and_the_default_holds(instance: Instance, ada: Actor) -> None:
    acts.control_set(ada, "control/databytes", b"1000\n")
    acts.control_remove(ada, "control/databytes")
    assert instance.read("control/databytes") is None
    assert not ConfigFile.objects.filter(name="databytes").exists()
    with pytest.raises(ValidationError, match="There is no control/databytes"):
        acts.control_remove(ada, "control/databytes")


@pytest.mark.parametrize("path", ["control/rcpthosts", "control/me", "users/assign"])
def test_some_files_stay(instance: Instance, ada: Actor, path: str) -> None:
    with pytest.raises(ValidationError):
        acts.control_remove(ada, path)
    assert instance.read(path) is not None


def test_both_local_and_virtual_is_told(instance: Instance, ada: Actor) -> None:
    domain_add(ada, "example.org")
    with pytest.raises(ValidationError, match=r"Both in locals and in virtualdomains: example\.org"):
        acts.control_set(ada, "control/locals", b"Example.org\n")
    with pytest.raises(ValidationError, match=r"Both in locals and in virtualdomains: mail\.example\.org"):
        acts.control_set(ada, "control/virtualdomains", b"example.org:example.org\nmail.example.org:x\n")


def test_assignments_are_edited_and_domains_stay(instance: Instance, ada: Actor) -> None:
    domain_add(ada, "example.org")
    found = instance.read("users/assign") or b""
    ids = b"%d:%d" % (os.getuid(), os.getgid())
    acts.control_set(ada, "users/assign", b"+list-:alias:" + ids + b":%b/alias:-:list-:\n" % instance.octets + found)
    assert drift.find() == []
    for why, changed in (
        ("gone", b".\n"),
        ("another", found.replace(b"example.org", b"example.net")),
        ("elsewhere", found.replace(b"domains/example.org", b"domains/example.com")),
    ):
        with pytest.raises(ValidationError, match="must stay as they are"):
            acts.control_set(ada, "users/assign", changed)
        assert Domain.objects.get().name == "example.org", why


def test_it_goes_back_with_rows_and_files(instance: Instance, ada: Actor) -> None:
    first = acts.control_set(ada, "control/rcpthosts", b"first.example\n")
    acts.control_set(ada, "control/rcpthosts", b"second.example\n")
    acts.control_set(ada, "control/helohost", b"helo.example\n")
    AuditRow.objects.all().delete()
    generation = acts.rollback(ada, first.number)
    assert instance.read("control/rcpthosts") == b"first.example\n"
    assert bytes(ConfigFile.objects.get(name="rcpthosts").value) == b"first.example\n"
    assert not ConfigFile.objects.filter(name="helohost").exists()
    assert instance.read("control/helohost") is None
    assert generation.number == Generation.objects.first().number  # type: ignore[union-attr]
    assert generation.why == f"rollback to generation {first.number}"
    assert AuditRow.objects.get().act == "rollback"
    assert drift.find() == []


def test_going_back_follows_domains(instance: Instance, ada: Actor) -> None:
    before = acts.control_set(ada, "control/databytes", b"1\n")
    domain = domain_add(ada, "example.org", password="geheim7890")
    with_domain = install.generations()[0]
    acts.rollback(ada, before.number)
    assert not Domain.objects.exists(), "its lines are gone"
    assert (instance.home / "domains/example.org/postmaster").is_dir(), "and its directory stays"
    acts.rollback(ada, with_domain)
    assert Domain.objects.get().mailboxes.get().name == "postmaster"
    assert drift.find() == []
    removed = domain_remove(ada, Domain.objects.get())
    with pytest.raises(ValidationError, match=r"example\.org was removed since then .* Restore it first"):
        acts.rollback(ada, with_domain)
    assert not Domain.objects.exists()
    domain_restore(ada, removed)
    acts.rollback(ada, with_domain)
    assert drift.find() == []
    assert domain.name == Domain.objects.get().name


def test_a_generation_that_never_was(instance: Instance, ada: Actor) -> None:
    with pytest.raises(ValidationError, match="there is no generation 99999"):
        acts.rollback(ada, 99999)
