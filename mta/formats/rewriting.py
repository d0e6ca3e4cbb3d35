"""The rewriting language: what becomes of the host of an address, instruction by instruction.

Instructions  "=post:new" a host that is post becomes new; "*post:new" one that ends in post: what is before it, then new; "?post:new" the
              same, but only if neither a dot nor a bracket is before it; "-post:new" one that ends in post becomes new
Rules         each is tried once, from the first to the last, on what the ones before it made; case does not count; anything else is none.
              The host begins at the first "@" of an address; one without any, or without anything before it, has an empty host. "@" alone
              is no address and stays empty.
Example       b"*.:", b"=:example.org", b"*+:.example.net", b"?:.example.org", which is what counts without control/rewrite
Written       control/rewrite, by the administrator.   Read by new-inject and ofmipd.
Loaded by programs that run per message: builtins only.
Source        rewriting(5)
"""

from __future__ import annotations

from mta.formats.mess822 import ADDRESS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mta.formats.mess822 import Entry

_KINDS = (b"=", b"*", b"?", b"-")
_IN_THE_WAY = frozenset(b".[]")


def defaults(*, host: bytes, domain: bytes, plus: bytes) -> list[bytes]:
    return [b"*.:", b"=:" + host, b"*+:." + plus, b"?:." + domain]


def host(text: bytes, rules: Iterable[bytes]) -> bytes:
    for rule in rules:
        text = _apply(rule, text)
    return text


def _apply(rule: bytes, text: bytes) -> bytes:
    kind = rule[:1]
    post, colon, new = rule[1:].partition(b":")
    if kind not in _KINDS or not colon or not text.lower().endswith(post.lower()):
        return text
    pre = text[: len(text) - len(post)]
    if (kind == b"=" and pre) or (kind == b"?" and not _IN_THE_WAY.isdisjoint(pre)):
        return text
    return new if kind == b"-" else pre + new


def address(text: bytes, rules: Iterable[bytes]) -> bytes:
    box, _, domain = text.partition(b"@")
    if text in (b"", b"@"):
        return b""
    return b"%b@%b" % (box, host(domain, rules))


def entries(found: Sequence[Entry], rules: Sequence[bytes]) -> list[Entry]:
    """Of a list of formats/mess822: its addresses rewritten."""
    return [(kind, address(text, rules) if kind == ADDRESS else text) for kind, text in found]
