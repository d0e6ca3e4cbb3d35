from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import ask, install_call
from mta.formats.install_call import Line, Mailbox, Make, Put, Remove, Retire, RetireDomain

octets = st.binary(max_size=40)
steps = st.one_of(
    st.builds(Put, octets, octets, octets),
    st.builds(Remove, octets, octets),
    st.builds(Line, octets, octets, octets),
    st.just(Make()),
    st.builds(Mailbox, octets),
    st.builds(Retire, octets, octets),
    st.just(RetireDomain()),
)


@given(steps)
def test_it_reads_back_the_step_it_wrote(step: install_call.Step) -> None:
    assert install_call.read_step(install_call.write_step(step)) == step


@given(st.lists(octets))
def test_it_reads_back_the_list_it_wrote(words: list[bytes]) -> None:
    assert install_call.read_list(install_call.write_list(words)) == words


@given(st.binary(max_size=60))
def test_it_refuses_all_else_with_a_value_error(data: bytes) -> None:
    try:
        step = install_call.read_step(data)
    except ValueError:
        return
    assert install_call.read_step(install_call.write_step(step)) == step


def test_it_writes_the_example_of_its_head() -> None:
    put = Put(b"control/locals", b"example.org\n")
    assert install_call.write_step(put) == b"3:put,14:control/locals,1:*,12:example.org\n,"
    assert install_call.install(b"ada", b"control", [put])[:3] == [b"install", b"ada", b"control"]
    assert ask.read(ask.write(install_call.install(b"ada", b"control", [put]))) is not None


@pytest.mark.parametrize(
    ("why", "path", "is_good"),
    [
        ("a control file", b"control/me", True),
        ("the assignments", b"users/assign", True),
        ("upper case and digits, as patches name theirs", b"control/SPF2x", True),
        ("up and out", b"control/../me", False),
        ("a folder below", b"control/a/b", False),
        ("hidden", b"control/.me", False),
        ("looks like an option", b"control/-rf", False),
        ("no folder", b"me", False),
        ("another folder", b"queue/me", False),
        ("no name", b"control/", False),
        ("a NUL", b"control/a\0b", False),
        ("a newline", b"control/a\n", False),
        ("too long", b"control/" + b"a" * 65, False),
        ("compiled", b"control/morercpthosts.cdb", False),
        ("the compiled assignments", b"users/cdb", False),
        ("left over", b"users/cdb.tmp", False),
        ("no file of users/ that qmail has", b"users/passwd", False),
    ],
)
def test_it_knows_the_names_people_write(why: str, path: bytes, is_good: bool) -> None:
    assert install_call.is_text_path(path) is is_good, why


@pytest.mark.parametrize(
    ("why", "directory", "path", "inside"),
    [
        ("a mailbox", b"/d/example.org", b"/d/example.org/joe", b"joe"),
        ("with a slash", b"/d/example.org/", b"/d/example.org/joe/", b"joe"),
        ("hashed", b"/d/example.org", b"/d/example.org/0/joe", b"0/joe"),
        ("the domain itself", b"/d/example.org", b"/d/example.org", None),
        ("another domain", b"/d/example.org", b"/d/example.net/joe", None),
        ("the same beginning", b"/d/example.org", b"/d/example.orgy/joe", None),
        ("back up", b"/d/example.org", b"/d/example.org/../../etc", None),
        ("hidden", b"/d/example.org", b"/d/example.org/.joe", None),
        ("twice the slash", b"/d/example.org", b"/d/example.org//joe", None),
    ],
)
def test_it_finds_a_mailbox_inside_its_domain(why: str, directory: bytes, path: bytes, inside: bytes | None) -> None:
    assert install_call.inside(directory, path) == inside, why


def test_it_knows_what_is_met() -> None:
    there = install_call.digest(b"x")
    assert install_call.is_met(there, b"x")
    assert not install_call.is_met(there, b"y")
    assert not install_call.is_met(there, None)
    assert install_call.is_met(install_call.ABSENT, None)
    assert not install_call.is_met(install_call.ABSENT, b"")
    assert install_call.is_met(install_call.ANY, None)
