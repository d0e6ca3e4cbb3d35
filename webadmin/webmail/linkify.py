"""Plain text -> HTML: escaped, web addresses as links, quoted lines and the signature marked.

The text is cut into words first; a word is looked at once, and what is not a link is escaped as it stands. Nothing is put back into text
that was escaped before, so that no placeholder in a message can become markup. Linear in the length of the text.
Links    http:// and https:// only. An address joe@example.org leads to a new message here.
Source   spec reliability 2.4 rows 60 and 80
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote, urlsplit

from django.urls import reverse
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

QUOTE_DEPTH = 3
_LINK_MAX = 2000
_WORD_MAX = 1000
_WORD = re.compile(r"\s+|[^\s<>\"]+|[<>\"]")
_WEB = re.compile(r"https?://", re.IGNORECASE)
_TRAILING = ".,;:!?'*_]}|"
_ADDRESS = re.compile(
    r"(?:mailto:)?([A-Za-z0-9!#$%&'*+/=?^_`{|}~-][A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,63})"
)


def html(text: str) -> SafeString:
    """Lines for an element that keeps blanks and line ends (white-space: pre-wrap)."""
    out = []
    is_signature = False
    for line in text.split("\n"):
        is_signature = is_signature or line == "-- "
        depth = _depth(line)
        inner = "".join(_words(line))
        if depth:
            inner = f'<span class="quote quote-{min(depth, QUOTE_DEPTH)}">{inner}</span>'
        elif is_signature:
            inner = f'<span class="signature">{inner}</span>'
        out.append(inner)
    return mark_safe("\n".join(out))  # noqa: S308 - every piece was escaped below


def _depth(line: str) -> int:
    """How deep a line is quoted: ">" with at most one blank between."""
    depth = at = 0
    while depth < QUOTE_DEPTH and line[at : at + 1] == ">":
        depth += 1
        at += 1
        if line[at : at + 2] == " >":
            at += 1
    return depth


def _words(line: str) -> Iterator[str]:
    for word in _WORD.findall(line):
        web = _WEB.search(word)
        if web is not None:
            yield escape(word[: web.start()]) + _web(word[web.start() :])
        elif "@" in word and len(word) <= _WORD_MAX:
            yield _addresses(word)
        else:
            yield escape(word)


def _web(word: str) -> str:
    bare = _trimmed(word)
    if len(bare) > _LINK_MAX or not _has_host(bare):
        return escape(word)
    safe = escape(bare)
    return f'<a href="{safe}" target="_blank" rel="noopener noreferrer nofollow">{safe}</a>{escape(word[len(bare) :])}'


def _trimmed(url: str) -> str:
    """Without the marks of the sentence around it; a bracket that was opened within belongs to it."""
    bare = url.rstrip(_TRAILING)
    if bare.endswith(")") and "(" not in bare:
        bare = bare.rstrip(_TRAILING + ")")
    return bare


def _has_host(url: str) -> bool:
    try:
        return bool(urlsplit(url).hostname)
    except ValueError:
        return False


def _addresses(word: str) -> str:
    """Every address in a word; what else a mailto: asks for ("?bcc=...") stays text."""
    out, at = [], 0
    for found in _ADDRESS.finditer(word):
        link = f'<a href="{reverse("webmail:compose")}?to={quote(found[1])}">{escape(found[0])}</a>'
        out += [escape(word[at : found.start()]), link]
        at = found.end()
        if found[0].startswith("mailto:"):
            break
    return "".join(out) + escape(word[at:])
