"""compile(import(tree)) is the tree, octet by octet: as values, and through the database."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from mta.formats import install_call
from tests.webadmin.trees import BASE, edge_cases, trees
from webadmin.mirror import import_, plan, rows
from webadmin.mirror.records import BadTree
from webadmin.models import Domain, Mailbox


@given(trees())
def test_it_gives_back_every_octet(tree: dict[bytes, bytes]) -> None:
    assert plan.everything(import_.read(tree)) == tree


@pytest.mark.django_db
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(trees(), trees())
def test_it_gives_back_every_octet_through_the_database(first: dict[bytes, bytes], second: dict[bytes, bytes]) -> None:
    for tree in (first, second):  # the second meets the rows of the first
        rows.save_all(import_.read(tree), "ada")
        assert plan.everything(rows.load_all()) == tree


CASES = edge_cases()
FLAGGED = {"conf-6": "control/locals line 1: a NUL"}


@pytest.mark.parametrize(("name", "expect", "tree"), CASES, ids=[case[0] for case in CASES])
def test_it_takes_in_what_qmail_takes_and_flags_the_rest(name: str, expect: str, tree: dict[bytes, bytes]) -> None:
    if name in FLAGGED:
        with pytest.raises(BadTree, match=FLAGGED[name]):
            import_.read(tree)
    else:
        assert plan.everything(import_.read(tree)) == tree, expect


def tree_with(**files: bytes) -> dict[bytes, bytes]:
    """Names with "_" for "/"; a domain example.org with a mailbox joe."""
    tree = {
        **BASE,
        b"users/assign": b"+example.org-:example.org:89:89:/d/example.org:-::\n.\n",
        b"domains/example.org/vpasswd": b"joe:x:1:0:j:/d/example.org/joe:NOQUOTA\n",
    }
    return tree | {name.encode(): data for name, data in files.items()}


@pytest.mark.parametrize(
    ("why", "path", "data", "says"),
    [
        ("an assignment cut short", "users/assign", b"=a:b\n.\n", "users/assign line 1: bad format"),
        ("no closing dot", "users/assign", b"=a:b:1:2:/c:::\n", 'users/assign: users/assign does not end in a line "."'),
        ("a rule nobody can read", "control/tcp.smtp", b":allow\n:maybe\n", "control/tcp.smtp line 2"),
        ("a NUL", "control/locals", b"a\nb\0\n", "control/locals line 2: a NUL"),
        (
            "a mailbox line cut short",
            "domains/example.org/vpasswd",
            b"joe:x:1:0:j:/d:Q\nbo:x\n",
            "domains/example.org/vpasswd line 2: not name",
        ),
        ("a mailbox twice", "domains/example.org/vpasswd", b"joe:x:1:0:j:/d:Q\n" * 2, "vpasswd line 2: joe stands twice"),
        ("a number no program takes", "domains/example.org/vpasswd", b"joe:x:1:%d:j:/d:Q\n" % 2**64, "line 1: a field is larger"),
        ("a policy nobody can read", "domains/example.org/.stale-mail", b"unread soon\n", ".stale-mail: line 1"),
        ("an alias nobody can write to", "domains/example.org/.qmail-a b", b"&x@y\n", "a name no address can have"),
        ("a NUL in an alias", "domains/example.org/.qmail-a", b"\0", ".qmail-a line 1: a NUL"),
    ],
)
def test_a_bad_file_is_named_with_its_line(why: str, path: str, data: bytes, says: str) -> None:
    with pytest.raises(BadTree) as caught:
        import_.read(tree_with(**{path: data}))
    assert says in str(caught.value), why


def test_all_that_is_wrong_is_told_at_once() -> None:
    tree = tree_with(**{"domains/example.org/vpasswd": b"x\n", "domains/example.org/.stale-mail": b"x\n"})
    with pytest.raises(BadTree) as caught:
        import_.read(tree)
    assert [p.path for p in caught.value.problems] == ["domains/example.org/.stale-mail", "domains/example.org/vpasswd"]


def test_an_open_relay_is_not_taken_in() -> None:
    tree = dict(BASE)
    del tree[b"control/rcpthosts"]
    with pytest.raises(BadTree, match="open relay"):
        import_.read(tree)


def test_a_domain_without_vpasswd_is_told_what_to_do() -> None:
    tree = tree_with()
    del tree[b"domains/example.org/vpasswd"]
    with pytest.raises(BadTree, match="domains/example.org/vpasswd: is missing: keep the mailboxes in vpasswd files"):
        import_.read(tree)


@pytest.mark.parametrize(
    ("why", "line", "found"),
    [
        ("a domain", b"+e.org-:e.org:89:89:/d/e.org:-::", [("e.org", None)]),
        ("an autoturn line", b"+autoturn-:qmaild:7:7:/var/qmail/autoturn:-::", []),
        ("exactly one address", b"=e.org-:e.org:89:89:/d/e.org:-::", []),
        ("no dash", b"+e.org:e.org:89:89:/d/e.org:-::", []),
        ("an extension of its own", b"+e.org-:e.org:89:89:/d/e.org:-:x:", []),
        ("the user of nobody's domain", b"+e.org-:other.org:89:89:/d/e.org:-::", []),
        ("a home from here", b"+e.org-:e.org:89:89:d/e.org:-::", []),
        ("capitals, which no wildcard matches", b"+E.org-:E.org:89:89:/d/e.org:-::", []),
        ("twice: the first is the one that is found", b"+e.org-:e.org:89:89:/d/1:-::\n+e.org-:e.org:89:89:/d/2:-::", [("e.org", None)]),
    ],
)
def test_it_tells_domains_from_other_assignments(why: str, line: bytes, found: list[tuple[str, str | None]]) -> None:
    assert [(d.name, d.real) for d in import_.places(line + b"\n.\n")] == found, why


def test_an_alias_is_a_second_name_of_the_same_directory() -> None:
    assign = b"+b.org-:a.org:89:89:/d/a.org:-::\n+a.org-:a.org:89:89:/d/a.org:-::\n+c.org-:a.org:89:89:/d/other:-::\n.\n"
    assert [(d.name, d.real, d.directory) for d in import_.places(assign)] == [("a.org", None, "/d/a.org"), ("b.org", "a.org", "/d/a.org")]


@pytest.mark.django_db
def test_rows_that_stay_keep_their_keys() -> None:
    rows.save_all(import_.read(tree_with()), "ada")
    domain, mailbox = Domain.objects.get().pk, Mailbox.objects.get().pk
    changed = tree_with(**{"domains/example.org/vpasswd": b"bo:y:1:0:b:/d/example.org/bo:Q\njoe:y:1:0:j:/d/example.org/joe:NOQUOTA\n"})
    rows.save_all(import_.read(changed), "ada")
    assert Domain.objects.get().pk == domain
    assert Mailbox.objects.get(name="joe").pk == mailbox
    assert plan.everything(rows.load_all()) == changed


@pytest.mark.django_db
def test_what_a_file_says_can_be_read_in_columns() -> None:
    line = "joé:$6$x:1:10:José:/d/example.org/joé:10S:pä:ss\n".encode()
    rows.save_all(import_.read(tree_with(**{"domains/example.org/vpasswd": line})), "ada")
    found = Mailbox.objects.get()
    assert (found.name, found.flags, found.gecos, found.clear, found.odd_line) == ("joé", 10, "José", "pä:ss", None)
    latin = "jo:$6$x:1:010:José:/d/example.org/jo:10S\n".encode("latin-1")
    rows.save_all(import_.read(tree_with(**{"domains/example.org/vpasswd": latin})), "ada")
    found = Mailbox.objects.get()
    assert (found.gecos, found.flags, found.odd_line) == ("José", 10, latin)


def test_steps_lead_from_one_state_to_the_other() -> None:
    before = {b"a": b"1", b"b": b"2", b"c": b"3"}
    after = {b"a": b"1", b"b": b"two", b"d": b"4"}
    state = dict(before)
    for step in plan.steps(before, after):
        assert install_call.is_met(step.old, state.get(step.path))
        if isinstance(step, install_call.Put):
            state[step.path] = step.data
        else:
            del state[step.path]
    assert state == after
