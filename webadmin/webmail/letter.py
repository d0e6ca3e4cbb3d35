"""A message as a page shows it: who, when, about what, its texts, what is attached, and what is strange about it.

Nothing here raises for anything in a message. Only headers and the texts that are shown are read, and of the texts 1 MiB in all.
"""

from __future__ import annotations

import datetime
import os
import re
from dataclasses import dataclass
from itertools import islice
from urllib.parse import unquote

from django.utils.safestring import SafeString

from mta.formats import address_list, date_field
from mta.formats.mime import notes as words
from mta.formats.mime import transfer
from mta.formats.mime.source import Source
from mta.formats.mime.structure import Part, Structure
from webadmin.webmail import choose, decode, flowed, linkify, senders, wash, washer

TEXT_MAX = 1 << 20
FIELDS_SHOWN_MAX = 500
FIELD_SHOWN_MAX = 4000
_NAME_MAX = 120
_META_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)
_META_REACH = 2048

SENTENCES = {
    words.NO_HEADER: "This message has no header: all of it is shown as text.",
    words.BROKEN_HEADER: "A line in the header is malformed. Everything from that line on is shown as text.",
    words.HEADER_TOO_LONG: "The header is unusually long; not all of it was read.",
    words.AMBIGUOUS: "The message describes itself in two contradicting ways, so it is shown as plain text.",
    words.NO_BOUNDARY: "The message does not say where its parts begin, so it is shown as plain text.",
    words.NO_PARTS: "The parts this message announces are not in it.",
    words.UNCLOSED: "The message ends in the middle: something may be missing.",
    words.BAD_TYPE: "A part of the message has a type that makes no sense; it is shown as text.",
    words.TOO_DEEP: "Messages or parts are nested deeper than we follow.",
    words.TOO_MANY_PARTS: "The message has more parts than we show.",
    words.TOO_MANY_LINES: "The message imitates the borders of its parts too often; not all parts were found.",
    decode.UNKNOWN_CHARSET: "A text is in a character set we do not know; some letters may be wrong.",
}
CUT = "The text is very long: only its beginning is shown. The whole is in the message source."


@dataclass(frozen=True, slots=True)
class Text:
    index: int
    is_html: bool
    html: SafeString | None  # of a plain text; HTML is shown in a frame of its own


@dataclass(frozen=True, slots=True)
class Attached:
    index: int
    name: str
    size: int  # about
    kind: str
    is_message: bool
    is_picture: bool  # it says so; whether it is one is seen when it is asked for


