from __future__ import annotations

import pytest

from mta.formats import address_list
from tests.conftest import corpus
from webadmin.webmail import senders


def person(text: str) -> senders.Person:
    (entry,) = address_list.read(text.encode())
    return senders.person(entry)


@pytest.mark.parametrize(
    ("why", "address", "shown", "is_marked"),
    [
        ("ASCII", "a@x.test", "a@x.test", False),
        ("umlauts", "a@münchen.de", "a@münchen.de", False),
        ("umlauts as they travel", "a@xn--mnchen-3ya.de", "a@münchen.de", False),
        ("Chinese", "a@例子.测试", "a@例子.测试", False),
        ("Russian below a Russian domain", "a@xn--e1afmkfd.xn--p1ai", "a@пример.рф", False),
        ("a Cyrillic letter among Latin ones", "a@p\u0430ypal.com", "a@xn--pypal-4ve.com", True),
        ("all Cyrillic below a Latin domain", "a@xn--80ak6aa92e.com", "a@xn--80ak6aa92e.com", True),
        ("ligatures", "a@\ufb01sh.com", "a@fish.com", True),
        ("not punycode", "a@xn--a.com", "a@xn--a.com", False),
        ("an invisible letter", "a@x.test\u200b", "a@x.test\ufffd", True),
        ("a dot of another script", "a@x\u3002test", "a@x\ufffdtest", True),
        ("eszett", "a@faß.de", "a@faß.de", False),
    ],
)
def test_how_an_address_is_shown(why: str, address: str, shown: str, is_marked: bool) -> None:
    found = person(address)
    assert bool(found.warnings) is is_marked, why
    assert found.shown == shown, why


def test_no_address_of_the_corpus_deceives() -> None:
    for case in corpus("hostile/idn-spoof"):
        value = case["value"] if "@" in case["value"] else "a@" + case["value"]
        found = person(value)
        assert found.shown.isprintable(), case["id"]
        if "legit" not in case["expect"] and not case["value"].isascii() and "eszett" not in case["expect"]:
            domain = value.rpartition("@")[2]
            assert found.warnings or "collision" in case["expect"] or domain.isascii(), case["id"]


def test_the_name_is_left_out_where_it_is_the_address() -> None:
    assert person("joe@x.test <Joe@x.test>").name == ""
    assert person("Joe <joe@x.test>").short == "Joe"
    assert person("<joe@x.test>").short == "joe@x.test"
    assert person("Joe").short == "Joe"
    assert person("=?utf-8?q?=20?= <joe@x.test>").short == "joe@x.test"
