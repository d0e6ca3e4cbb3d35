from __future__ import annotations

import os
import shutil

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, transaction

from mta.errors import Temporary
from mta.formats import cdb, users_assign, vpasswd
from tests.support.instance import Instance
from webadmin.access import Actor
from webadmin.accounts.acts import mailbox_add
from webadmin.domains import acts
from webadmin.domains.catchall import CatchAll, Kind
from webadmin.mirror import drift, install
from webadmin.models import AuditRow, ConfigFile, Domain, Generation

IDS = f"{os.getuid()}:{os.getgid()}"


def audit() -> tuple[str, str, str, str]:
    """The newest row; there was no other since."""
    row = AuditRow.objects.exclude(who="tests").get()
    return row.who, row.origin, row.act, row.name


def test_a_domain_stands_in_all_its_files(instance: Instance, ada: Actor) -> None:
    domain = acts.domain_add(ada, "Example.ORG", password="geheim7890")
    home = instance.home / "domains/example.org"
    assert instance.read("users/assign") == f"+example.org-:example.org:{IDS}:{home}:-::\n.\n".encode()
    assert instance.read("control/virtualdomains") == b"example.org:example.org\n"
    assert instance.read("control/rcpthosts") == b"localhost\nmail.example.org\nexample.org\n"
    assert instance.read("control/morercpthosts") is None
    assert instance.read("domains/example.org/.qmail-default") == f"|{instance.home}/bin/vdelivermail '' bounce-no-mailbox\n".encode()
    (postmaster,) = vpasswd.read(instance.read("domains/example.org/vpasswd") or b"")
    assert (postmaster.name, postmaster.dir) == (b"postmaster", os.fsencode(home / "postmaster"))
    assert postmaster.crypt.startswith(b"$6$")
    assert (home / "postmaster/Maildir/tmp").is_dir()
    found = users_assign.find(cdb.reader(instance.read("users/cdb") or b"").get, b"example.org-joe")
    assert found is not None
    assert (found[1].home, found[1].ext) == (os.fsencode(home), b"joe")
    assert (domain.name, domain.mailboxes.count()) == ("example.org", 1)
    assert audit() == ("ada", "192.0.2.1", "domain_add", "example.org")
    assert Generation.objects.first().why == "domain_add example.org"  # type: ignore[union-attr]
    assert drift.find() == []


def test_a_domain_may_do_without_a_postmaster(instance: Instance, ada: Actor) -> None:
    acts.domain_add(ada, "example.org")
    assert instance.read("domains/example.org/vpasswd") == b""
    assert drift.find() == []


def test_a_virtual_domain_is_no_longer_local(instance: Instance, ada: Actor) -> None:
    acts.domain_add(ada, "mail.example.org")
    assert instance.read("control/locals") == b"localhost\n"
    assert instance.read("control/rcpthosts") == b"localhost\nmail.example.org\n", "it was there already"


def test_without_locals_the_machines_own_name_is_taken_out(instance: Instance, ada: Actor) -> None:
    from webadmin.control.acts import control_remove

    control_remove(ada, "control/locals")
    acts.domain_add(ada, "other.example")
    assert instance.read("control/locals") is None
    acts.domain_add(ada, "mail.example.org")
    assert instance.read("control/locals") == b""


def test_the_machines_own_name_is_local_again_when_its_domain_goes(instance: Instance, ada: Actor) -> None:
    before = [sorted((instance.read(f"control/{name}") or b"").split()) for name in ("locals", "rcpthosts", "virtualdomains")]
    acts.domain_remove(ada, acts.domain_add(ada, "mail.example.org"))
    assert [sorted((instance.read(f"control/{name}") or b"").split()) for name in ("locals", "rcpthosts", "virtualdomains")] == before


@pytest.mark.parametrize(("name", "is_own"), [("Mail.Example.ORG", True), ("example.org", False)])
def test_the_machines_own_name_is_told_from_others(name: str, is_own: bool, instance: Instance, ada: Actor) -> None:
    if is_own:
        with pytest.raises(ValidationError, match="this host's own name"):
            acts.check_not_own(name)
        acts.domain_add(ada, name)  # as vadddomain may
    acts.check_not_own(name)


