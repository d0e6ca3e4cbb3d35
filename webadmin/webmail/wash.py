"""HTML of strangers -> HTML that does nothing: a small list of elements and attributes, the rest is taken out by a real HTML5 parser.

Links     http, https; mailto leads to a new message here. They open in a window of their own and send no referrer.
Pictures  only those that came with the message: cid: becomes data:, of raster types. Everything remote is left out and counted.
Styles    style attributes, by css.py. No classes, no <style>, no ids.
Nothing may edit the HTML after this: what it returns is what the frame shows, in a document without scripts and with a policy of its own.
Takes time that grows with the square of hostile input: callers go through washer.py, which sets a limit.
Source   spec reliability 2.4 rows 56-63 and 8 rule 8; nh3 (ammonia, html5ever)
"""

from __future__ import annotations

import base64
import html as html_
import re
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

import nh3

from webadmin.webmail import css

INPUT_MAX = 2_000_000  # characters


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


TAGS = _set("""
    a abbr acronym address article aside b bdi bdo big blockquote br caption center cite code col colgroup dd del dfn dir div dl dt em
    figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main mark nav ol p pre q rp rt ruby s samp section small span
    strike strong sub sup table tbody td tfoot th thead time tr tt u ul var wbr
""")
ATTRIBUTES = {
    "*": _set("align bgcolor dir height lang style title valign width"),
    "a": _set("href"),
    "img": _set("alt border src"),
    "table": _set("border cellpadding cellspacing"),
    "td": _set("colspan nowrap rowspan"),
    "th": _set("colspan nowrap rowspan scope"),
    "col": _set("span"),
    "colgroup": _set("span"),
    "font": _set("color face size"),
    "hr": _set("noshade size"),
    "li": _set("type value"),
    "ol": _set("start type"),
    "ul": _set("type"),
}
# Elements that go with all they hold.
_WITH_CONTENT = _set("""
    applet audio button canvas datalist embed frame frameset iframe map math noembed noframes noscript object option plaintext script select
    style svg template textarea title video xmp
""")
_REL = "noopener noreferrer nofollow"
_DATA = re.compile(r"data:image/(?:png|jpeg|jpg|gif|webp);base64,[A-Za-z0-9+/=\s]+", re.IGNORECASE)
_UNSEEN = re.compile(r"[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_TEXT_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Washed:
    html: str
    blocked: int  # references to other places that were left out
    is_cut: bool = False  # longer than INPUT_MAX


class _Filter:
    """The attributes that stay, one at a time."""

    def __init__(self, pictures: dict[str, str], compose_url: str) -> None:
        self._pictures = pictures
        self._compose_url = compose_url
        self.blocked = 0

    def __call__(self, tag: str, attribute: str, value: str) -> str | None:
        if tag == "a" and attribute == "href":
            return self._link(value)
        if tag == "img" and attribute == "src":
            return self._picture(value)
        if attribute == "style":
            if re.search(r"url|image|src", value, re.IGNORECASE):
                self.blocked += 1
            return css.wash(value) or None
        return value if len(value) <= _TEXT_MAX else None

    def _link(self, value: str) -> str | None:
        bare = _UNSEEN.sub("", value)
        scheme = bare.partition(":")[0].lower()
        if scheme == "mailto":
            to = unquote(bare[7:].partition("?")[0])
            return f"{self._compose_url}?to={quote(to)}"
        return bare if scheme in ("http", "https") and _has_host(bare) else None

    def _picture(self, value: str) -> str | None:
        bare = value.strip()
        if bare[:4].lower() == "cid:":
            return self._pictures.get(unquote(bare[4:]).strip("<>"))
        if _DATA.fullmatch(bare):
            return bare
        self.blocked += 1
        return None


def _has_host(url: str) -> bool:
    try:
        return bool(urlsplit(url).hostname)
    except ValueError:
        return False


def data_url(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def wash(html: str, *, pictures: dict[str, str], compose_url: str) -> Washed:
    """pictures: Content-ID without brackets -> data: URL, which the caller vouches for."""
    attribute_filter = _Filter(pictures, compose_url)
    cleaned = nh3.clean(
        html[:INPUT_MAX],
        tags=set(TAGS),
        clean_content_tags=set(_WITH_CONTENT),
        attributes={tag: set(names) for tag, names in ATTRIBUTES.items()},
        attribute_filter=attribute_filter,
        strip_comments=True,
        link_rel=_REL,
        set_tag_attribute_values={"a": {"target": "_blank"}},
        url_schemes={"http", "https", "mailto", "cid", "data"},
    )
    return Washed(cleaned, attribute_filter.blocked, len(html) > INPUT_MAX)


_BREAKS = re.compile(r"<(br|hr|p|/p|div|/div|li|tr|/table|h[1-6]|/h[1-6]|blockquote|/blockquote|dd|dt|/ul|/ol|pre|/pre)\b[^<>]*>")
_TAG = re.compile(r"<[^<>]*>")
_CELL = re.compile(r"</t[dh]>")
_MANY_LINES = re.compile(r"\n{3,}")


def to_text(html: str) -> str:
    """The words of an HTML body: for answers, for the text view and for the line a list shows."""
    cleaned = nh3.clean(
        html[:INPUT_MAX],
        tags=set(TAGS),
        clean_content_tags=set(_WITH_CONTENT),
        attributes={},
        strip_comments=True,
        link_rel=None,
    )
    # nh3 writes every "<" that is no tag as &lt;, so the tags below are all there are
    lined = _BREAKS.sub("\n", _CELL.sub(" ", " ".join(cleaned.split())))
    lines = [" ".join(line.split()) for line in html_.unescape(_TAG.sub("", lined)).split("\n")]
    return _MANY_LINES.sub("\n\n", "\n".join(lines)).strip()
