from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import corpus
from webadmin.webmail import css, wash, washer

PUBLIC = ("bleach", "dompurify", "horde-xss", "htmlpurifier", "owasp-evasion", "payloadbox", "roundcube-wash")
TABLE = '<table width=600 cellpadding="2"><tr><td colspan=2 bgcolor="#fff">x'
TABLE_WASHED = '<table width="600" cellpadding="2"><tbody><tr><td colspan="2" bgcolor="#fff">x</td></tr></tbody></table>'
PIXEL = "data:image/png;base64,iVBORw0KGgo="


class Found(HTMLParser):
    """The elements and attributes of washed HTML."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.others: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_comment(self, data: str) -> None:
        self.others.append(data)

    handle_decl = handle_pi = unknown_decl = handle_comment


def washed(html: str) -> wash.Washed:
    return wash.wash(html, pictures={"logo@x": PIXEL}, compose_url="/mail/compose")


def assert_harmless(html: str, why: str) -> None:
    found = Found(html)
    assert found.others == [], why
    for tag, attributes in found.elements:
        assert tag in wash.TAGS, why
        allowed = wash.ATTRIBUTES["*"] | wash.ATTRIBUTES.get(tag, frozenset()) | ({"rel", "target"} if tag == "a" else frozenset())
        assert set(attributes) <= allowed, why
        assert not any(name.startswith("on") for name in attributes), why
        for name, value in attributes.items():
            if name == "href":
                assert re.match(r"https?://|/mail/compose\?to=", value), why
            elif name == "src":
                assert value.startswith("data:image/"), why
            elif name == "style":
                assert not re.search(r"url|expression|position|javascript|@|behavior|\\", value, re.IGNORECASE), why
        if tag == "a":
            assert (attributes["rel"], attributes["target"]) == ("noopener noreferrer nofollow", "_blank"), why


@pytest.mark.parametrize("case", corpus("hostile/webmail-html"), ids=lambda c: c["id"])
def test_nothing_of_our_own_hostile_cases_is_left(case: dict[str, str]) -> None:
    found = washed(case["payload"]).html
    assert_harmless(found, case["id"])
    if case["kind"] != "redress":
        assert "canary.invalid/r1" not in found or "<a href" in found


@pytest.mark.parametrize("name", PUBLIC)
def test_nothing_of_the_public_cases_is_left(name: str) -> None:
    for case in corpus(f"xss/{name}"):
        assert_harmless(washed(case["payload"]).html, case["id"])


@pytest.mark.parametrize("name", PUBLIC)
def test_washing_twice_changes_nothing_that_matters(name: str) -> None:
    for case in corpus(f"xss/{name}"):
        once = washed(case["payload"]).html
        assert Found(washed(once).html).elements == [
            (tag, {n: v for n, v in attributes.items() if not (n == "href" and v.startswith("/mail/"))})
            for tag, attributes in Found(once).elements
        ], case["id"]


@pytest.mark.parametrize(
    ("why", "html", "found", "blocked"),
    [
        ("text", "a &lt;b&gt; <b>c</b>", "a &lt;b&gt; <b>c</b>", 0),
        ("a remote picture", '<img src="https://x/y.gif" alt="z">', '<img alt="z">', 1),
        ("a picture that came along", '<img src="cid:logo@x">', f'<img src="{PIXEL}">', 0),
        ("its id in percent signs", '<img src="CID:logo%40x">', f'<img src="{PIXEL}">', 0),
        ("one that did not", '<img src="cid:other@x">', "<img>", 0),
        ("a picture in the page", f'<img src="{PIXEL}">', f'<img src="{PIXEL}">', 0),
        ("an SVG in the page", '<img src="data:image/svg+xml;base64,AAAA">', "<img>", 1),
        ("a style", '<p style="color:red;position:fixed;top:0">x</p>', '<p style="color:red">x</p>', 0),
        ("a style that calls home", '<p style="background:url(//x)">x</p>', "<p>x</p>", 1),
        ("unknown elements go, their text stays", "<blink>x</blink>", "x", 0),
        ("scripts go with their text", "a<script>b</script>c<style>d</style>e", "ace", 0),
        ("comments", "a<!-- b -->c<!--[if IE]>d<![endif]-->e", "ace", 0),
        ("classes and ids", "<p class=x id=y name=z>a</p>", "<p>a</p>", 0),
        ("tables", TABLE, TABLE_WASHED, 0),
    ],
)
def test_it_keeps_what_is_harmless(why: str, html: str, found: str, blocked: int) -> None:
    result = washed(html)
    assert (result.html, result.blocked) == (found, blocked), why


@pytest.mark.parametrize(
    ("why", "href", "found"),
    [
        ("web", "https://x.test/a?b=c&amp;d=e", "https://x.test/a?b=c&d=e"),
        ("capitals", "HTTP://x.test/", "HTTP://x.test/"),
        ("invisible letters", "ht\ntps://x.te\u200bst/", "https://x.test/"),
        ("mail", "mailto:joe@x.test?bcc=v@x.test&attach=/etc/passwd", "/mail/compose?to=joe%40x.test"),
        ("mail with quotes", 'mailto:"><script>@x', "/mail/compose?to=%22%3E%3Cscript%3E%40x"),
        ("no host", "https:///x", None),
        ("a script", "javascript:alert(1)", None),
        ("a script in disguise", "java\tscript:alert(1)", None),
        ("data", "data:text/html,x", None),
        ("relative", "/mail/logout", None),
        ("without a scheme", "//x.test/", None),
        ("a file", "file:///etc/passwd", None),
    ],
)
def test_links(why: str, href: str, found: str | None) -> None:
    quoted = href.replace('"', "&quot;")
    ((_, attributes),) = Found(washed(f'<a href="{quoted}">x</a>').html).elements
    assert attributes.get("href") == found, why


def test_what_is_too_long_is_cut() -> None:
    assert washed("x" * (wash.INPUT_MAX + 1)).is_cut
    assert not washed("x" * 100).is_cut


@given(st.text(st.sampled_from("<>/\"'=! -abimgstylehrefscript:&;()x\n\0"), max_size=120))
def test_whatever_it_is_it_comes_out_harmless(html: str) -> None:
    assert_harmless(washed(html).html, html)
    wash.to_text(html)


@pytest.mark.parametrize(
    ("why", "html", "text"),
    [
        ("paragraphs", "<p>one<p>two<br>three", "one\n\ntwo\nthree"),
        ("lists and rows", "<ul><li>a<li>b</ul><table><tr><td>c<td>d<tr><td>e</table>", "a\nb\n\nc d\ne"),
        ("entities", "&lt;b&gt; &amp;amp; &nbsp;x", "<b> &amp; x"),
        ("what is not seen", "<title>t</title><style>s</style><script>x</script>a", "a"),
        ("blanks", "  a \n\t b ", "a b"),
        ("nothing", "", ""),
    ],
)
def test_html_becomes_lines(why: str, html: str, text: str) -> None:
    assert re.sub(r"\n{2,}", "\n\n", wash.to_text(html)) == text, why


# ---- styles ----


@pytest.mark.parametrize(
    ("why", "style", "kept"),
    [
        ("plain", "color: red; font-weight:bold", "color:red;font-weight:bold"),
        ("colours", "color:rgb(1, 2, 3);background-color:#fff", "color:rgb(1, 2, 3);background-color:#fff"),
        ("fonts with names", 'font-family:"Arial", sans-serif', 'font-family:"Arial", sans-serif'),
        ("important goes", "color:red!important", "color:red"),
        ("one bad one does not spoil the rest", "color:red;behavior:url(x);width:1px", "color:red;width:1px"),
        ("url", "background:url(https://x)", ""),
        ("url that never ends", "background:url(https://x", ""),
        ("url in escapes", "background:u\\72l(https://x)", ""),
        ("a property in escapes", "pos\\69tion:fixed", ""),
        ("expression", "width:expression(alert(1))", ""),
        ("image-set", "background:image-set('x' 1x)", ""),
        ("var", "--x:url(y);color:var(--x)", ""),
        ("position", "position:absolute;top:0;left:0;z-index:9", ""),
        ("display", "display:none;display:flex", "display:none"),
        ("overflow", "overflow:auto;overflow:hidden", "overflow:hidden"),
        ("strings elsewhere", "color:'red'", ""),
        ("a rule", "color:red}body{display:none", ""),
        ("calc", "width:calc(100% - 1px)", ""),
        ("nested brackets", "color:rgb(" + "(" * 1000, ""),
        ("too long", "color:red;" * 1000, ""),
        ("escapes in a string", "font-family:'a\\22 b'", ""),
        ("quotes in a string", "font-family:'a\"b'", ""),
        ("nothing", "", ""),
    ],
)
def test_styles(why: str, style: str, kept: str) -> None:
    assert css.wash(style) == kept, why


@given(st.text(st.sampled_from("colr:red;url()\\'\"/*@{}!-#10px% \n"), max_size=80))
def test_no_style_raises_or_calls_home(style: str) -> None:
    assert not re.search(r"url|\\|@|\{", css.wash(style), re.IGNORECASE)


# ---- in a process of its own ----


def test_the_process_gives_the_same() -> None:
    html = '<p onclick=x>a<img src="cid:logo@x"><img src="http://x/y"><a href="mailto:a@b.c">m</a>'
    assert washer.wash(html, pictures={"logo@x": PIXEL}, compose_url="/mail/compose") == washed(html)
    assert washer.text("<p>a<p>b") == wash.to_text("<p>a<p>b")


def test_it_gives_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(washer, "TIME_S", 0.5)
    tangled = "<a " + " ".join(f"a{n}=1" for n in range(150_000)) + ">x</a>"
    with pytest.raises(washer.Unwashable):
        washer.wash(tangled, pictures={}, compose_url="")
    with pytest.raises(washer.Unwashable):
        washer.text(tangled)
