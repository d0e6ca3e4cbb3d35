"""Write files again as the database has them."""

from __future__ import annotations

from tests.support.browser import Browser
from tests.support.instance import Instance
from webadmin.mirror import drift
from webadmin.models import AuditRow, Domain


def test_control_files_come_back(web: Browser, org: Domain, instance: Instance) -> None:
    (instance.home / "control/databytes").write_bytes(b"1000\n")
    (instance.home / "control/rcpthosts").write_bytes(b"by.hand.example\n")
    page = web.done("/control/drift/control/overwrite", to="/control/drift")
    assert "2 files of control are as the database has them again." in page.text
    assert instance.read("control/databytes") is None
    assert instance.read("control/rcpthosts") == b"localhost\nmail.example.org\nexample.org\n"
    row = AuditRow.objects.get()
    assert (row.who, row.act) == ("ada", "drift_overwrite")


def test_files_of_a_domain_come_back(web: Browser, org: Domain, instance: Instance) -> None:
    before = instance.read("domains/example.org/.qmail-default")
    (instance.home / "domains/example.org/.qmail-default").unlink()
    (instance.home / "domains/example.org/vpasswd.cdb").write_bytes(b"")
    web.done("/control/drift/example.org/overwrite", to="/control/drift")
    assert instance.read("domains/example.org/.qmail-default") == before
    assert drift.find() == []


def test_a_domain_that_is_not_here_is_not_found(web: Browser, org: Domain) -> None:
    assert web.post("/control/drift/gone.example/overwrite").status_code == 404


def test_a_stranger_writes_nothing(dee: Browser, org: Domain, instance: Instance) -> None:
    (instance.home / "control/databytes").write_bytes(b"1000\n")
    assert dee.post("/control/drift/control/overwrite")["Location"] == "/login"
    assert instance.read("control/databytes") == b"1000\n"