def test_from_fifty_lines_on_domains_go_to_morercpthosts(instance: Instance, ada: Actor) -> None:
    from webadmin.control.acts import control_set

    control_set(ada, "control/rcpthosts", b"# ours\n" + b"".join(b"d%d.example\n" % i for i in range(49)))
    acts.domain_add(ada, "the-fiftieth.example")
    acts.domain_add(ada, "one-more.example")
    assert (instance.read("control/rcpthosts") or b"").endswith(b"d48.example\nthe-fiftieth.example\n")
    assert instance.read("control/morercpthosts") == b"one-more.example\n"
    assert cdb.reader(instance.read("control/morercpthosts.cdb") or b"").get(b"one-more.example") == b""
    acts.domain_remove(ada, Domain.objects.get(name="one-more.example"))
    assert instance.read("control/morercpthosts") == b""


def test_an_international_name_is_stored_in_a_labels(instance: Instance, ada: Actor) -> None:
    assert acts.domain_add(ada, "faß.example").name == "xn--fa-hia.example"
    assert (instance.home / "domains/xn--fa-hia.example/vpasswd").exists()


@pytest.mark.parametrize(
    ("why", "name", "code"),
    [
        ("here already", "example.org", "domain_exists"),
        ("in capitals as well", "EXAMPLE.org", "domain_exists"),
        ("sent somewhere by hand", "routed.example", "domain_exists"),
        ("no domain", "nodots", "domain_name"),
    ],
)
def test_nothing_changes_when_a_name_cannot_be(instance: Instance, ada: Actor, why: str, name: str, code: str) -> None:
    from webadmin.control.acts import control_set

    acts.domain_add(ada, "example.org")
    control_set(ada, "control/virtualdomains", b"example.org:example.org\nrouted.example:alias-routed\n")
    before = (AuditRow.objects.count(), Domain.objects.count(), os.readlink(instance.home / "generations/current"))
    with pytest.raises(ValidationError) as caught:
        acts.domain_add(ada, name, password="geheim7890")
    assert caught.value.code == code, why
    assert (AuditRow.objects.count(), Domain.objects.count(), os.readlink(instance.home / "generations/current")) == before


def test_when_the_lines_are_refused_nothing_is_left(instance: Instance, ada: Actor) -> None:
    (instance.home / "control/rcpthosts").write_bytes(b"by hand\n")
    with pytest.raises(ValidationError, match="rcpthosts was changed by somebody else"):
        acts.domain_add(ada, "example.org", password="geheim7890")
    assert not (instance.home / "domains/example.org").exists()
    assert not Domain.objects.exists()
    assert not AuditRow.objects.exclude(who="tests").exists()
    drift.adopt(ada, drift.CONTROL)
    acts.domain_add(ada, "example.org", password="geheim7890")


def test_when_the_installer_is_away_nothing_changes(instance: Instance, ada: Actor, settings: pytest.FixtureRequest) -> None:
    (instance.home / "run/installer").rename(instance.home / "run/away")
    try:
        with pytest.raises(Temporary, match="nothing was changed"):
            acts.domain_add(ada, "example.org")
    finally:
        (instance.home / "run/away").rename(instance.home / "run/installer")
    assert not Domain.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_when_the_commit_fails_drift_shows_what_is_in_force(files: Instance, ada: Actor, transactional_db: None) -> None:
    from webadmin.mirror.instance import import_instance

    import_instance(ada)

    def fail() -> None:
        raise DatabaseError("the disk of the database is full")

    with pytest.raises(DatabaseError), transaction.atomic():
        acts.domain_add(ada, "example.org")
        fail()
    assert not Domain.objects.exists()
    assert {d.path for d in drift.find()} == {"control/rcpthosts", "control/virtualdomains", "users/assign"}
    drift.adopt(ada, drift.CONTROL)
    assert Domain.objects.get().name == "example.org"
    assert drift.find() == []


