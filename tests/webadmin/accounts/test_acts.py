from __future__ import annotations

import os
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from mta.formats import vpasswd
from mta.formats.vpasswd import Account
from mta.unix import crypt
from tests.support.instance import Instance
from webadmin.access import Actor
from webadmin.accounts import acts
from webadmin.aliases.acts import alias_add
from webadmin.domains.acts import domain_add
from webadmin.mirror import drift, install, rows
from webadmin.models import AuditRow, Domain, Mailbox

FILE = "domains/example.org/vpasswd"


@pytest.fixture
def domain(instance: Instance, ada: Actor) -> Domain:
    found = domain_add(ada, "example.org")
    AuditRow.objects.all().delete()
    return found


@pytest.fixture
def joe(domain: Domain, ada: Actor) -> Mailbox:
    found = acts.mailbox_add(ada, domain, "joe", "geheim7890", gecos="Joe User")
    AuditRow.objects.all().delete()
    return found


def accounts(instance: Instance) -> list[Account]:
    data = instance.read(FILE) or b""
    assert instance.read(FILE + ".cdb") == vpasswd.compile_(data)
    return vpasswd.read(data)


def test_a_mailbox_is_a_line_and_a_directory(instance: Instance, domain: Domain, ada: Actor) -> None:
    acts.mailbox_add(ada, domain, "Joe", "geheim7890", gecos="Joe Úser", quota="10M", flags=vpasswd.NO_POP)
    (found,) = accounts(instance)
    home = instance.home / "domains/example.org/joe"
    assert found == Account(b"joe", found.crypt, 1, 2, "Joe Úser".encode(), os.fsencode(home), b"10485760S")
    assert crypt.verify(b"geheim7890", found.crypt)
    assert (home / "Maildir/new").is_dir()
    row = AuditRow.objects.get()
    assert (row.who, row.act, row.kind, row.name) == ("ada", "mailbox_add", "mailbox", "joe@example.org")
    assert "$6$" not in row.words
    assert "geheim" not in row.words
    assert drift.find() == []


def test_mailboxes_keep_the_order_in_which_they_came(instance: Instance, domain: Domain, ada: Actor) -> None:
    for name in ("zoe", "ada", "max"):
        acts.mailbox_add(ada, domain, name, "geheim7890")
    acts.mailbox_remove(ada, Mailbox.objects.get(name="ada"))
    acts.mailbox_add(ada, domain, "bo", None, crypt="$1$abc$def")
    assert [a.name for a in accounts(instance)] == [b"zoe", b"max", b"bo"]
    assert accounts(instance)[-1].crypt == b"$1$abc$def"
    assert accounts(instance)[-1].gecos == b"bo", "as vadduser names it"


@pytest.mark.parametrize(
    ("why", "name", "options", "code"),
    [
        ("here already", "joe", {}, "mailbox_exists"),
        ("in capitals, too", "JOE", {}, "mailbox_exists"),
        ("an alias would take its mail", "sales", {}, "mailbox_exists"),
        ("a slash", "a/b", {}, "local_name"),
        ("a dot first", ".qmail", {}, "local_name"),
        ("a colon", "a:b", {}, "local_name"),
        ("a file of the domain", "vpasswd.cdb", {}, "local_name"),
        ("the catch-all's", "default", {}, "local_name"),
        ("letters qmail does not have", "jürgen", {}, "local_name"),
        ("nothing", "", {}, "local_name"),
        ("too long", "a" * 65, {}, "local_too_long"),
        ("no password", "bo", {"password": ""}, "password"),
        ("a megabyte of a password", "bo", {"password": "x" * 1000}, "password_too_long"),
        ("a hash that breaks the line", "bo", {"crypt": "a:b"}, "crypt"),
        ("a name that breaks the line", "bo", {"gecos": "Bo: boss"}, "gecos"),
        ("a name with a newline", "bo", {"gecos": "Bo\nx:y"}, "gecos"),
        ("a long name", "bo", {"gecos": "x" * 65}, "gecos_too_long"),
        ("no quota", "bo", {"quota": "much"}, "quota"),
        ("a quota of nothing", "bo", {"quota": "0S"}, "quota"),
        ("no such restriction", "bo", {"flags": 1 << 40}, "flags"),
    ],
)
def test_nothing_changes_when_it_cannot_be(
    instance: Instance, joe: Mailbox, ada: Actor, why: str, name: str, options: dict[str, object], code: str
) -> None:
    alias_add(ada, joe.domain, "sales", ["x@example.net"])
    AuditRow.objects.all().delete()
    before = instance.read(FILE)
    password = str(options.pop("password", "geheim7890"))
    with pytest.raises(ValidationError) as caught:
        acts.mailbox_add(ada, joe.domain, name, password, **options)  # type: ignore[arg-type]
    assert caught.value.code == code, why
    assert instance.read(FILE) == before
    assert Mailbox.objects.count() == 1
    assert not AuditRow.objects.exists()


