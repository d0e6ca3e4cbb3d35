from __future__ import annotations

import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webadmin.webmail import linkify


def links(text: str) -> list[str]:
    return re.findall(r'href="([^"]*)"', linkify.html(text))


@pytest.mark.parametrize(
    ("why", "text", "found"),
    [
        ("a link", "see https://x.test/a?b=c&d=e.", ["https://x.test/a?b=c&amp;d=e"]),
        ("in brackets", "(https://x.test/)", ["https://x.test/"]),
        ("brackets within", "https://x.test/a_(b)", ["https://x.test/a_(b)"]),
        ("in angle brackets", "<https://x.test/>", ["https://x.test/"]),
        ("capitals", "HTTPS://X.TEST/", ["HTTPS://X.TEST/"]),
        ("a quote ends it", 'http://x.test/"onmouseover="alert(1)', ["http://x.test/"]),
        ("an address", "to joe@x.test, please", ["/mail/compose?to=joe%40x.test"]),
        ("two in a word", "a@x.test,b@y.test", ["/mail/compose?to=a%40x.test", "/mail/compose?to=b%40y.test"]),
        (
            "mailto, and what it asks for besides",
            "mailto:a@x.test?bcc=v@x.test",
            ["/mail/compose?to=a%40x.test"],
        ),
        ("no host", "http:// http://? https:///x", []),
        ("scripts", "javascript:alert(1) data:text/html,x vbscript:x", []),
        ("a bracket nobody opened", "http://[x.test/", []),
        ("no address", "a@b @ @@ a@b.c1", []),
    ],
)
def test_links(why: str, text: str, found: list[str]) -> None:
    assert links(text) == found, why


@pytest.mark.parametrize(
    ("why", "text", "html"),
    [
        ("markup", "<b>&\"'", "&lt;b&gt;&amp;&quot;&#x27;"),
        ("a quote", "> a", '<span class="quote quote-1">&gt; a</span>'),
        ("a deep one", ">> > > a", '<span class="quote quote-3">&gt;&gt; &gt; &gt; a</span>'),
        ("a signature", "-- \nme", '<span class="signature">-- </span>\n<span class="signature">me</span>'),
        ("lines", "a\n\n  b", "a\n\n  b"),
    ],
)
def test_lines(why: str, text: str, html: str) -> None:
    assert linkify.html(text) == html, why


@pytest.mark.parametrize(
    "evil",
    ["http://" + "a." * 100_000, ">" * 300_000, "a@" * 100_000, "a" * 300_000 + "@", "http://(" * 30_000, "x" * 64 + "@" + "a." * 100_000],
)
def test_it_takes_linear_time(evil: str) -> None:
    linkify.html(evil)


@given(st.text(st.sampled_from("http://:@.<>\"'&;()[]ax \n"), max_size=100))
def test_what_is_no_tag_of_ours_is_escaped(text: str) -> None:
    bare = re.sub(
        r'<a href="[^"<>]*"( target="_blank" rel="noopener noreferrer nofollow")?>|</a>|<span class="[a-z0-9 -]*">|</span>',
        "",
        linkify.html(text),
    )
    assert "<" not in bare
    assert '"' not in bare
    assert unescape(bare) == text