def test_a_domain_goes_with_its_lines_and_keeps_others(instance: Instance, ada: Actor) -> None:
    acts.domain_add(ada, "stays.example")
    domain = acts.domain_add(ada, "goes.example", password="geheim7890")
    AuditRow.objects.all().delete()
    removed = acts.domain_remove(ada, domain)
    assert removed.endswith("-goes.example")
    assert b"goes" not in b"".join(instance.read(p) or b"" for p in ("users/assign", "control/rcpthosts", "control/virtualdomains"))
    assert instance.read("control/virtualdomains") == b"stays.example:stays.example\n"
    assert not (instance.home / "domains/goes.example").exists()
    assert (instance.home / "removed" / removed / "postmaster/Maildir").is_dir()
    row = AuditRow.objects.get()
    assert (row.act, row.name, row.after) == ("domain_remove", "goes.example", {"removed": removed})
    assert drift.find() == []


def test_a_domain_without_its_directory_can_go(instance: Instance, ada: Actor) -> None:
    domain = acts.domain_add(ada, "example.org")
    shutil.rmtree(instance.home / "domains/example.org")
    assert acts.domain_remove(ada, domain).startswith("directory stays: ")
    assert not Domain.objects.exists()
    assert drift.find() == []


def test_a_domain_comes_back_with_its_mailboxes(instance: Instance, ada: Actor) -> None:
    domain = acts.domain_add(ada, "example.org", password="geheim7890")
    mailbox_add(ada, domain, "joe", "geheim7890")
    (instance.home / "domains/example.org/joe/Maildir/new/1").write_bytes(b"a message\n")
    before = {name: instance.read(name) for name in ("users/assign", "control/rcpthosts", "control/virtualdomains")}
    removed = acts.domain_remove(ada, domain)
    AuditRow.objects.all().delete()
    restored = acts.domain_restore(ada, removed)
    assert sorted(restored.mailboxes.values_list("name", flat=True)) == ["joe", "postmaster"]
    assert instance.read("domains/example.org/joe/Maildir/new/1") == b"a message\n"
    assert {name: instance.read(name) for name in before} == before
    assert AuditRow.objects.get().act == "domain_restore"
    assert drift.find() == []


def test_two_of_a_name_both_come_back(instance: Instance, ada: Actor) -> None:
    names = [acts.domain_remove(ada, acts.domain_add(ada, "example.org")) for _ in range(3)]
    for removed in names:
        assert acts.domain_remove(ada, acts.domain_restore(ada, removed))


def test_a_domain_that_is_damaged_stays_removed(instance: Instance, ada: Actor) -> None:
    removed = acts.domain_remove(ada, acts.domain_add(ada, "example.org"))
    (instance.home / "removed" / removed / "vpasswd").write_bytes(b"cut short")
    with pytest.raises(ValidationError, match="vpasswd line 1"):
        acts.domain_restore(ada, removed)
    assert not (instance.home / "domains/example.org").exists()
    assert not Domain.objects.exists()
    assert len(install.removed()) == 1


# other names


def test_another_name_is_the_same_directory(instance: Instance, ada: Actor) -> None:
    real = acts.domain_add(ada, "new.org")
    AuditRow.objects.all().delete()
    alias = acts.aliasdomain_add(ada, real, "old.org")
    home = instance.home / "domains/new.org"
    assert f"+old.org-:new.org:{IDS}:{home}:-::\n".encode() in (instance.read("users/assign") or b"")
    assert b"old.org:old.org\n" in (instance.read("control/virtualdomains") or b"")
    assert not (instance.home / "domains/old.org").exists()
    assert (alias.is_alias, alias.real) == (True, real)
    assert audit()[2:] == ("aliasdomain_add", "old.org")
    assert drift.find() == []


def test_another_name_of_another_name_is_refused(instance: Instance, ada: Actor) -> None:
    alias = acts.aliasdomain_add(ada, acts.domain_add(ada, "new.org"), "old.org")
    for act in (
        lambda: acts.aliasdomain_add(ada, alias, "older.org"),
        lambda: mailbox_add(ada, alias, "joe", "geheim7890"),
        lambda: acts.catchall_set(ada, alias, CatchAll(Kind.DELETE)),
        lambda: acts.stale_set(ada, alias, unread=1, read=None, trash=None),
    ):
        with pytest.raises(ValidationError, match=r"new\.org"):
            act()


