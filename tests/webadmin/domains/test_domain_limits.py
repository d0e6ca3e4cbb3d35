"""How much a domain may have: said, kept, and refused when it is one too many."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command

from tests.support.browser import Browser
from tests.support.instance import Instance
from webadmin.access import Actor
from webadmin.accounts import acts
from webadmin.aliases.acts import alias_add, alias_set, alias_write
from webadmin.domains import limits
from webadmin.domains.acts import aliasdomain_add
from webadmin.models import AuditRow, Domain

URL = "/domains/example.org/limits"
FILE = "domains/example.org/.qmailadmin-limits"


def give(org: Domain, ada: Actor, **wanted: int | None) -> Domain:
    return limits.limits_set(ada, org, wanted)


def test_they_are_lines_of_a_file_of_the_domain(web: Browser, org: Domain, instance: Instance, ada: Actor) -> None:
    org.limits = b"disable_pop\nmaxaliases: 3\n"
    org.save()
    (instance.home / FILE).write_bytes(org.limits)
    page = web.page(URL)
    assert (page.value("maxaliases"), page.value("maxpopaccounts")) == ("3", "")
    page = web.done(URL, {"maxaliases": "", "maxpopaccounts": "1", "quota": "20"}, to=URL)
    assert "The limits of example.org were saved." in page.text
    assert instance.read(FILE) == b"disable_pop\nmaxpopaccounts 1\nquota 20\n"
    rows = [" ".join(t.text.split()) for t in page.all("tr")]
    assert "Mailboxes11 (full)" in rows and "Aliases0no limit" in rows
    row = AuditRow.objects.get()
    assert (row.act, row.before, row.after) == (
        "limits_set",
        {"lines": "disable_pop\nmaxaliases: 3\n"},
        {"lines": "disable_pop\nmaxpopaccounts 1\nquota 20\n"},
    )


@pytest.mark.parametrize(("why", "number"), [("less than none", "-1"), ("no number", "some"), ("a number nobody means", "9" * 40)])
def test_what_is_no_number_is_said_beside_it(web: Browser, org: Domain, instance: Instance, why: str, number: str) -> None:
    page = web.send(URL, {"maxforwards": number, "quota": "7"})
    assert page.error("maxforwards") and page.value("quota") == "7", why
    assert instance.read(FILE) is None


def test_a_stranger_sets_none(dee: Browser, org: Domain, instance: Instance) -> None:
    assert dee.post(URL, {"maxpopaccounts": "0"})["Location"] == "/login"
    assert instance.read(FILE) is None


def test_another_name_has_those_of_its_domain(org: Domain, ada: Actor) -> None:
    with pytest.raises(ValidationError, match="change it there"):
        give(aliasdomain_add(ada, org, "example.net"), ada, maxaliases=1)


def test_one_mailbox_too_many_is_refused_with_a_sentence(web: Browser, org: Domain, instance: Instance, ada: Actor) -> None:
    give(org, ada, maxpopaccounts=1)
    page = web.send("/domains/example.org/add-mailbox", {"name": "sue", "password": "geheim7890"})
    assert "example.org may have 1 mailbox, and has it already. Its limits say so." in page.text
    assert not (instance.home / "domains/example.org/sue").exists()
    give(org, ada, maxpopaccounts=2)
    acts.mailbox_add(ada, org, "sue", "geheim7890")
    with pytest.raises(ValidationError, match="may have 2 mailboxes, and has them already"):
        acts.check_new(Domain.objects.get(), "ann")
    assert org.mailboxes.count() == 2


def test_what_is_there_stays_and_what_was_deleted_comes_back(org: Domain, ada: Actor) -> None:
    joe = org.mailboxes.get()
    give(org, ada, maxpopaccounts=0)
    acts.gecos_set(ada, joe, "Joseph")
    kept = acts.mailbox_remove(ada, joe)
    assert acts.mailbox_restore(ada, kept).gecos == "Joseph"


@pytest.mark.parametrize(
    ("why", "limit", "body", "others"),
    [
        ("somebody here", "maxaliases", b"&joe@example.org\n", b"&joe@far.example\n"),
        ("somebody here under another name of it", "maxaliases", b"&joe@example.net\n", b"&joe@far.example\n"),
        ("a Maildir", "maxaliases", b"/d/joe/Maildir/\n", b"&joe@far.example\n"),
        ("somebody elsewhere", "maxforwards", b"# sales\n&joe@example.org\nann@far.example\n", b"&joe@example.org\n"),
        ("an autoresponder", "maxautoresponders", b"|/usr/bin/autorespond 1 1 m d\n&joe@far.example\n", b"&joe@far.example\n"),
        ("a mailing list", "maxmailinglists", b"|/usr/bin/ezmlm-reject\n|/usr/bin/ezmlm-send /l\n", b"|/usr/bin/ezmlm-manage /l\n"),
    ],
)
def test_one_address_too_many_is_refused(org: Domain, ada: Actor, why: str, limit: str, body: bytes, others: bytes) -> None:
    aliasdomain_add(ada, org, "example.net")
    start = "x@second.example" if limit == "maxaliases" else "joe@example.org"
    first, second = (alias_add(ada, org, name, [start]) for name in ("one", "two"))
    give(org, ada, **{limit: 1})
    alias_write(ada, first, body)
    assert limits.counts(org)[limit] == 1, why
    with pytest.raises(ValidationError, match=r"example\.org may have 1 .*, and has it already"):
        alias_write(ada, second, body)
    alias_write(ada, second, others)
    alias_write(ada, first, body + b"# changed\n")


def test_no_forward_is_none(org: Domain, ada: Actor) -> None:
    give(org, ada, maxforwards=0)
    with pytest.raises(ValidationError, match="may have no forwards. Its limits say so."):
        alias_add(ada, org, "sales", ["ann@far.example"])
    alias = alias_add(ada, org, "sales", ["joe@example.org"])
    with pytest.raises(ValidationError, match="no forwards"):
        alias_set(ada, alias, ["joe@example.org", "ann@far.example"])
    assert org.aliases.get().body == b"&joe@example.org\n"


def test_mailboxes_together_are_given_no_more_than_the_domain_may_hold(org: Domain, ada: Actor) -> None:
    joe = org.mailboxes.get()
    give(org, ada, quota=100, maxmsgcount=1000)
    with pytest.raises(ValidationError, match="a mailbox there needs a quota"):
        acts.mailbox_add(ada, org, "sue", "geheim7890")
    joe = acts.quota_set(ada, joe, "90M,900C")  # it had none: this is less
    for quota, what in (
        ("20M,10C", "100 MB in all, and 90 are"),
        ("5M,101C", "1000 messages in all, and 900 are"),
        ("5M", "needs a quota"),
    ):
        with pytest.raises(ValidationError, match=what):
            acts.mailbox_add(ada, org, "sue", "geheim7890", quota=quota)
    sue = acts.mailbox_add(ada, org, "sue", "geheim7890", quota="10M,100C")
    with pytest.raises(ValidationError, match="too much"):
        acts.details_set(ada, sue, gecos="", quota="11M,100C", flags=0)
    with pytest.raises(ValidationError, match="needs a quota"):
        acts.quota_set(ada, sue, "NOQUOTA")
    give(org, ada, quota=1)
    acts.quota_set(ada, joe, "80M,900C")  # still far too much, but less
    acts.gecos_set(ada, joe, "Joe")


def test_a_new_mailbox_gets_the_quota_of_the_domain(web: Browser, org: Domain, ada: Actor) -> None:
    give(org, ada, default_quota=10 << 20, default_maxmsgcount=50)
    call_command("vadduser", "sue@example.org", "geheim7890", stdout=StringIO())
    assert org.mailboxes.get(name="sue").quota == "10485760S,50C"
    call_command("vadduser", "-q", "NOQUOTA", "ann@example.org", "geheim7890", stdout=StringIO())
    assert org.mailboxes.get(name="ann").quota == "NOQUOTA"
    assert web.page("/domains/example.org/add-mailbox").value("quota") == "10M,50C"
