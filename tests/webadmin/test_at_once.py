"""Acts at the same time: each waits for the other, and nobody's change is lost."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from tests.support.instance import Instance
from webadmin.access import Actor
from webadmin.accounts.acts import mailbox_add
from webadmin.domains.acts import domain_add
from webadmin.mirror import drift
from webadmin.mirror.instance import import_instance
from webadmin.models import AuditRow, Domain, Mailbox


def at_once(*acts: Callable[[], object]) -> None:
    def run(act: Callable[[], object]) -> object:
        try:
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        for done in [pool.submit(run, act) for act in acts]:
            done.result()


@pytest.mark.django_db(transaction=True)
def test_nobodys_change_is_lost(files: Instance, ada: Actor, transactional_db: None) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite in memory has one connection; tests/webadmin/test_postgresql.py runs this")
    import_instance(ada)
    at_once(*(lambda i=i: domain_add(ada, f"d{i}.example") for i in range(4)))  # type: ignore[misc]
    domain = domain_add(ada, "example.org")
    at_once(*(lambda i=i: mailbox_add(ada, domain, f"user{i}", "geheim7890") for i in range(6)))  # type: ignore[misc]
    assert Mailbox.objects.count() == 6
    assert Domain.objects.count() == 5
    assert (files.read("control/rcpthosts") or b"").count(b".example\n") == 4
    assert drift.find() == []
    assert AuditRow.objects.count() == 12
