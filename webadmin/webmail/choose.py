"""Which parts of a message are its text, which are attached, and which are pictures within the text.

Text      text/plain and text/html that are neither attached nor named; a first text counts even with a name.
Either-or of multipart/alternative the richest that is wanted is shown; the other texts are left out, anything else in it is attached.
Pictures  in multipart/related, of a raster type and with a Content-ID.
Messages  within the message are attached; what is in them is not looked at here.
Limits    20 texts; those behind are attached
Linear in the number of parts; nothing recurses.
Source    RFC 2046 5.1, RFC 2183, RFC 2387
"""

from __future__ import annotations

from dataclasses import dataclass

from mta.formats.mime import parameters
from mta.formats.mime.structure import Part, Structure

TEXTS_MAX = 20
HTML, PLAIN = b"text/html", b"text/plain"
RASTER = frozenset((b"image/png", b"image/jpeg", b"image/jpg", b"image/pjpeg", b"image/gif", b"image/webp"))
_SIGNATURES = frozenset((b"application/pgp-signature", b"application/pkcs7-signature", b"application/x-pkcs7-signature"))


@dataclass(frozen=True, slots=True)
class Chosen:
    texts: tuple[int, ...]  # indices of parts, in order
    attached: tuple[int, ...]
    pictures: tuple[int, ...]
    has_html: bool  # is there a text in HTML, and one that is plain, to choose from?
    has_plain: bool


def disposition(part: Part) -> parameters.Parameters:
    return parameters.read(part.header.get(b"content-disposition") or b"")


def content_id(part: Part) -> bytes:
    return (part.header.get(b"content-id") or b"").strip(b"<> \t")


def filename(part: Part) -> parameters.Value | None:
    """As the disposition names it, else as the type does."""
    return disposition(part).values.get(b"filename") or part.parameters.values.get(b"name")


def choose(structure: Structure, root: int = 0, *, wants_html: bool = True) -> Chosen:
    """root: the message, or a message within it."""
    parts = structure.parts
    children = structure.children()
    last = _end_of(parts, root)
    start = root if root == 0 else root + 1  # the message within a message/rfc822 part
    rich = _richness(parts, children, start, last)
    texts: list[int] = []
    attached: list[int] = []
    pictures: list[int] = []
    skipped = 0  # parts below this index are decided
    either: set[int] = set()  # parts of an either-or that were not chosen
    for part in parts[start:last]:
        if part.index < skipped:
            continue
        if part.is_container and not part.kind.startswith(b"multipart/") and part.index != start:
            attached.append(part.index)
            skipped = _end_of(parts, part.index)
        elif part.is_container:
            if part.index in either:
                either |= set(children[part.index])
            elif part.kind == b"multipart/alternative":
                either |= _others(children[part.index], rich, wants_html)
        elif _is_text(part, is_first=not texts and not attached) and (part.index in either or len(texts) < TEXTS_MAX):
            if part.index not in either:
                texts.append(part.index)
        elif _is_picture(part, parts):
            pictures.append(part.index)
        else:
            attached.append(part.index)
    kinds = {p.kind for p in parts[start:last] if not p.is_container}
    return Chosen(tuple(texts), tuple(attached), tuple(pictures), HTML in kinds, PLAIN in kinds)


def _end_of(parts: tuple[Part, ...], root: int) -> int:
    """Behind the last part within root."""
    depth = parts[root].depth
    return next((p.index for p in parts[root + 1 :] if p.depth <= depth), len(parts))


def _richness(parts: tuple[Part, ...], children: list[list[int]], start: int, last: int) -> dict[int, set[bytes]]:
    """Kinds of text in or below each part, messages within left out."""
    found: dict[int, set[bytes]] = {}
    for part in reversed(parts[start:last]):
        kinds: set[bytes] = set()
        if not part.is_container:
            kinds = {part.kind}
        elif part.kind.startswith(b"multipart/"):
            for child in children[part.index]:
                kinds |= found[child]
        found[part.index] = kinds & {HTML, PLAIN}
    return found


def _others(children: list[int], rich: dict[int, set[bytes]], wants_html: bool) -> set[int]:
    """The texts of an either-or that are not shown: all but the last one that has what is wanted, or the last that has any text."""
    for wanted in (HTML, PLAIN) if wants_html else (PLAIN, HTML):
        having = [c for c in children if wanted in rich[c]]
        if having:
            return {c for c in children if c != having[-1] and rich[c]}
    return set()


def _is_text(part: Part, *, is_first: bool) -> bool:
    if part.kind not in (HTML, PLAIN) or disposition(part).word == b"attachment":
        return False
    return is_first or filename(part) is None


def _is_picture(part: Part, parts: tuple[Part, ...]) -> bool:
    is_related = part.parent >= 0 and parts[part.parent].kind == b"multipart/related"
    return is_related and part.kind in RASTER and bool(content_id(part)) and disposition(part).word != b"attachment"


def counts_as_attachment(part: Part) -> bool:
    """Is it worth a paper clip in a list? Signatures are not."""
    return part.kind not in _SIGNATURES