def test_a_mailbox_goes_and_comes_back_whole(instance: Instance, joe: Mailbox, ada: Actor) -> None:
    acts.forward_set(ada, joe, ["bo@example.net"], keep_copy=True)
    (instance.home / "domains/example.org/joe/Maildir/new/1").write_bytes(b"a message\n")
    line, dotqmail = instance.read(FILE), instance.read("domains/example.org/joe/.qmail")
    AuditRow.objects.all().delete()
    removed = acts.mailbox_remove(ada, Mailbox.objects.get())
    assert instance.read(FILE) == b""
    assert not (instance.home / "domains/example.org/joe").exists()
    row = AuditRow.objects.get()
    assert (row.act, row.after) == ("mailbox_remove", {"removed": removed})
    assert drift.find() == []
    acts.mailbox_restore(ada, removed)
    assert instance.read(FILE) == line, "with its password"
    assert instance.read("domains/example.org/joe/.qmail") == dotqmail
    assert instance.read("domains/example.org/joe/Maildir/new/1") == b"a message\n"
    assert AuditRow.objects.order_by("id").last().act == "mailbox_restore"  # type: ignore[union-attr]
    assert drift.find() == []


def test_two_of_a_name_both_come_back(instance: Instance, domain: Domain, ada: Actor) -> None:
    names = []
    for _ in range(2):
        names.append(acts.mailbox_remove(ada, acts.mailbox_add(ada, domain, "joe", "geheim7890")))
    for removed in names:
        acts.mailbox_remove(ada, acts.mailbox_restore(ada, removed))


def test_a_mailbox_whose_name_is_taken_stays_removed(instance: Instance, joe: Mailbox, ada: Actor) -> None:
    removed = acts.mailbox_remove(ada, joe)
    acts.mailbox_add(ada, joe.domain, "joe", "geheim7890")
    with pytest.raises(ValidationError, match="here already"):
        acts.mailbox_restore(ada, removed)
    assert install.removed() == [removed]


def test_a_restored_mailbox_without_its_line_is_refused(instance: Instance, joe: Mailbox, ada: Actor) -> None:
    removed = acts.mailbox_remove(ada, joe)
    (instance.home / "removed" / f"{removed}.line").unlink()
    with pytest.raises(ValidationError, match="was not kept"):
        acts.mailbox_restore(ada, removed)
    assert len(install.removed()) == 1
    assert not (instance.home / "domains/example.org/joe").exists()


def test_a_password_is_changed_and_never_told(instance: Instance, joe: Mailbox, ada: Actor) -> None:
    acts.password_set(ada, joe, "anderes7890")
    (found,) = accounts(instance)
    assert crypt.verify(b"anderes7890", found.crypt)
    row = AuditRow.objects.get()
    assert (row.act, row.before, row.after) == ("password_set", None, {"password": "changed"})


