from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from webadmin.domains.names import domain_name, shown
from webadmin.mirror.plan import is_domain_name


@pytest.mark.parametrize(
    ("why", "typed", "name"),
    [
        ("as it is", "example.org", "example.org"),
        ("lower case", "Example.ORG", "example.org"),
        ("blanks of a paste", "  example.org\n", "example.org"),
        ("the dot of the DNS", "example.org.", "example.org"),
        ("letters with dots", "münchen.de", "xn--mnchen-3ya.de"),
        ("capitals of those", "MÜNCHEN.de", "xn--mnchen-3ya.de"),
        ("IDNA 2008, where 2003 had fass.de", "faß.de", "xn--fa-hia.de"),
        ("another script", "例子.测试", "xn--fsqu00a.xn--0zwm56d"),
        ("a dot of that script", "例子。测试", "xn--fsqu00a.xn--0zwm56d"),
        ("an A-label typed", "xn--mnchen-3ya.de", "xn--mnchen-3ya.de"),
        ("digits and hyphens", "1-2-3.example4.org", "1-2-3.example4.org"),
        ("the shortest", "a.de", "a.de"),
    ],
)
def test_it_becomes_the_name_of_the_files(why: str, typed: str, name: str) -> None:
    assert domain_name(typed) == name, why


@pytest.mark.parametrize(
    ("why", "typed"),
    [
        ("nothing", ""),
        ("blanks", "   "),
        ("no dot", "localhost"),
        ("a short top-level domain", "example.x"),
        ("an IP address", "192.0.2.1"),
        ("two dots", "example..org"),
        ("a dot at the beginning", ".example.org"),
        ("a hyphen at the beginning", "-example.org"),
        ("a hyphen at the end of a label", "example-.org"),
        ("an underscore", "ex_ample.org"),
        ("a slash", "example.org/../x"),
        ("a NUL", "example.org\0"),
        ("a newline inside", "example\n.org"),
        ("a colon", "example.org:25"),
        ("a label of 64", "a" * 64 + ".org"),
        ("97 octets", "a." * 47 + "exa"),
        ("a soft hyphen alone", "\u00ad.com"),
        ("a broken A-label", "xn--a.com"),
        ("an emoji IDNA 2008 has not", "☃.com"),
        ("far too long", "ä" * 5000 + ".de"),
    ],
)
def test_it_refuses(why: str, typed: str) -> None:
    with pytest.raises(ValidationError):
        domain_name(typed)


@given(st.text(max_size=40))
def test_what_it_takes_can_stand_in_the_files(typed: str) -> None:
    try:
        name = domain_name(typed)
    except ValidationError:
        return
    assert is_domain_name(name.encode())
    assert domain_name(name) == name


def test_a_name_is_shown_in_its_own_script() -> None:
    assert shown("xn--mnchen-3ya.de") == "münchen.de"
    assert shown("example.org") == "example.org"
    assert shown("xn--a.com") == "xn--a.com"
