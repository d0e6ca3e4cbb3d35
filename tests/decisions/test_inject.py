from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.decisions import inject
from mta.formats import token822

SITE = inject.Site(default_domain=b"sub.example.org", default_host=b"mailhost", plus_domain=b"plus.example", id_host=b"id.example")
NOW_S = 820631134  # 3 Jan 1996 01:05:34
PID = 812


def completed(address: bytes) -> bytes:
    return token822.plain(inject.complete(SITE, token822.parse(address)))


@pytest.mark.parametrize(
    ("why", "address", "full"),
    [
        ("no host", b"joe", b"joe@mailhost.sub.example.org"),
        ("no dot in the host", b"joe@mac", b"joe@mac.sub.example.org"),
        ("plus at the end of the host", b"joe@mac+", b"joe@mac.plus.example"),
        ("a name that ends in plus becomes a name at the default host", b"joe+", b"joe+@mailhost.sub.example.org"),
        ("a full host", b"joe@a.b", b"joe@a.b"),
        ("a dot at the end is one too many", b"e@f.", b"e@f.sub.example.org"),
        ("an at sign too", b"a@", b"a@mailhost.sub.example.org"),
        ("both", b"a@b@.", b"a@b.sub.example.org"),
        ("the last at sign counts", b"a@b.c@d", b"a@b.c@d.sub.example.org"),
        ("a literal is full", b"k@[1.2.3.4]", b"k@[1.2.3.4]"),
        ("the mark of a special sender stays", b"x@[]", b"x@[]"),
        ("even behind an address", b"l-@h-@[]", b"l-@h-@[]"),
        ("a source route goes", b"@a,@b:joe@c.d", b"joe@c.d"),
        ("what is all route is nothing", b"@a", b""),
        ("a route to nobody", b"@a:", b""),
        ("a dot alone", b".", b""),
        ("nothing", b"", b""),
    ],
)
def test_it_completes_addresses(why: str, address: bytes, full: bytes) -> None:
    assert completed(address) == full, why


@pytest.mark.parametrize("bad", [b"((", b")", b'"'])
def test_a_site_without_a_readable_domain_is_refused(bad: bytes) -> None:
    with pytest.raises(inject.NotParsed) as caught:
        inject.Site(default_domain=bad, default_host=b"h", plus_domain=b"p", id_host=b"i")
    assert caught.value.text == b"unable to parse this line:\n." + bad


@pytest.mark.parametrize(
    ("why", "text", "address"),
    [
        ("a plain one", b"ada@x.y", b"ada@x.y"),
        ("completed", b"ada", b"ada@mailhost.sub.example.org"),
        ("quoted where it must be", b'a"b c@d.e', b'a"b c@d.e'),
        ("the null sender", b"", b""),
        ("the sender of double bounces", b"#@[]", b"#@[]"),
    ],
)
def test_operands_are_addresses_not_header_text(why: str, text: bytes, address: bytes) -> None:
    assert inject.sender(SITE, text) == address, why
    assert inject.recipient(SITE, text) == address, why


def test_an_operand_may_still_hold_a_host_nobody_can_read() -> None:
    with pytest.raises(inject.NotParsed) as caught:
        inject.recipient(SITE, b"a@(b")
    assert caught.value.text == b"unable to parse address: a@(b"
    with pytest.raises(inject.NotParsed) as caught:
        inject.sender(SITE, b"a@(b")
    assert caught.value.text == b"unable to parse this line:\na@(b"


def header(*fields: bytes, sender: bytes | None = None, lists: frozenset[bytes] | None = None, **env: bytes) -> tuple[bytes, inject.Header]:
    person = inject.Person({b"USER": b"joe", **{k.encode(): v for k, v in env.items()}})
    found = inject.Header(SITE, person, sender)
    for field in fields:
        found.field(field)
    return found.finish(NOW_S, PID, lists), found


DATED = (b"Date: d\n", b"Message-ID: m\n", b"From: f@x.y\n")


def test_it_adds_what_is_missing_in_order() -> None:
    text, _ = header(b"Subject: x\n")
    assert text == (
        b"Date: 3 Jan 1996 01:05:34 -0000\nMessage-ID: <19960103010534.812.qmail@id.example>\n"
        b"From: joe@mailhost.sub.example.org\nCc: recipient list not shown: ;\nSubject: x\n"
    )


def test_it_adds_nothing_that_is_there() -> None:
    text, _ = header(*DATED, b"To: a@b.c\n")
    assert text == b"".join(DATED) + b"To: a@b.c\n"