def test_a_clear_text_copy_is_forgotten(instance: Instance, joe: Mailbox, ada: Actor) -> None:
    line = b"joe:$1$x:1:0:Joe:%b:NOQUOTA:sesame\n" % joe.directory.encode()
    (instance.home / FILE).write_bytes(line)
    drift.adopt(ada, "example.org")
    assert Mailbox.objects.get().clear == "sesame"
    acts.password_set(ada, Mailbox.objects.get(), "anderes7890")
    assert accounts(instance)[0].clear == b""


@pytest.mark.parametrize(
    ("why", "typed", "stored"),
    [
        ("megabytes", "10M", "10485760S"),
        ("octets and messages", "5MS,100C", "5242880S,100C"),
        ("messages alone", "100C", "100C"),
        ("kilobytes", "500KB", "512000S"),
        ("gigabytes", "2G", "2147483648S"),
        ("none", "noquota", "NOQUOTA"),
        ("nothing is none", "", "NOQUOTA"),
    ],
)
def test_a_quota_is_stored_in_its_canonical_form(instance: Instance, joe: Mailbox, ada: Actor, why: str, typed: str, stored: str) -> None:
    acts.quota_set(ada, joe, typed)
    assert accounts(instance)[0].quota == stored.encode(), why
    assert AuditRow.objects.get().after == {"quota": stored}


def test_flags_and_name_are_changed(instance: Instance, joe: Mailbox, ada: Actor) -> None:
    acts.flags_set(ada, joe, vpasswd.NO_POP | vpasswd.NO_IMAP)
    acts.gecos_set(ada, joe, "Josephine")
    assert (accounts(instance)[0].flags, accounts(instance)[0].gecos) == (10, b"Josephine")
    assert list(AuditRow.objects.order_by("id").values_list("act", flat=True)) == ["flags_set", "gecos_set"]


def test_an_odd_line_is_written_afresh_by_its_first_edit(instance: Instance, joe: Mailbox, ada: Actor) -> None:
    odd = b"joe:$1$x:001:0:J\xe9:%b:NOQUOTA\n" % joe.directory.encode()
    other = b"bo:$1$x:001:0:B\xf6:/elsewhere/bo:NOQUOTA\n"
    (instance.home / FILE).write_bytes(odd + other)
    drift.adopt(ada, "example.org")
    assert drift.find() == []
    acts.quota_set(ada, Mailbox.objects.get(name="joe"), "1M")
    assert instance.read(FILE) == b"joe:$1$x:1:0:J\xc3\xa9:%b:1048576S\n" % joe.directory.encode() + other


def test_an_edit_of_vpopmails_own_programs_is_not_lost(instance: Instance, joe: Mailbox, ada: Actor) -> None:
    """Of another mailbox it stays as it is, and is compiled; of the same one it stands in the way."""
    eve = b"eve:x:1:0:eve:/d/eve:NOQUOTA\n"
    (instance.home / FILE).write_bytes((instance.read(FILE) or b"") + eve)
    acts.quota_set(ada, joe, "1M")
    after = instance.read(FILE) or b""
    assert b":1048576S\n" in after and after.endswith(eve)
    assert instance.read(FILE + ".cdb") == vpasswd.compile_(after)
    (instance.home / FILE).write_bytes(after.replace(b":1048576S\n", b":3M\n"))
    with pytest.raises(ValidationError, match="look at Drift first"):
        acts.quota_set(ada, joe, "2M")
    assert b":3M\n" in (instance.read(FILE) or b"")
    assert Mailbox.objects.get().quota == "1048576S"
    drift.adopt(ada, "example.org")
    acts.quota_set(ada, Mailbox.objects.get(name="joe"), "2M")
    assert [a.name for a in accounts(instance)] == [b"joe", b"eve"]
    assert drift.find() == []