def test_a_name_goes_alone(instance: Instance, ada: Actor) -> None:
    alias = acts.aliasdomain_add(ada, acts.domain_add(ada, "new.org"), "old.org")
    assert acts.domain_remove(ada, alias) == ""
    assert (instance.home / "domains/new.org/vpasswd").exists()
    assert instance.read("control/virtualdomains") == b"new.org:new.org\n"
    assert drift.find() == []


def test_a_domain_with_other_names_goes_with_all_or_not(instance: Instance, ada: Actor) -> None:
    real = acts.domain_add(ada, "new.org")
    acts.aliasdomain_add(ada, real, "old.org")
    with pytest.raises(ValidationError, match=r"old\.org"):
        acts.domain_remove(ada, real)
    acts.domain_remove(ada, real, with_aliases=True)
    assert not Domain.objects.exists()
    assert instance.read("users/assign") == b".\n"


# what happens to the rest


@pytest.mark.parametrize(
    ("why", "wanted", "argument"),
    [
        ("bounce", CatchAll(Kind.BOUNCE), "bounce-no-mailbox"),
        ("delete", CatchAll(Kind.DELETE), "delete"),
        ("forward", CatchAll(Kind.FORWARD, "all@Example.NET"), "all@example.net"),
    ],
)
def test_the_catch_all_is_an_argument(instance: Instance, ada: Actor, why: str, wanted: CatchAll, argument: str) -> None:
    domain = acts.domain_add(ada, "example.org")
    AuditRow.objects.all().delete()
    acts.catchall_set(ada, domain, wanted)
    expected = f"|{instance.home}/bin/vdelivermail '' {argument}\n".encode()
    assert instance.read("domains/example.org/.qmail-default") == expected, why
    assert audit()[2:] == ("catchall_set", "example.org")


def test_the_catch_all_can_be_a_mailbox(instance: Instance, ada: Actor) -> None:
    domain = acts.domain_add(ada, "example.org")
    mailbox = mailbox_add(ada, domain, "joe", "geheim7890")
    acts.catchall_set(ada, domain, CatchAll(Kind.MAILBOX, "joe"))
    assert (instance.read("domains/example.org/.qmail-default") or b"").endswith(b" '' " + mailbox.directory.encode() + b"/\n")
    with pytest.raises(ValidationError, match="no mailbox eve"):
        acts.catchall_set(ada, domain, CatchAll(Kind.MAILBOX, "eve"))


@pytest.mark.parametrize(
    "address", ["$(id)@example.net", "`id`@example.net", "a;id@example.net", "a'b@example.net", "-x@example.net", "a@b"]
)
def test_no_address_becomes_a_command(instance: Instance, ada: Actor, address: str) -> None:
    domain = acts.domain_add(ada, "example.org")
    before = instance.read("domains/example.org/.qmail-default")
    with pytest.raises(ValidationError):
        acts.catchall_set(ada, domain, CatchAll(Kind.FORWARD, address))
    assert instance.read("domains/example.org/.qmail-default") == before


def test_the_policy_for_old_mail_is_a_file(instance: Instance, ada: Actor) -> None:
    domain = acts.domain_add(ada, "example.org")
    AuditRow.objects.all().delete()
    acts.stale_set(ada, domain, unread=365, read=None, trash=30)
    assert instance.read("domains/example.org/.stale-mail") == b"unread 365\ntrash 30\n"
    row = AuditRow.objects.get()
    assert row.before == {"unread": None, "read": None, "trash": None}
    assert row.after == {"unread": 365, "read": None, "trash": 30}
    acts.stale_set(ada, domain, unread=None, read=None, trash=None)
    assert instance.read("domains/example.org/.stale-mail") is None
    with pytest.raises(ValidationError, match="number of days"):
        acts.stale_set(ada, domain, unread=0, read=None, trash=None)
    assert drift.find() == []


def test_rows_and_files_tell_the_same_of_comments_and_order(instance: Instance, ada: Actor) -> None:
    from webadmin.control.acts import control_set

    control_set(ada, "control/rcpthosts", b"# keep me\nzz.example\n\naa.example\n")
    domain = acts.domain_add(ada, "example.org")
    acts.domain_remove(ada, domain)
    assert instance.read("control/rcpthosts") == b"# keep me\nzz.example\n\naa.example\n"
    assert bytes(ConfigFile.objects.get(name="rcpthosts").value) == instance.read("control/rcpthosts")