@pytest.mark.parametrize(
    ("why", "env", "line"),
    [
        ("nobody", {"USER": b""}, b'From: ""@mailhost.sub.example.org\n'),
        ("first name set wins", {"MAILUSER": b"m", "QMAILUSER": b"q"}, b"From: q@mailhost.sub.example.org\n"),
        ("a name", {"NAME": b"Joe Q. User"}, b'From: "Joe Q. User" <joe@mailhost.sub.example.org>\n'),
        ("beside the address", {"NAME": b"Joe Q. User", "QMAILINJECT": b"c"}, b"From: joe@mailhost.sub.example.org (Joe Q. User)\n"),
        ("a name with quotes", {"MAILNAME": b'J "x"'}, b'From: "J \\"x\\"" <joe@mailhost.sub.example.org>\n'),
        ("a host", {"MAILHOST": b"m"}, b"From: joe@m.sub.example.org\n"),
        ("a user that needs quotes", {"USER": b"j o"}, b'From: "j o"@mailhost.sub.example.org\n'),
        ("brackets in a host are no literal", {"QMAILHOST": b"[1.2]"}, b'From: joe@\\[1."2\\]"\n'),
    ],
)
def test_it_makes_a_from_line(why: str, env: dict[str, bytes], line: bytes) -> None:
    text, _ = header(DATED[0], DATED[1], b"To: a@b.c\n", **env)
    assert text == line + DATED[0] + DATED[1] + b"To: a@b.c\n", why


def test_without_a_user_it_is_anonymous() -> None:
    assert inject.Person({}).user == b"anonymous"


@pytest.mark.parametrize(
    ("why", "letters", "field", "is_kept"),
    [
        ("f takes From", b"f", b"From: a@b.c\n", False),
        ("not Resent-From", b"f", b"Resent-From: a@b.c\n", True),
        ("i takes Message-ID", b"i", b"Message-ID: <a>\n", False),
        ("other letters take nothing", b"zq", b"Message-ID: <a>\n", True),
        ("Bcc goes always", b"", b"Bcc: a@b.c\n", False),
        ("Resent-Bcc too", b"", b"Resent-Bcc: a@b.c\n", False),
        ("Return-Path too", b"", b"Return-Path: a@b.c\n", False),
        ("Content-Length too", b"", b"content-length : 3\n", False),
        ("what nobody knows stays as it is", b"", b"X-Foo:  bar  baz \n", True),
    ],
)
def test_some_fields_are_taken_away(why: str, letters: bytes, field: bytes, is_kept: bool) -> None:
    text, _ = header(field, QMAILINJECT=letters)
    assert (field in text) == is_kept, why


@pytest.mark.parametrize(
    ("why", "fields", "env", "sender"),
    [
        ("the user", (), {}, b"joe@mailhost.sub.example.org"),
        ("another user and host for it alone", (), {"QMAILSUSER": b"s", "QMAILSHOST": b"h.i"}, b"s@h.i"),
        ("Return-Path", (b"Return-Path: <a@b.c>\n",), {}, b"a@b.c"),
        ("the first Return-Path", (b"Return-Path: <a@b.c>\n", b"Return-Path: <d@e.f>\n"), {}, b"a@b.c"),
        ("the null sender", (b"Return-Path: <>\n",), {}, b""),
        ("not with s", (b"Return-Path: <a@b.c>\n",), {"QMAILINJECT": b"s"}, b"joe@mailhost.sub.example.org"),
        ("one per recipient", (), {"QMAILINJECT": b"r"}, b"joe-@mailhost.sub.example.org-@[]"),
        ("one per message", (), {"QMAILINJECT": b"m"}, b"joe-820631134.812@mailhost.sub.example.org"),
        ("one for each of both", (), {"QMAILINJECT": b"mr"}, b"joe-820631134.812-@mailhost.sub.example.org-@[]"),
        ("Return-Path with r", (b"Return-Path: <a@b.c>\n",), {"QMAILINJECT": b"r"}, b"a@b.c-@[]"),
    ],
)
def test_it_finds_the_sender(why: str, fields: tuple[bytes, ...], env: dict[str, bytes], sender: bytes) -> None:
    _, found = header(*fields, **env)
    assert found.sender == sender, why


def test_a_given_sender_outranks_return_path() -> None:
    _, found = header(b"Return-Path: <a@b.c>\n", sender=b"s@t.u", QMAILINJECT=b"r")
    assert found.sender == b"s@t.u"


@pytest.mark.parametrize(
    ("why", "fields", "recipients"),
    [
        ("fields in order, last address first", (b"To: a@b.c, d@e.f\n", b"Cc: g@h.i\n"), [b"d@e.f", b"a@b.c", b"g@h.i"]),
        ("Bcc and Apparently-To", (b"Apparently-To: a@b.c\n", b"Bcc: d@e.f\n"), [b"a@b.c", b"d@e.f"]),
        ("twice is twice", (b"To: a@b.c, a@b.c\n",), [b"a@b.c", b"a@b.c"]),
        (
            "resent is something else",
            (b"To: a@b.c\n", b"Resent-To: d@e.f, g@h.i\n", b"Resent-Bcc: j@k.l\n"),
            [b"g@h.i", b"d@e.f", b"j@k.l"],
        ),
        ("any Resent- field makes it so", (b"To: a@b.c\n", b"Resent-Message-ID: x\n"), []),
        ("but Resent-Subject is none of them", (b"To: a@b.c\n", b"Resent-Subject: x\n"), [b"a@b.c"]),
        ("what stands right of trouble", (b"To: a;b, c: d@x.y, e@x.y\n",), [b"e@x.y", b"d@x.y"]),
        ("nothing of a field with an open bracket", (b"To: x@y.z (open\n",), []),
    ],
)
def test_it_finds_recipients(why: str, fields: tuple[bytes, ...], recipients: list[bytes]) -> None:
    text, found = header(*fields)
    assert found.recipients() == recipients, why


