from __future__ import annotations

import pytest

from tests.support.instance import Instance
from webadmin.access import Actor
from webadmin.accounts.acts import mailbox_add
from webadmin.domains.acts import aliasdomain_add, domain_add, stale_set
from webadmin.mirror import instance as instance_
from webadmin.mirror import plan, rows
from webadmin.mirror.records import BadTree
from webadmin.models import AuditRow, ConfigFile, Domain, Generation


def test_the_database_can_be_made_again_from_the_files(instance: Instance, ada: Actor) -> None:
    domain = domain_add(ada, "example.org", password="geheim7890")
    mailbox_add(ada, domain, "joe", "geheim7890", quota="10M")
    stale_set(ada, domain, unread=365, read=None, trash=30)
    aliasdomain_add(ada, domain, "old.org")
    before, tree = rows.load_all(), instance_.read_tree()
    for model in (Domain, ConfigFile, Generation, AuditRow):
        model.objects.all().delete()
    assert instance_.is_empty()
    instance_.import_instance(ada)
    assert rows.load_all() == before
    assert plan.everything(rows.load_all()) == tree
    found = Domain.objects.get(name="example.org")
    assert (found.unread_days, found.read_days, found.trash_days) == (365, None, 30), "what a page alone has set comes back, too"
    assert Generation.objects.count() >= 2, "generations are noted"
    assert [row.act for row in AuditRow.objects.all()] == ["import_tree"]


def test_one_bad_domain_and_nothing_is_taken_in(instance: Instance, ada: Actor) -> None:
    domain_add(ada, "good.example")
    domain_add(ada, "bad.example")
    (instance.home / "domains/bad.example/vpasswd").write_bytes(b"joe:x\n")
    Domain.objects.all().delete()
    ConfigFile.objects.all().delete()
    with pytest.raises(BadTree, match="domains/bad.example/vpasswd line 1"):
        instance_.import_instance(ada)
    assert not Domain.objects.exists()
    assert instance_.is_empty()


def test_a_domain_whose_directory_is_gone_is_told(instance: Instance, ada: Actor) -> None:
    domain_add(ada, "example.org")
    (instance.home / "domains/example.org").rename(instance.home / "domains/moved")
    with pytest.raises(BadTree, match=r"domains/example\.org: there is no such directory"):
        instance_.read_tree()


def test_more_domains_than_one_question_may_ask_for(instance: Instance, ada: Actor) -> None:
    assign = b""
    for i in range(103):
        name = f"d{i}.example"
        directory = instance.home / "domains" / name
        directory.mkdir()
        (directory / "vpasswd").write_bytes(b"")
        assign += f"+{name}-:{name}:1:1:{directory}:-::\n".encode()
    (instance.home / "users/assign").write_bytes(assign + b".\n")
    assert len(instance_.import_instance(ada).domains) == 103
