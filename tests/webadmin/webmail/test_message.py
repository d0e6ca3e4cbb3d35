from __future__ import annotations

import base64
import re

import pytest
from django.test import Client

from tests.conftest import corpus
from tests.webadmin.webmail.conftest import PLAIN, Box
from webadmin.webmail import choose, washer

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4//8/w38GIAXDIBKE0DHxgljNBAAO9TXL0Y4OHwAAAABJRU5ErkJggg=="
)

RICH = (
    b"From: Ada <ada@example.org>\nTo: cy@example.org\nSubject: Rich\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=m\n\n"
    b"--m\nContent-Type: multipart/alternative; boundary=a\n\n--a\n\nplain words\n"
    b"--a\nContent-Type: multipart/related; boundary=r\n\n--r\nContent-Type: text/html; charset=utf-8\n\n"
    b'<p onclick=alert(1)>rich words <img src="cid:logo@x"><img src="https://canary.invalid/p"></p><script>alert(1)</script>\n'
    b"--r\nContent-Type: image/png\nContent-ID: <logo@x>\nContent-Transfer-Encoding: base64\n\n"
    + base64.encodebytes(PNG)
    + b"--r--\n--a--\n"
    b'--m\nContent-Type: application/pdf; name="a b.pdf"\nContent-Disposition: attachment; filename="a b.pdf"\n\n%PDF-\n'
    b"--m\nContent-Type: message/rfc822\n\nFrom: Eve <eve@example.net>\nSubject: Inner\n\ninner words\n--m--\n"
)


def many(kind: bytes, body: bytes, count: int) -> bytes:
    part = b"--b\nContent-Type: " + kind + b"\n\n" + body + b"\n"
    return b"Content-Type: multipart/mixed; boundary=b\n\n" + part * count + b"--b--\n"


def show(cy: Client, key: str, query: str = "") -> str:
    answer = cy.get(f"/mail/f/INBOX/{key}/{query}")
    assert answer.status_code == 200
    return answer.text


def test_it_shows_a_message_and_marks_it_read(cy: Client, box: Box) -> None:
    key = box.put(is_new=True)
    text = show(cy, key)
    for said in ("Hello", "Dear Cy", "Ada", "&lt;ada@example.org&gt;", "Saturday, 3 January 2026, 01:05"):
        assert said in text
    assert box.flags() == ["S"]


def test_one_may_take_it_for_unread_again(cy: Client, box: Box) -> None:
    key = box.put(flags="")
    show(cy, key)
    cy.post("/mail/f/INBOX/act", {"act": "unread", "key": key})
    assert box.flags() == [""]


def test_it_shows_html_in_a_frame_of_its_own(cy: Client, box: Box) -> None:
    key = box.put(RICH, flags="S")
    text = show(cy, key)
    frame = re.search(r"<iframe[^>]*>", text)
    assert frame is not None
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in frame[0]
    assert f'src="/mail/f/INBOX/{key}/html/' in frame[0]
    assert "rich words" not in text
    assert "plain words" not in text
    assert "a b.pdf" in text


def test_one_may_read_the_text_instead(cy: Client, box: Box) -> None:
    key = box.put(RICH, flags="S")
    text = show(cy, key, "?view=text")
    assert "plain words" in text
    assert "<iframe" not in text


def test_html_alone_is_turned_into_text_where_that_is_wanted(cy: Client, box: Box) -> None:
    key = box.put(b"Content-Type: text/html\n\n<p>one<p>two <script>alert(1)</script>&lt;b&gt;\n", flags="S")
    text = show(cy, key, "?view=text")
    assert "one\n\ntwo &lt;b&gt;" in text