def test_a_resent_message_gets_resent_fields_only() -> None:
    text, _ = header(b"Resent-Reply-To: a@b.c\n")
    assert text == (
        b"Resent-Date: 3 Jan 1996 01:05:34 -0000\nResent-Message-ID: <19960103010534.812.qmail@id.example>\n"
        b"Resent-From: joe@mailhost.sub.example.org\nResent-Cc: recipient list not shown: ;\nResent-Reply-To: a@b.c\n"
    )


LISTS = frozenset((b"l@x.y",))


@pytest.mark.parametrize(
    ("why", "fields", "lists", "added"),
    [
        (
            "to a list",
            (b"To: L@X.y, a@b.c\n", b"Cc: d e@f.g\n"),
            LISTS,
            b"Mail-Followup-To: d@mailhost.sub.example.org,\n  e@f.g,\n  L@X.y,\n  a@b.c\n",
        ),
        ("quoted", (b'To: l@x.y, "a b"@c.d\n',), LISTS, b'Mail-Followup-To: l@x.y,\n  "a b"@c.d\n'),
        ("no list", (b"To: a@b.c\n",), LISTS, b""),
        ("Bcc does not count", (b"To: a@b.c\n", b"Bcc: l@x.y\n"), LISTS, b""),
        ("it is there already", (b"To: l@x.y\n", b"Mail-Followup-To: x\n"), LISTS, b""),
        ("not when resent", (b"To: l@x.y\n", b"Resent-To: l@x.y\n"), LISTS, b""),
        ("no file", (b"To: l@x.y\n",), None, b""),
    ],
)
def test_it_says_where_answers_go(why: str, fields: tuple[bytes, ...], lists: frozenset[bytes] | None, added: bytes) -> None:
    text, _ = header(*DATED, *fields, lists=lists)
    assert text.partition(b"Date:")[0].partition(b"Resent")[0] == added, why


@pytest.mark.parametrize(
    "field", [b"From: (a\n", b"Sender: )\n", b"Return-Path: a> b\n", b"Reply-To: a: b\n", b"Resent-From: [\n", b'Errors-To: "\n']
)
def test_a_field_that_names_no_recipients_must_be_readable(field: bytes) -> None:
    with pytest.raises(inject.NotParsed) as caught:
        header(field)
    assert caught.value.text == b"unable to parse this line:\n" + field


def test_a_field_of_recipients_that_cannot_be_read_stays_as_it_is() -> None:
    text, _ = header(*DATED, b"To:x@y   (open\n")
    assert text.endswith(b"To:x@y   (open\n")


label = st.text("abcdefgh0123-", min_size=1, max_size=6)
local = st.lists(label, min_size=1, max_size=3).map(".".join) | st.sampled_from(['"a b"', '"x@y"', "a+b", "joe+"])
host = st.lists(label, min_size=1, max_size=3).map(".".join) | st.sampled_from(["[1.2.3.4]", "mac+", "[]"])
address = local | st.tuples(local, host).map("@".join)
routed = st.tuples(host, address).map(lambda p: f"@{p[0]}:{p[1]}")
phrase = st.sampled_from(["", "Joe", '"A, B"', "J. Q. User", "(c) Joe"])
mailbox = (
    address | st.tuples(phrase, address | routed).map(lambda p: f"{p[0]} <{p[1]}>") | address.map(lambda a: f"{a} (a (nested) comment)")
)
several = st.lists(mailbox, max_size=12).map(", ".join)
group = st.lists(mailbox, max_size=3).map(lambda m: f"some group: {', '.join(m)};")
fields = st.lists(several | group, max_size=4).map(", ".join).map(lambda t: b"To: " + t.encode() + b"\n")


@given(fields)
def test_a_completed_field_is_not_changed_by_completing_it_again(field: bytes) -> None:
    once, found = header(*DATED, field)
    twice, again = header(*once.splitlines(keepends=True)[:3], once.split(b"\n", 3)[3])
    assert twice == once
    assert again.recipients() == found.recipients()


@given(fields)
def test_every_recipient_has_a_full_host(field: bytes) -> None:
    _, found = header(field)
    for recipient in found.recipients():
        _, at, domain = recipient.rpartition(b"@")
        assert at
        assert b"." in domain or domain.startswith(b"[")


@given(st.binary(max_size=60), st.sampled_from([b"To", b"From", b"Resent-Cc", b"Return-Path", b"X"]))
def test_reading_raises_only_not_parsed(value: bytes, name: bytes) -> None:
    found = inject.Header(SITE, inject.Person({}), None)
    try:
        found.field(name + b":" + value.replace(b"\n", b"") + b"\n")
    except inject.NotParsed:
        return
    assert found.finish(NOW_S, PID, None).endswith(b"\n")
