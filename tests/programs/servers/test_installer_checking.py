"""What the checking child of the installer finds good, and what it refuses: without a process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import install_call
from mta.formats.install_call import Line, Mailbox, Make, Put, Remove, Retire, RetireDomain, Step
from mta.programs.servers.installer.checking import Checker
from mta.unix.accounts import ALL_USERS, Account, Accounts

VPOPMAIL = 89
WHO = Accounts(False, {name: Account(name, VPOPMAIL if name == "vpopmail" else 700, 89) for name in ALL_USERS})
ASSIGN = b"=root-made:joe:1000:1000:/home/joe:::\n.\n"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("home")
    (path / "users").mkdir()
    (path / "domains").mkdir()
    (path / "users/assign").write_bytes(ASSIGN)
    return path


@pytest.fixture(scope="module")
def checker(home: Path) -> Checker:
    return Checker(os.fsencode(home), WHO)


def refusal(order: list[bytes]) -> str:
    assert order[0] == b"refuse", order[0]
    return order[1].decode()


def install(*steps: Step) -> list[bytes]:
    return [b"install", b"ada", b"why", *map(install_call.write_step, steps)]


@pytest.mark.parametrize(
    ("why", "step", "says"),
    [
        ("up and out", Put(b"control/../../etc/passwd", b"x"), "not a name of a control file"),
        ("an absolute path", Put(b"/etc/passwd", b"x"), "not a name of a control file"),
        ("hidden", Put(b"control/.hidden", b"x"), "not a name of a control file"),
        ("a folder below", Put(b"control/notlshosts/x", b"x"), "not a name of a control file"),
        ("a compiled file is never sent", Put(b"users/cdb", b"x"), "not a name of a control file"),
        ("nor this one", Put(b"control/tcp.smtp.cdb", b"x"), "not a name of a control file"),
        ("too large", Put(b"control/locals", b"x" * (install_call.FILE_MAX + 1)), "larger than 4 MiB"),
        ("a NUL", Put(b"control/locals", b"a\nb\0c\n"), "control/locals line 2: a NUL"),
        ("nobody's machine", Put(b"control/me", b" \n"), "must name this machine"),
        ("an open relay", Remove(b"control/rcpthosts"), "open relay"),
        ("nothing would start", Remove(b"control/me"), "nothing starts without it"),
        ("no closing dot", Put(b"users/assign", b"=a:b:1:2:/c:::\n"), "does not end"),
        ("a line cut short", Put(b"users/assign", b"=a:b:1:2\n.\n"), "line 1"),
        ("root", Put(b"users/assign", ASSIGN[:-2] + b"=a:root:0:0:/root:::\n.\n"), "line 2: mail is never delivered as root"),
        ("root, written long", Put(b"users/assign", b"=a:root:000:89:/root:::\n.\n"), "never delivered as root"),
        ("root's group", Put(b"users/assign", b"=a:b:89:0:/x:::\n.\n"), "never delivered as root"),
        ("root, after 32 bits", Put(b"users/assign", b"=a:b:4294967296:89:/x:::\n.\n"), "must be numbers"),
        ("no number", Put(b"users/assign", b"=a:b:root:89:/x:::\n.\n"), "must be numbers"),
        ("somebody new", Put(b"users/assign", b"=a:eve:1001:1001:/home/eve:::\n.\n"), "uid 1001 with this home is new"),
        ("known, but elsewhere", Put(b"users/assign", b"=a:joe:1000:1000:/tmp/x:::\n.\n"), "uid 1000 with this home is new"),
        ("rules nobody can read", Put(b"control/tcp.smtp", b":allow\n:maybe\n"), "control/tcp.smtp line 2"),
        ("not of these folders", Make(), "only files"),
    ],
)
def test_it_refuses_to_install(checker: Checker, why: str, step: Step, says: str) -> None:
    assert says in refusal(checker.check(install(step))), why


@pytest.mark.parametrize(
    ("why", "step"),
    [
        ("an empty rcpthosts refuses all mail, and may", Put(b"control/rcpthosts", b"")),
        ("a file nobody here knows", Put(b"control/spfbehavior", b"3\n")),
        ("what root wrote stays", Put(b"users/assign", ASSIGN)),
        ("another name for the same user and home", Put(b"users/assign", b"+j-:joe:1000:1000:/home/joe:-::\n.\n")),
        ("a virtual domain", Put(b"users/assign", b"+e.org-:e.org:89:89:/anywhere/e.org:-::\n.\n")),
        ("text after the dot is not read", Put(b"users/assign", b".\n=a:root:0:0:/root:::\n")),
    ],
)
def test_it_finds_good(checker: Checker, why: str, step: Put) -> None:
    assert checker.check(install(step))[:7] == [b"install", b"ada", b"why", step.path, step.old, b"+", step.data], why


def test_one_bad_step_spoils_the_question(checker: Checker) -> None:
    assert checker.check(install(Put(b"control/locals", b"x\n"), Put(b"control/.x", b"")))[0] == b"refuse"


def of_domain(home: Path, *steps: Step, name: bytes = b"example.org", directory: str = "domains/example.org") -> list[bytes]:
    return [b"domain", b"ada", name, os.fsencode(home / directory), *map(install_call.write_step, steps)]


@pytest.mark.parametrize(
    ("why", "step", "says"),
    [
        ("up and out", Put(b"../x", b""), "not a file of a domain"),
        ("a program of the domain's", Put(b"run", b""), "not a file of a domain"),
        ("the lock", Put(b".vpasswd.lock", b""), "not a file of a domain"),
        ("compiled", Put(b"vpasswd.cdb", b""), "not a file of a domain"),
        ("below a hidden folder", Put(b".ssh/.qmail", b""), "not a file of a domain"),
        ("another file of a mailbox", Put(b"joe/Maildir/new/1", b""), "not a file of a domain"),
        ("an alias with a slash", Put(b".qmail-a/../b", b""), "not a file of a domain"),
        ("an alias with a newline", Put(b".qmail-a\n", b""), "not a file of a domain"),
        ("no alias at all", Put(b".qmail-", b""), "not a file of a domain"),
        ("too large", Put(b".qmail-a", b"x" * (install_call.DOMAIN_FILE_MAX + 1)), "larger than 1 MiB"),
        ("a NUL", Put(b".qmail-a", b"&a\0b\n"), ".qmail-a line 1: a NUL"),
        ("vpasswd cut short", Put(b"vpasswd", b"joe:x\n"), "line 1"),
        ("vpasswd without its last newline", Put(b"vpasswd", b"joe:x:1:0:j:/d/joe:NOQUOTA"), "no newline"),
        ("twice the same", Put(b"vpasswd", b"joe:x:1:0:j:/d/joe:Q\n" * 2), "line 2: joe stands twice"),
        ("a home upstairs", Put(b"vpasswd", b"joe:x:1:0:j:/d/../etc:Q\n"), "whole path"),
        ("a home from here", Put(b"vpasswd", b"joe:x:1:0:j:d/joe:Q\n"), "whole path"),
        ("a policy nobody can read", Put(b".stale-mail", b"always\n"), "line 1"),
        ("a domain keeps its vpasswd", Remove(b"vpasswd"), "keeps its vpasswd"),
        ("a line of nobody", Line(b"", b""), "not a name"),
        ("two lines at once", Line(b"joe:x:1:0:j:/d/joe:Q\nbo", b""), "not a name"),
        ("a line cut short", Line(b"joe", b"joe:x:1:0:j:/d/joe:NOQUOTA"), "not a line of vpasswd"),
        ("two lines for one", Line(b"joe", b"joe:x:1:0:j:/d/joe:Q\nbo:x:1:0:j:/d/bo:Q\n"), "not a line of vpasswd"),
        ("a line without end", Line(b"joe", b"joe:" + b"x" * (1 << 16) + b":1:0:j:/d/joe:Q\n"), "not a line of vpasswd"),
        ("somebody else's line", Line(b"joe", b"bo:x:1:0:j:/d/bo:Q\n"), "another name"),
        ("a line of something else", Line(b"joe", b"joe:x\n"), "not name:crypt"),
        ("a line with a NUL", Line(b"joe", b"joe:x\0:1:0:j:/d/joe:Q\n"), "not name:crypt"),
        ("a line with a home upstairs", Line(b"joe", b"joe:x:1:0:j:/d/../etc:Q\n"), "whole path"),
        ("a mailbox upstairs", Mailbox(b"../joe"), "not a directory of a mailbox"),
        ("the domain itself as a mailbox", Retire(b"", b"line"), "not a directory of a mailbox"),
        ("a hidden mailbox", Retire(b".qmail", b"line"), "not a directory of a mailbox"),
    ],
)
def test_it_refuses_below_domains(checker: Checker, home: Path, why: str, step: Step, says: str) -> None:
    assert says in refusal(checker.check(of_domain(home, step))), why


@pytest.mark.parametrize(
    ("why", "directory"),
    [
        ("elsewhere", "/etc"),
        ("upstairs", "domains/../users"),
        ("domains itself", "domains"),
        ("domains itself, with a slash", "domains/"),
        ("hidden", "domains/.x"),
        ("too deep", "domains/" + "/".join("abcdefghij")),
        ("a name that begins alike", "domains2/x"),
    ],
)
def test_it_stays_below_domains(checker: Checker, home: Path, why: str, directory: str) -> None:
    assert "not below domains/" in refusal(checker.check(of_domain(home, Make(), directory=directory))), why
    read = [b"read", b"domain", b"bytes", b"example.org", os.fsencode(home / directory)]
    assert "not below domains/" in refusal(checker.check(read)), why


def test_vpasswd_changes_once_in_a_question(checker: Checker, home: Path) -> None:
    one, two = (Line(name, name + b":x:1:0:j:/d/joe:Q\n") for name in (b"joe", b"bo"))
    for steps in ((one, two), (Put(b"vpasswd", b""), one)):
        assert "once in a question" in refusal(checker.check(of_domain(home, *steps)))


def test_it_hands_on_where_and_what(checker: Checker, home: Path) -> None:
    steps = (Make(), Put(b"vpasswd", b""), Mailbox(b"0/joe"), RetireDomain())
    words = [install_call.write_step(step) for step in steps]
    assert checker.check(of_domain(home, *steps, directory="domains/0/example.org")) == [
        b"domain", b"ada", b"example.org", b"0/example.org", *words
    ]  # fmt: skip


def test_domains_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "vpopmail/domains").mkdir(parents=True)
    (tmp_path / "qmail").mkdir()
    (tmp_path / "qmail/domains").symlink_to(tmp_path / "vpopmail/domains")
    checker = Checker(os.fsencode(tmp_path / "qmail"), WHO)
    for place in ("vpopmail/domains/example.org", "qmail/domains/example.org"):
        order = checker.check([b"domain", b"ada", b"example.org", os.fsencode(tmp_path / place), install_call.write_step(Make())])
        assert order[3] == b"example.org"


@pytest.mark.parametrize(
    ("why", "words"),
    [
        ("no verb", []),
        ("another verb", [b"exec", b"/bin/sh"]),
        ("another scope", [b"read", b"queue", b"bytes"]),
        ("another mode", [b"read", b"control", b"all"]),
        ("no number", [b"rollback", b"ada", b"why", b"seven"]),
        ("a number with a sign", [b"rollback", b"ada", b"why", b"-1"]),
        ("a path for a number", [b"read", b"control", b"bytes", b"../1"]),
        ("a domain with a slash", [b"domain", b"ada", b"a/b", b"/x"]),
        ("a domain in capitals", [b"domain", b"ada", b"A.B", b"/x"]),
        ("more domains than one may ask for", [b"read", b"domain", b"bytes", *[b"a.b", b"/x"] * 101]),
        ("half a pair", [b"read", b"domain", b"bytes", b"a.b"]),
        ("nothing was removed under this name", [b"restore", b"ada", b"example.org", b"/x"]),
        ("upstairs of removed", [b"restore", b"ada", b"20261121101500-../x", b"/x"]),
        ("a line is no mailbox", [b"restore", b"ada", b"20261121101500-joe@e.org.line", b"/x"]),
        ("a step of nobody's", [b"install", b"ada", b"why", b"3:rmr,1:/,"]),
    ],
)
def test_it_refuses_what_is_no_question(checker: Checker, why: str, words: list[bytes]) -> None:
    refusal(checker.check(words))


@given(
    words=st.lists(st.one_of(st.binary(max_size=30), st.sampled_from([b"install", b"domain", b"read", b"control", b"bytes"])), max_size=8)
)
def test_it_never_fails_on_any_words(checker: Checker, words: list[bytes]) -> None:
    assert checker.check(words)[0] in (b"refuse", b"read-control", b"read-domain", b"install", b"generations", b"removed")