@dataclass(frozen=True, slots=True)
class Letter:
    subject: str
    authors: tuple[senders.Person, ...]
    reply_to: tuple[senders.Person, ...]
    to: tuple[senders.Person, ...]
    cc: tuple[senders.Person, ...]
    bcc: tuple[senders.Person, ...]
    date: datetime.datetime | None
    date_text: str  # as the message has it
    texts: tuple[Text, ...]
    attached: tuple[Attached, ...]
    pictures: tuple[Attached, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    is_html_shown: bool
    has_html: bool
    has_plain: bool

    @property
    def others(self) -> int:
        """Recipients besides the first."""
        return max(0, len(self.to) + len(self.cc) - 1)

    @property
    def sender(self) -> senders.Person | None:
        return self.authors[0] if self.authors else None


def read(source: Source, found: Structure, *, root: int = 0, wants_html: bool = True) -> Letter:
    """root: the message, or the part that is a message within it. Raises OSError."""
    top = found.parts[root + 1] if root else found.parts[0]
    chosen = choose.choose(found, root, wants_html=wants_html)
    said = _notes(found, chosen)
    texts = []
    left = TEXT_MAX
    for index in chosen.texts:
        part = found.parts[index]
        if part.kind == choose.HTML and wants_html:
            texts.append(Text(index, True, None))
        else:
            text, more = plain_text(source, part, left)
            left = max(0, left - part.size)
            said += more
            if text.strip():
                texts.append(Text(index, False, linkify.html(text)))
    from_ = people(top, b"from")
    return Letter(
        subject=decode.header(top.header.get(b"subject") or b""),
        authors=from_,
        reply_to=people(top, b"reply-to"),
        to=people(top, b"to"),
        cc=people(top, b"cc"),
        bcc=people(top, b"bcc"),
        date=date(top),
        date_text=decode.header(top.header.get(b"date") or b""),
        texts=tuple(texts),
        attached=tuple(_attached(found.parts[i]) for i in chosen.attached),
        pictures=tuple(_attached(found.parts[i]) for i in chosen.pictures),
        notes=tuple(dict.fromkeys(said)),
        warnings=_warnings(top, from_),
        is_html_shown=any(t.is_html for t in texts),
        has_html=chosen.has_html,
        has_plain=chosen.has_plain,
    )


def people(part: Part, name: bytes, limit: int = 200) -> tuple[senders.Person, ...]:
    """The entries of all fields of that name."""
    entries = (e for f in part.header.all(name) for e in address_list.read(f.value[: decode.HEADER_MAX]))
    return tuple(senders.person(e) for e in islice(entries, limit))


def fields(part: Part) -> list[tuple[str, str]]:
    """All fields, for whoever wants to see them."""
    return [
        (decode.one_line(f.name.decode("latin-1")), decode.header(f.value[:FIELD_SHOWN_MAX])) for f in part.header.fields[:FIELDS_SHOWN_MAX]
    ]


def date(top: Part) -> datetime.datetime | None:
    """Of the Date field."""
    seconds = date_field.read(top.header.get(b"date") or b"")
    if seconds is None:
        return None
    return datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(seconds=seconds)


def _notes(found: Structure, chosen: choose.Chosen) -> list[str]:
    """Of the whole and of its parts: they may explain what is not shown."""
    said = [n for part in found.parts for n in part.notes] + list(found.notes)
    return [SENTENCES[n] for n in dict.fromkeys(said) if n in SENTENCES]


def _warnings(top: Part, from_: tuple[senders.Person, ...]) -> tuple[str, ...]:
    found = [w for p in from_ for w in p.warnings]
    if len(from_) > 1 or len(list(top.header.all(b"from"))) > 1:
        found.insert(0, senders.SEVERAL)
    return tuple(dict.fromkeys(found))


# ---- texts ----


def decoded(source: Source, part: Part, limit: int = TEXT_MAX) -> tuple[str, list[str]]:
    """The text of a part, HTML as it stands -> (text, sentences about it)"""
    raw = source.read(part.body, min(part.end, part.body + limit))
    data = transfer.decode(part.encoding, raw)
    text, is_known = decode.text(data, _charset(part, data))
    said = [] if is_known else [SENTENCES[decode.UNKNOWN_CHARSET]]
    if part.size > limit:
        said.append(CUT)
    return text, said


def _charset(part: Part, data: bytes) -> bytes | None:
    named = part.parameters.get(b"charset")
    if not named and part.kind == choose.HTML:
        meta = _META_CHARSET.search(data[:_META_REACH])
        named = meta[1] if meta else None
    return named


def plain_text(source: Source, part: Part, limit: int = TEXT_MAX) -> tuple[str, list[str]]:
    """A part as lines of text, HTML turned into them."""
    text, said = decoded(source, part, limit)
    if part.kind == choose.HTML and text.strip():
        try:
            return washer.text(text), said
        except washer.Unwashable:
            return text, [*said, "The HTML of this message is too tangled to be shown; this is its source."]
    if (part.parameters.get(b"format") or b"").lower() == b"flowed":
        text = flowed.unflow(text, del_sp=(part.parameters.get(b"delsp") or b"").lower() == b"yes")
    return text, said


# ---- attachments ----


def _attached(part: Part) -> Attached:
    return Attached(
        index=part.index,
        name=safe_name(part),
        size=transfer.decoded_size(part.encoding, part.size),
        kind=decode.one_line(part.kind.decode("latin-1")),
        is_message=part.is_container,
        is_picture=part.kind in choose.RASTER,
    )


_EXTENSIONS = {
    b"text/plain": ".txt",
    b"text/html": ".html",
    b"text/calendar": ".ics",
    b"text/csv": ".csv",
    b"application/pdf": ".pdf",
    b"application/zip": ".zip",
    b"image/png": ".png",
    b"image/jpeg": ".jpg",
    b"image/gif": ".gif",
    b"image/webp": ".webp",
    b"message/rfc822": ".eml",
    b"message/delivery-status": ".txt",
    b"text/rfc822-headers": ".txt",
}
_UNSAFE = re.compile('[\x00-\x1f\x7f-\x9f<>:"/\\\\|?*\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffd]')
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)", re.IGNORECASE)


def safe_name(part: Part) -> str:
    """A name under which the part may be saved anywhere: no folders, controls, or names that mean something to a system."""
    named = choose.filename(part)
    name = decode.parameter(named)
    if not name and part.is_container:
        subject = part.header.get(b"content-description") or b""
        name = decode.header(subject)[:_NAME_MAX]
        name = name and name + ".eml"
    name = _UNSAFE.sub("_", name.replace("\\", "/").rpartition("/")[2]).strip(" .")
    if name.startswith(("-", "=", "+", "@")):  # options and formulas
        name = "_" + name
    if _DEVICE.match(name):
        name = "_" + name
    if not name:
        return f"part-{part.index}{_EXTENSIONS.get(part.kind, '.bin')}"
    stem, extension = os.path.splitext(name)
    return stem[: _NAME_MAX - len(extension[:20])] + extension[:20]


_MAGIC = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF87a", "image/gif"), (b"GIF89a", "image/gif"))


def raster_type(head: bytes) -> str | None:
    """What the first octets say it is; None: no picture we show."""
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _MAGIC if head.startswith(magic)), None)


def pictures_of(source: Source, found: Structure, root: int, html: str, *, each_max: int, all_max: int) -> dict[str, str]:
    """The pictures an HTML text refers to by Content-ID, as data: URLs."""
    wanted = {unquote(c) for c in re.findall(r"cid:([^\"'\s<>)]{1,300})", html, re.IGNORECASE)}
    last = next((p.index for p in found.parts[root + 1 :] if p.depth <= found.parts[root].depth), len(found.parts))
    urls: dict[str, str] = {}
    for part in found.parts[root:last]:
        name = decode.one_line(choose.content_id(part).decode("latin-1"))
        if part.is_container or name not in wanted or name in urls or part.size > each_max:
            continue
        data = transfer.decode(part.encoding, source.read(part.body, part.end))
        kind = raster_type(data)
        if kind is not None and len(data) <= all_max:
            all_max -= len(data)
            urls[name] = wash.data_url(kind, data)
    return urls
