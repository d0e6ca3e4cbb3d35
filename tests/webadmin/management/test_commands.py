"""The commands: vpopmail's arguments, words and exit codes over the acts."""

from __future__ import annotations

import io
import json
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from mta.formats import ask, vpasswd
from mta.unix import crypt
from tests.support.instance import Instance
from webadmin.domains import catchall
from webadmin.management import shell
from webadmin.mirror import drift
from webadmin.models import AuditRow, ConfigFile, Domain, Mailbox


def run(name: str, *argv: str, stdin: str = "") -> tuple[int, str]:
    """-> (exit code, what it said), as from a shell whose input is no terminal."""
    out, old = io.StringIO(), sys.stdin
    sys.stdin = io.StringIO(stdin)
    try:
        call_command(name, *map(shell._random_option, argv), stdout=out)
        code = 0
    except SystemExit as error:
        code = int(error.code or 0)
    finally:
        sys.stdin = old
    return code, out.getvalue()


def account(instance: Instance, name: str) -> vpasswd.Account:
    found = vpasswd.read(instance.read("domains/example.org/vpasswd") or b"")
    return next(a for a in found if a.name == name.encode())


@pytest.fixture
def domain(instance: Instance) -> Domain:
    assert run("vadddomain", "example.org", "geheim7890") == (0, "")
    return Domain.objects.get()


def test_vadddomain_makes_domain_and_postmaster(instance: Instance, domain: Domain) -> None:
    assert crypt.verify(b"geheim7890", account(instance, "postmaster").crypt)
    row = AuditRow.objects.exclude(who="tests").get()
    assert (row.act, row.origin) == ("domain_add", "command line")


def test_vadddomain_takes_its_options(instance: Instance) -> None:
    code, said = run("vadddomain", "-q", "10M", "-e", "all@example.net", "-r8", "example.org")
    assert code == 0
    password = said.removeprefix("Random password: ").strip()
    assert len(password) == 8
    assert crypt.verify(password.encode(), account(instance, "postmaster").crypt)
    assert account(instance, "postmaster").quota == b"10485760S"
    assert catchall.read(instance.read("domains/example.org/.qmail-default")).value == "all@example.net"


def test_a_password_is_asked_for(instance: Instance) -> None:
    assert run("vadddomain", "example.org", stdin="von-stdin-1\n") == (0, "")
    assert crypt.verify(b"von-stdin-1", account(instance, "postmaster").crypt)
    assert run("vpasswd", "postmaster@example.org", stdin="noch-eins-2\n") == (0, "")
    assert crypt.verify(b"noch-eins-2", account(instance, "postmaster").crypt)


def test_vadduser_takes_its_options(instance: Instance, domain: Domain) -> None:
    assert run("vadduser", "-q", "10M", "-c", "Joe User", "-s", "Joe@Example.ORG", "geheim7890") == (0, "")
    joe = account(instance, "joe")
    assert (joe.gecos, joe.quota) == (b"Joe User", b"10485760S")
    assert run("vadduser", "-e", "$1$salt$hash", "bo@example.org") == (0, "")
    assert (account(instance, "bo").crypt, account(instance, "bo").gecos) == (b"$1$salt$hash", b"bo")
    code, said = run("vadduser", "-r", "cy@example.org")
    assert code == 0
    assert crypt.verify(said.removeprefix("Random password: ").strip().encode(), account(instance, "cy").crypt)
    assert len(said.split()[-1]) == 12


def test_vpasswd_sets_a_password(instance: Instance, domain: Domain) -> None:
    run("vadduser", "joe@example.org", "geheim7890")
    assert run("vpasswd", "joe@example.org", "anderes7890") == (0, "")
    assert crypt.verify(b"anderes7890", account(instance, "joe").crypt)


def test_a_mailbox_can_be_named_by_its_domains_other_name(instance: Instance, domain: Domain) -> None:
    run("vaddaliasdomain", "example.org", "old.org")
    assert run("vpasswd", "postmaster@old.org", "anderes7890") == (0, "")
    assert crypt.verify(b"anderes7890", account(instance, "postmaster").crypt)


def test_vdeluser_moves_the_mailbox_away_and_restore_brings_it_back(instance: Instance, domain: Domain) -> None:
    run("vadduser", "joe@example.org", "geheim7890")
    code, said = run("vdeluser", "joe@example.org")
    removed = said.removeprefix("moved to removed/").strip()
    assert (code, run("restore")) == (0, (0, f"{removed}\n"))
    assert not Mailbox.objects.filter(name="joe").exists()
    assert run("restore", removed) == (0, "joe@example.org is back\n")
    assert Mailbox.objects.filter(name="joe").exists()