def test_a_mailbox_that_was_added_by_hand_is_not_added_again(instance: Instance, joe: Mailbox, ada: Actor) -> None:
    (instance.home / FILE).write_bytes((instance.read(FILE) or b"") + b"eve:x:1:0:eve:/d/eve:NOQUOTA\n")
    with pytest.raises(ValidationError, match="the line of eve in vpasswd was changed by somebody else"):
        acts.mailbox_add(ada, joe.domain, "eve", "geheim7890")
    assert (instance.read(FILE) or b"").count(b"\n") == 2


def test_a_change_of_one_mailbox_asks_the_database_for_that_one(
    instance: Instance, joe: Mailbox, ada: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[bytes] = []
    real = rows.load_domains

    def load_domains(domains: Any, only: str | None = None) -> Any:
        found = real(domains, only)
        loaded.extend(m.account.name for record in found.values() for m in record.mailboxes)
        return found

    acts.mailbox_add(ada, joe.domain, "eve", "geheim7890")
    monkeypatch.setattr(rows, "load_domains", load_domains)
    acts.password_set(ada, joe, "geheim7891")
    assert loaded == [b"joe", b"joe"]


# forwarding


def forward(instance: Instance) -> bytes | None:
    return instance.read("domains/example.org/joe/.qmail")


def test_mail_goes_elsewhere_as_well(instance: Instance, joe: Mailbox, ada: Actor) -> None:
    acts.forward_set(ada, joe, ["bo@example.net", "bo@example.net", "Cy@Example.COM"], keep_copy=True)
    maildir = os.fsencode(instance.home) + b"/domains/example.org/joe/Maildir/"
    assert forward(instance) == b"&bo@example.net\n&Cy@example.com\n" + maildir + b"\n"
    assert AuditRow.objects.get().act == "forward_set"
    assert drift.find() == []


def test_mail_goes_elsewhere_instead(instance: Instance, joe: Mailbox, ada: Actor) -> None:
    acts.forward_set(ada, joe, ["bo@example.net"], keep_copy=False)
    assert forward(instance) == b"&bo@example.net\n"


def test_lines_by_hand_stay(instance: Instance, joe: Mailbox, ada: Actor) -> None:
    maildir = os.fsencode(instance.home) + b"/domains/example.org/joe/Maildir/"
    (instance.home / "domains/example.org/joe/.qmail").write_bytes(
        b"# mine\n|filter first\n&old@example.net\n" + maildir + b"\n|vacation\n"
    )
    drift.adopt(ada, "example.org")
    acts.forward_set(ada, joe, ["new@example.net"], keep_copy=True)
    assert forward(instance) == b"# mine\n|filter first\n&new@example.net\n" + maildir + b"\n|vacation\n"


def test_no_forwarding_is_no_file(instance: Instance, joe: Mailbox, ada: Actor) -> None:
    acts.forward_set(ada, joe, ["bo@example.net"], keep_copy=False)
    acts.forward_set(ada, joe, [], keep_copy=True)
    assert forward(instance) is None
    assert drift.find() == []


@pytest.mark.parametrize(
    ("why", "targets", "keep_copy", "says"),
    [
        ("all mail would be lost", [], False, "All mail would be lost"),
        ("a loop", ["Joe@Example.org"], False, "to itself"),
        ("no address", ["bo"], True, "not a whole address"),
        ("no domain", ["bo@"], True, "domain"),
        ("a command", ["|rm -rf /@example.net"], True, "cannot be forwarded to"),
        ("a second line", ["bo@example.net\n|id"], True, "not the name of a domain"),
        ("a second line before", ["bo\n|id@example.net"], True, "cannot be forwarded to"),
        ("a file", ["/etc/x@example.net"], True, "cannot be forwarded to"),
        ("a NUL", ["b\0o@example.net"], True, "cannot be forwarded to"),
    ],
)
def test_it_refuses_to_forward(
    instance: Instance, joe: Mailbox, ada: Actor, why: str, targets: list[str], keep_copy: bool, says: str
) -> None:
    with pytest.raises(ValidationError, match=says):
        acts.forward_set(ada, joe, targets, keep_copy=keep_copy)
    assert forward(instance) is None
    assert not AuditRow.objects.exists()