def test_a_message_within_opens(cy: Client, box: Box) -> None:
    key = box.put(RICH, flags="S")
    link = re.search(r'href="([^"]*\?root=\d+)"', show(cy, key))
    assert link is not None
    text = cy.get(link[1]).text
    assert "inner words" in text
    assert "eve@example.net" in text
    for wrong in ("1", "99", "-1", "x", "9" * 9):
        assert cy.get(f"/mail/f/INBOX/{key}/?root={wrong}").status_code == 404


def test_all_headers_on_demand(cy: Client, box: Box) -> None:
    key = box.put(b"X-Odd: <b>odd</b>\n" + PLAIN, flags="S")
    assert "X-Odd" not in show(cy, key)
    text = show(cy, key, "?headers=all")
    assert "X-Odd" in text
    assert "&lt;b&gt;odd&lt;/b&gt;" in text


def test_it_leads_to_the_messages_before_and_behind(cy: Client, box: Box) -> None:
    keys = [box.put(PLAIN.replace(b"Hello", b"S%d" % n), flags="S" if n != 2 else "") for n in range(4)]
    text = show(cy, keys[1])
    assert f'rel="prev" href="/mail/f/INBOX/{keys[2]}/"' in text
    assert f'rel="next" href="/mail/f/INBOX/{keys[0]}/"' in text
    ascending = show(cy, keys[1], "?sort=subject&up=1")
    assert f'rel="prev" href="/mail/f/INBOX/{keys[0]}/?sort=subject&amp;up=1"' in ascending
    assert 'rel="prev"' not in show(cy, keys[3])
    assert 'rel="next"' not in show(cy, keys[0])


@pytest.mark.parametrize(
    ("why", "sender", "says"),
    [
        ("a name that is another address", '"ann@bank.test" <evil@x.test>', "looks like another address: ann@bank.test"),
        ("one in wide letters", '"ann＠bank.test" <evil@x.test>', "looks like another address"),
        ("a NUL", "ann@bank.test\0 <evil@x.test>", "NUL byte"),
        ("an encoded NUL", "=?utf-8?q?ann=00?= <evil@x.test>", "\ufffd"),
        ("direction marks", "=?utf-8?b?4oCubW9jLmtuYWI=?= <evil@x.test>", "change the direction"),
        ("two in brackets", "Ann <ann@bank.test> <evil@x.test>", "malformed"),
        ("two senders", "ann@bank.test, evil@x.test", "more than one sender"),
        ("a domain that imitates", "evil@p\u0430ypal.com", "imitates other letters"),
        ("one in punycode", "evil@xn--80ak6aa92e.com", "imitates other letters"),
        ("invisible letters", "a@x.test\u200b", "not seen at all"),
    ],
)
def test_it_warns_of_senders_who_may_deceive(cy: Client, box: Box, why: str, sender: str, says: str) -> None:
    key = box.put(f"From: {sender}\nSubject: s\n\nx\n".encode(), flags="S")
    assert says in show(cy, key), why


@pytest.mark.parametrize(
    "sender", ["Ann <ann@bank.test>", "ann@münchen.de", "ann@例子.测试", "=?utf-8?q?J=C3=B6rg?= <j@x.test>", '"Ann @ Bank" <a@x.test>']
)
def test_it_does_not_warn_of_others(cy: Client, box: Box, sender: str) -> None:
    key = box.put(f"From: {sender}\nSubject: s\n\nx\n".encode(), flags="S")
    assert 'class="flash is-bad"' not in show(cy, key)


def test_two_from_fields_are_noticed(cy: Client, box: Box) -> None:
    key = box.put(b"From: a@b.c\nFrom: d@e.f\n\nx\n", flags="S")
    assert "more than one sender" in show(cy, key)