@pytest.mark.parametrize("words", [("example.org", "old.org"), ("old.org", "example.org")])
def test_vaddaliasdomain_takes_both_orders(instance: Instance, domain: Domain, words: tuple[str, str]) -> None:
    assert run("vaddaliasdomain", *words) == (0, "")
    assert Domain.objects.get(name="old.org").real == domain


def test_vdeldomain_leaves_a_domain_with_other_names_alone(instance: Instance, domain: Domain) -> None:
    run("vaddaliasdomain", "example.org", "old.org")
    code, said = run("vdeldomain", "example.org")
    assert code == 0, "as vpopmail's"
    assert said == "Warning: Alias domains exist:\n   old.org\nuse -f to force delete of domain and all aliases\n"
    assert Domain.objects.count() == 2
    code, said = run("vdeldomain", "-f", "example.org")
    assert (code, said.startswith("moved to removed/")) == (0, True)
    assert not Domain.objects.exists()
    assert run("restore", said.removeprefix("moved to removed/").strip()) == (0, "example.org is back\n")


def test_vdeldomain_of_an_alias_removes_the_name_alone(instance: Instance, domain: Domain) -> None:
    run("vaddaliasdomain", "example.org", "old.org")
    assert run("vdeldomain", "old.org") == (0, "")
    assert Domain.objects.get() == domain


@pytest.mark.parametrize(
    ("why", "words", "code"),
    [
        ("an illegal user name", ("vadduser", "a/b@example.org", "geheim7890"), 255),
        ("the user exists", ("vadduser", "postmaster@example.org", "geheim7890"), 254),
        ("no such user", ("vdeluser", "eve@example.org"), 246),
        ("no such user to change", ("vpasswd", "eve@example.org", "geheim7890"), 246),
        ("no such domain", ("vadduser", "joe@example.net", "geheim7890"), 245),
        ("no such domain to remove", ("vdeldomain", "example.net"), 245),
        ("no name of a domain", ("vadddomain", "example", "geheim7890"), 244),
        ("the domain exists", ("vadddomain", "example.org", "geheim7890"), 243),
        ("an alias that exists", ("vaddaliasdomain", "example.org", "example.org"), 243),
        ("a long user name", ("vadduser", "a" * 65 + "@example.org", "geheim7890"), 231),
        ("a long domain", ("vadddomain", "a." * 60 + "org", "geheim7890"), 230),
        ("a long password", ("vadduser", "joe@example.org", "x" * 300), 229),
        ("a long name", ("vadduser", "-c", "x" * 65, "joe@example.org", "geheim7890"), 228),
        ("no address", ("vadduser", "joe", "geheim7890"), 255),
    ],
)
def test_it_fails_as_vpopmail_does(instance: Instance, domain: Domain, why: str, words: tuple[str, ...], code: int) -> None:
    before = Mailbox.objects.count(), Domain.objects.count()
    got, said = run(*words)
    assert got == code, f"{why}: {said}"
    assert said.startswith("Error: ")
    assert (Mailbox.objects.count(), Domain.objects.count()) == before


def test_a_name_is_looked_at_before_a_password_is_asked_for(instance: Instance, domain: Domain) -> None:
    assert run("vadduser", "postmaster@example.org")[0] == 254
    assert run("vadddomain", "example.org")[0] == 243


@pytest.mark.parametrize(
    ("word", "becomes"),
    [("-r", "--random=12"), ("-r20", "--random=20"), ("-rx", "-rx"), ("-q", "-q"), ("root@example.org", "root@example.org")],
)
def test_the_length_of_a_password_is_part_of_its_option(word: str, becomes: str) -> None:
    assert shell._random_option(word) == becomes


# the instance


def test_drift_shows_adopts_and_overwrites(instance: Instance, domain: Domain) -> None:
    assert run("drift") == (0, "The files are as the database has them.\n")
    (instance.home / "control/rcpthosts").write_bytes(b"by-hand.example\n")
    (instance.home / "domains/example.org/.qmail-new").write_bytes(b"&x@example.net\n")
    code, said = run("drift")
    assert code == 1
    assert "control/rcpthosts: changed\n" in said
    assert "  +by-hand.example\n" in said
    assert run("drift", "--adopt", "example.org")[0] == 0
    assert [d.path for d in drift.find()] == ["control/rcpthosts"]
    assert run("drift", "--overwrite", "all")[0] == 0
    assert drift.find() == []
    with pytest.raises(CommandError, match=r"Nothing differs in example\.org"):
        run("drift", "--adopt", "example.org")


