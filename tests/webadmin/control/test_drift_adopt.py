"""Take files over that somebody edited on the machine."""

from __future__ import annotations

from tests.support.browser import Browser
from tests.support.instance import Instance
from webadmin.access import Actor
from webadmin.domains.acts import aliasdomain_add
from webadmin.mirror import drift
from webadmin.models import AuditRow, ConfigFile, Domain


def test_the_rows_follow_the_control_files(web: Browser, org: Domain, instance: Instance) -> None:
    (instance.home / "control/databytes").write_bytes(b"1000\n")
    page = web.done("/control/drift/control/adopt", to="/control/drift")
    assert "The database has one file of control as they are on the disk now." in page.text
    assert "The files are as the database has them" in page.text
    assert bytes(ConfigFile.objects.get(name="databytes").value) == b"1000\n"
    row = AuditRow.objects.get()
    assert (row.who, row.act, row.after) == ("ada", "drift_adopt", {"paths": ["control/databytes added"]})


def test_the_rows_follow_the_files_of_a_domain(web: Browser, org: Domain, instance: Instance) -> None:
    path = instance.home / "domains/example.org/vpasswd"
    path.write_bytes(path.read_bytes() + b"new:x:1:0:New:%b/domains/example.org/new:NOQUOTA\n" % instance.octets)
    web.done("/control/drift/example.org/adopt", to="/control/drift")
    assert sorted(org.mailboxes.values_list("name", flat=True)) == ["joe", "new"]
    assert drift.find() == [], "and vpasswd.cdb was compiled"


def test_files_that_no_program_would_understand_are_not_taken_over(web: Browser, org: Domain, instance: Instance) -> None:
    (instance.home / "users/assign").write_bytes(b"not an assignment\n")
    page = web.done("/control/drift/control/adopt", to="/control/drift")
    assert [t.text for t in page.tags if t.get("role") == "alert" and "assign" in t.text]
    assert Domain.objects.exists() and not AuditRow.objects.exists()


def test_another_name_has_no_files(web: Browser, org: Domain, ada: Actor) -> None:
    aliasdomain_add(ada, org, "old.example")
    for scope in ("old.example", "gone.example"):
        assert web.post(f"/control/drift/{scope}/adopt").status_code == 404


def test_a_stranger_takes_nothing_over(dee: Browser, org: Domain, instance: Instance) -> None:
    (instance.home / "control/databytes").write_bytes(b"1000\n")
    assert dee.post("/control/drift/control/adopt")["Location"] == "/login"
    assert not ConfigFile.objects.filter(name="databytes").exists()