@pytest.mark.parametrize(
    ("why", "data", "says"),
    [
        ("no header", b"only words\n", "has no header"),
        ("a broken one", b"From: a@b\nno field\n\nx\n", "malformed"),
        ("two boundaries", b"Content-Type: multipart/mixed; boundary=a; boundary=b\n\n--a\n\nx\n", "two contradicting ways"),
        ("cut off", b"Content-Type: multipart/mixed; boundary=a\n\n--a\n\nx\n", "ends in the middle"),
        ("a charset nobody knows", b"Content-Type: text/plain; charset=zlib_codec\n\nx\n", "character set we do not know"),
        ("too deep", b"Content-Type: message/rfc822\n\n" * 200, "deeper than we follow"),
        ("too many parts", b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 2000, "more parts than we show"),
        ("a text of 2 MB", b"Subject: s\n\n" + b"word " * 400_000, "only its beginning is shown"),
        ("texts of 1 MB each", many(b"text/plain", b"word " * 200_000, 8), "only its beginning is shown"),
        ("empty", b"", "no text"),
    ],
)
def test_it_shows_broken_messages_with_a_note(cy: Client, box: Box, why: str, data: bytes, says: str) -> None:
    assert says in show(cy, box.put(data, flags="S")), why


def test_many_recipients_are_folded_away(cy: Client, box: Box) -> None:
    everybody = ", ".join(f"p{n}@example.org" for n in range(5000))
    key = box.put(f"From: a@b.c\nTo: {everybody}\n\nx\n".encode(), flags="S")
    text = show(cy, key)
    assert "and 188 more" in text
    assert len(text) < 200_000


CASES = [c for c in corpus("hostile/webmail-text-and-forms") if c["id"].startswith(("header-", "text-"))]


@pytest.mark.parametrize("case", CASES, ids=lambda c: c["id"])
def test_nothing_in_headers_or_text_becomes_markup(cy: Client, box: Box, case: dict[str, str]) -> None:
    value = case["value"].encode()
    if case["where"] == "text/plain body":
        data = b"From: a@b.c\nSubject: s\nContent-Type: text/plain; charset=utf-8\n\n" + value + b"\n"
    else:
        folded = value.replace(b"\r\n", b"\r\n ")
        fields = {b"From": b"a@b.c", b"Subject": b"s"} | {case["where"].encode(): folded}
        data = b"".join(b"%b: %b\n" % f for f in fields.items()) + b"\nx\n"
    key = box.put(data, flags="S")
    for page in (show(cy, key, "?headers=all"), cy.get("/mail/f/INBOX/").text, cy.get(f"/mail/f/INBOX/{key}/source").text):
        assert not re.search(r"<(?:script>alert|svg/onload|img src=x|b onclick)", page)
        assert not re.search(r'(?:href|src)="?\s*(?:javascript|data:text|vbscript)', page, re.IGNORECASE)
        assert not re.search(r'"\s*onmouseover=', page)
        assert "\0" not in page
        assert "\x1b" not in page
    if case["id"] in ("text-5", "header-17"):
        assert 'href="data:' not in page
    reply = cy.get(f"/mail/compose?mode=reply&folder=INBOX&key={key}")
    assert reply.status_code == 200
    assert "victim@x.test" not in re.findall(r'name="(?:to|cc|bcc)" value="([^"]*)"', reply.text)


def test_a_text_with_markers_of_others_stays_as_it_is(cy: Client, box: Box) -> None:
    key = box.put(b"Subject: s\n\nhttp://a.test/##str_replacement_0## [{{ settings.SECRET_KEY }}] %s {% load x %}\n", flags="S")
    text = show(cy, key)
    assert 'href="http://a.test/##str_replacement_0##"' in text
    assert "{{ settings.SECRET_KEY }}" in text


def test_a_thousand_pages_in_a_message_are_not_all_washed(cy: Client, box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    washed = []

    def text(html: str) -> str:
        washed.append(html)
        return "words"

    monkeypatch.setattr(washer, "text", text)
    key = box.put(many(b"text/html", b"<p>x", 900), flags="S")
    show(cy, key, "?view=text")
    assert len(washed) == choose.TEXTS_MAX
    assert show(cy, key).count("<iframe") == choose.TEXTS_MAX