def test_import_tree_takes_everything_in(files: Instance, db: None) -> None:
    assert run("import_tree") == (0, "4 control files, 0 domains, 0 mailboxes.\n")
    (files.home / "control/me").write_bytes(b"other.example\n")
    assert run("import_tree", "--first") == (0, "")
    assert bytes(ConfigFile.objects.get(name="me").value) == b"mail.example.org\n", "not the first time"


def test_import_tree_names_what_is_wrong(files: Instance, db: None) -> None:
    (files.home / "control/locals").write_bytes(b"a\n\0\n")
    with pytest.raises(CommandError, match="control/locals line 2: a NUL"):
        run("import_tree")
    assert not ConfigFile.objects.exists()


def test_rollback_lists_and_goes_back(instance: Instance, domain: Domain) -> None:
    code, said = run("rollback")
    assert code == 0
    newest, older = said.split("\n")[:2]
    assert newest.startswith("* ")
    assert newest.endswith("domain_add example.org")
    assert run("rollback", older.split()[0])[0] == 0
    assert not Domain.objects.exists()


def test_operator_makes_and_resets(db: None) -> None:
    assert run("operator", "--count") == (0, "0\n")
    assert run("operator", "ada", stdin="langes-kennwort-1\n") == (0, "ada may log in now.\n")
    assert run("operator", "--count") == (0, "1\n")
    found = User.objects.get()
    assert (found.is_superuser, found.check_password("langes-kennwort-1")) == (True, True)
    assert found.password.startswith("argon2")
    assert run("operator", "ada", stdin="anderes-kennwort-2\n") == (0, "ada has a new password.\n")
    assert User.objects.get().check_password("anderes-kennwort-2")
    assert list(AuditRow.objects.order_by("id").values_list("act", flat=True)) == ["operator_add", "operator_password"]


@pytest.mark.parametrize(
    ("why", "words", "stdin", "says"),
    [
        ("too short", ("operator", "ada"), "kurz\n", "too short"),
        ("the name itself", ("operator", "administrator"), "administrator\n", "similar"),
        ("no login", ("operator", "a b"), "langes-kennwort-1\n", "cannot be a login"),
        ("nobody", ("operator",), "", "Give the name"),
    ],
)
def test_operator_refuses(db: None, why: str, words: tuple[str, ...], stdin: str, says: str) -> None:
    with pytest.raises(CommandError, match=says):
        run(*words, stdin=stdin)
    assert not User.objects.exists()


@contextmanager
def vmaild(instance: Instance, answer: list[bytes]) -> Iterator[list[list[bytes]]]:
    """Something that answers one question on run/vmaild."""
    asked: list[list[bytes]] = []
    path = instance.home / "run/vmaild"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
        sock.listen()

        def serve() -> None:
            connection, _ = sock.accept()
            with connection:
                found = ask.read(connection.recv(65536))
                assert found is not None
                asked.append(found[0])
                connection.sendall(ask.write(answer))

        thread = threading.Thread(target=serve)
        thread.start()
        yield asked
        thread.join()
    path.unlink()


def test_explain_numbers_the_steps(files: Instance) -> None:
    found = {
        "steps": [
            {"title": "virtual domain", "text": "example.org is handed to example.org", "source": "control/virtualdomains line 1"},
            {"title": "mailbox", "text": "joe\nwith a quota", "source": ""},
        ],
        "outcome": "delivered to joe",
    }
    with vmaild(files, [b"K", json.dumps(found).encode()]) as asked:
        code, said = run("explain", "joe@example.org")
    assert asked == [[b"explain", b"joe@example.org"]]
    assert (code, said) == (
        0,
        "1. virtual domain\n   example.org is handed to example.org\n   [control/virtualdomains line 1]\n"
        "2. mailbox\n   joe\n   with a quota\n=> delivered to joe\n",
    )


def test_explain_says_why_it_cannot(files: Instance) -> None:
    with vmaild(files, [b"D", b"not an address"]), pytest.raises(CommandError, match="not an address"):
        run("explain", "joe")
    with pytest.raises(CommandError, match="Start the mail system"):
        run("explain", "joe@example.org")


@pytest.mark.parametrize(("name", "program"), [("showctl", "qmail-showctl"), ("qread", "qmail-qread"), ("qstat", "qmail-qstat")])
def test_programs_of_the_instance_are_run_as_they_are(files: Instance, capfd: pytest.CaptureFixture[str], name: str, program: str) -> None:
    path = files.home / "bin" / program
    path.write_text('#!/bin/sh\necho "$0 in $QMAIL_HOME"\nexit 3\n')
    path.chmod(0o755)
    with pytest.raises(SystemExit) as ended:
        call_command(name)
    assert ended.value.code == 3
    assert capfd.readouterr().out == f"{path} in {files.home}\n"
    path.unlink()
    with pytest.raises(CommandError, match="make prepare"):
        call_command(name)
