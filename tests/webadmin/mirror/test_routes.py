from __future__ import annotations

import pytest

from webadmin.mirror.routes import changes

BASE: dict[str, bytes | None] = {
    "control/me": b"mail.example.org\n",
    "control/locals": b"mail.example.org\n",
    "control/rcpthosts": b"mail.example.org\n",
}


@pytest.mark.parametrize(
    ("why", "after", "routes"),
    [
        ("nothing", {}, []),
        ("a comment", {"control/locals": b"# x\nMAIL.example.org\n"}, []),
        (
            "a virtual domain",
            {"control/virtualdomains": b"e.org:e.org\n", "control/rcpthosts": b"mail.example.org\ne.org\n"},
            [("e.org", "refused from outside; sent by its MX", "taken from everybody; handed to e.org")],
        ),
        (
            "virtual, but local wins",
            {"control/virtualdomains": b"mail.example.org:x\n"},
            [],
        ),
        (
            "no longer local",
            {"control/locals": b""},
            [("mail.example.org", "taken from everybody; delivered to users of this machine", "taken from everybody; sent by its MX")],
        ),
        ("without locals the machine's name is", {"control/locals": None}, []),
        (
            "a smarthost for all others",
            {"control/smtproutes": b":relay.example:2525\n"},
            [("", "refused from outside; sent by its MX", "refused from outside; sent to relay.example port 2525")],
        ),
        (
            "all names below one",
            {"control/rcpthosts": b"mail.example.org\n.e.org\n"},
            [(".e.org", "refused from outside; sent by its MX", "taken from everybody; sent by its MX")],
        ),
        (
            "an open relay",
            {"control/rcpthosts": None, "control/virtualdomains": b"e.org:x\n"},
            [("e.org", "refused from outside; sent by its MX", "taken from everybody; handed to x")],
        ),
        (
            "an exception",
            {"control/virtualdomains": b".e.org:x\na.e.org:\n"},
            [(".e.org", "refused from outside; sent by its MX", "refused from outside; handed to x")],
        ),
    ],
)
def test_it_tells_whose_mail_goes_another_way(why: str, after: dict[str, bytes | None], routes: list[tuple[str, str, str]]) -> None:
    assert [(r.domain, r.before, r.after) for r in changes(BASE, after)] == routes, why
