"""The style attributes of mail: declarations on a list of properties, with values made of words, numbers, lengths and colours.

There is no url(), no function but those of colours, no position, nothing that comes from outside the element; "!important" goes.
What does not fit is left out, one declaration at a time.
Limits   4096 characters an attribute, 64 declarations
Source   spec reliability 2.4 rows 62 and 63
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import tinycss2
from tinycss2 import ast

LENGTH_MAX = 4096
DECLARATIONS_MAX = 64

_SIDES = ("top", "right", "bottom", "left")
_BORDER = ("", "-width", "-style", "-color")


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


PROPERTIES = (
    _set("""
        color background-color background border-radius border-collapse border-spacing caption-side clear direction display empty-cells
        float font font-family font-size font-style font-variant font-weight height letter-spacing line-height list-style-type margin
        max-height max-width min-height min-width overflow padding table-layout text-align text-decoration text-indent text-transform
        vertical-align white-space width word-break word-spacing word-wrap overflow-wrap
    """)
    | {f"{kind}-{side}" for kind in ("margin", "padding") for side in _SIDES}
    | {f"border{where}{what}" for where in ("", *(f"-{s}" for s in _SIDES)) for what in _BORDER}
)
_DISPLAYS = _set("none block inline inline-block list-item table table-row table-cell table-row-group table-header-group")
_COLOURS = frozenset(("rgb", "rgba", "hsl", "hsla"))
_PLAIN = (ast.IdentToken, ast.NumberToken, ast.PercentageToken, ast.DimensionToken, ast.HashToken, ast.WhitespaceToken)
_WRITTEN = re.compile(r"[A-Za-z0-9#%.,()/ +\"-]*")
_LITERALS = frozenset((",", "/"))


def wash(style: str) -> str:
    """The declarations that may stay; "" when none may."""
    if len(style) > LENGTH_MAX:
        return ""
    kept = []
    for node in tinycss2.parse_declaration_list(style, skip_comments=True, skip_whitespace=True)[:DECLARATIONS_MAX]:
        if isinstance(node, ast.Declaration) and node.lower_name in PROPERTIES and _is_plain(node.lower_name, node.value):
            value = tinycss2.serialize(node.value).strip()
            if _WRITTEN.fullmatch(value):  # no escapes, no quotes within strings
                kept.append(f"{node.lower_name}:{value}")
    return ";".join(kept)


def _is_plain(name: str, value: Sequence[ast.Node]) -> bool:
    words = [token.lower_value for token in value if isinstance(token, ast.IdentToken)]
    if name == "display" and not _DISPLAYS.issuperset(words):
        return False
    if name == "overflow" and words != ["hidden"]:
        return False
    return all(_is_plain_token(token, name) for token in value)


def _is_plain_token(token: ast.Node, name: str) -> bool:
    if isinstance(token, _PLAIN):
        return True
    if isinstance(token, ast.LiteralToken):
        return token.value in _LITERALS
    if isinstance(token, ast.StringToken):
        return name in ("font", "font-family")
    if isinstance(token, ast.FunctionBlock):
        return token.lower_name in _COLOURS and all(isinstance(t, _PLAIN) or _is_comma(t) for t in token.arguments)
    return False


def _is_comma(token: ast.Node) -> bool:
    return isinstance(token, ast.LiteralToken) and token.value in _LITERALS
