"""Messages one has begun: they live in .Drafts, attachments and all, so that a form holds nothing that could be lost.

Mark      each message under way has sixteen hex digits of its own, made when its form is opened. They stand in the file name of every
          version of its draft and of its copy in .Sent: a new version replaces the old ones, and what was sent once is not sent again.
Kept      the form names the attachments it keeps: "d:DIGEST" one of the draft, "o:INDEX" one of the message that is passed on, "o:all" that
          message itself. A digest is of name and size, so that it still fits when the draft was saved again meanwhile.
Fields    X-Tawny-Original: mode, folder and message that is answered or passed on; never in what is sent
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass

from mta.formats import folder_name
from mta.formats.mime import structure, transfer
from mta.formats.mime.source import Source
from mta.formats.mime.structure import Part
from webadmin.webmail import answer, build, choose, decode, letter, recipients
from webadmin.webmail.door import Visit
from webadmin.webmail.index import Row

FILES_MAX = 25 * 1024 * 1024
MARK = re.compile(r"[0-9a-f]{16}")
MODES = ("reply", "all", "forward", "attach")
_ORIGINAL = "X-Tawny-Original"


class Gone(Exception):
    """An attachment that was to be kept is not there any more; the text says which."""


@dataclass(frozen=True, slots=True)
class Original:
    """The message that is answered or passed on."""

    mode: str
    slug: str
    key: str

    @classmethod
    def read(cls, text: str) -> Original | None:
        words = text.split(" ")
        return cls(*words) if len(words) == 3 and words[0] in MODES and all(words) and text.isascii() and text.isprintable() else None

    def __str__(self) -> str:
        return f"{self.mode} {self.slug} {self.key}"


@dataclass(frozen=True, slots=True)
class Kept:
    """One attachment a form already has."""

    value: str
    name: str
    size: int
    is_kept: bool = True  # else its box was unticked


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft as a form shows it."""

    mark: str
    to: str
    cc: str
    bcc: str
    subject: str
    body: str
    original: Original | None
    in_reply_to: str
    references: tuple[str, ...]
    kept: tuple[Kept, ...]


def new_mark() -> str:
    return secrets.token_hex(8)


def rows(visit: Visit, mark: str) -> list[Row]:
    """The versions of a draft that are in .Drafts; usually one."""
    folder = visit.special(folder_name.DRAFTS)
    return visit.index.find_marked(folder_name.DRAFTS, mark.encode()) if folder.is_there and MARK.fullmatch(mark) else []


def mark_of(row: Row) -> str:
    """The mark in a draft's name; a new one for drafts of other programs."""
    found = re.search(rb"W([0-9a-f]{16})\.", row.entry.name)
    return found[1].decode() if found else new_mark()


def load(source: Source, row: Row) -> Draft:
    """Raises OSError."""
    found = structure.scan(source)
    top = found.parts[0]
    chosen = choose.choose(found, wants_html=False)
    body = "\n\n".join(letter.plain_text(source, found.parts[i])[0].rstrip("\n") for i in chosen.texts)
    names = (b"to", b"cc", b"bcc")
    to, cc, bcc = (recipients.shown_all([recipients.Recipient(p.name, p.address) for p in letter.people(top, n)]) for n in names)
    in_reply_to = answer.message_ids(top, b"in-reply-to")[:1]
    return Draft(
        mark=mark_of(row),
        to=to,
        cc=cc,
        bcc=bcc,
        subject=decode.header(top.header.get(b"subject") or b""),
        body=body + "\n" if body else "",
        original=Original.read((top.header.get(_ORIGINAL.lower().encode()) or b"").decode("latin-1")),
        in_reply_to=in_reply_to[0] if in_reply_to else "",
        references=tuple(answer.message_ids(top, b"references")),
        kept=kept_in(found),
    )


def kept_in(found: structure.Structure) -> tuple[Kept, ...]:
    chosen = choose.choose(found, wants_html=False)
    parts = [found.parts[i] for i in (*chosen.attached, *chosen.pictures)]
    return tuple(Kept(f"d:{_digest(p)}", letter.safe_name(p), transfer.decoded_size(p.encoding, p.size)) for p in parts)


def kept_of_original(found: structure.Structure, *, whole: bool) -> tuple[Kept, ...]:
    """What a message that is passed on brings along."""
    if whole:
        top = found.parts[0]
        name = build.file_name(decode.header(top.header.get(b"subject") or b"")) + ".eml"
        return (Kept("o:all", name, top.end),)
    chosen = choose.choose(found, wants_html=False)
    parts = [found.parts[i] for i in (*chosen.attached, *chosen.pictures)]
    return tuple(Kept(f"o:{p.index}", letter.safe_name(p), transfer.decoded_size(p.encoding, p.size)) for p in parts)


def _digest(part: Part) -> str:
    return hashlib.blake2b(f"{letter.safe_name(part)}\0{part.size}".encode("utf-8", "replace"), digest_size=8).hexdigest()


def files(visit: Visit, versions: list[Row], original: Original | None, kept: list[str]) -> list[build.File]:
    """The attachments a form keeps, read from where they are. versions: of its draft. Raises Gone, OSError, Http404."""
    from_draft = [k[2:] for k in kept if k.startswith("d:")]
    from_original = [k[2:] for k in kept if k.startswith("o:")]
    return _of_original(visit, original, from_original) + _of_draft(visit, versions, from_draft)


def _of_draft(visit: Visit, versions: list[Row], digests: list[str]) -> list[build.File]:
    if not digests:
        return []
    if not versions:
        raise Gone("The draft with the attachments is gone. Please attach the files again.")
    with visit.open(visit.special(folder_name.DRAFTS), max(versions, key=lambda r: r.id)) as source:
        parts = [p for p in structure.scan(source).parts if not (p.is_container and p.kind.startswith(b"multipart/"))]
        taken = []
        for digest in digests:
            part = next((p for p in parts if _digest(p) == digest), None)
            if part is None:
                raise Gone("An attachment of the draft is gone. Please attach the file again.")
            parts.remove(part)
            taken.append(_file(source, part))
    return taken


def _of_original(visit: Visit, original: Original | None, wanted: list[str]) -> list[build.File]:
    if not wanted:
        return []
    if original is None:
        raise Gone("The message to pass on is not named.")
    folder = visit.folder(original.slug)
    with visit.open(folder, visit.row(folder, original.key)) as source:
        parts = structure.scan(source).parts
        if wanted == ["all"]:
            name = build.file_name(decode.header(parts[0].header.get(b"subject") or b"")) + ".eml"
            return [build.File(name, "message/rfc822", source.read(0, source.size), is_message=True)]
        indices = [int(w) for w in wanted if w.isdigit() and len(w) < 6]
        return [_file(source, parts[i]) for i in indices if i < len(parts)]


def _file(source: Source, part: Part) -> build.File:
    data = source.read(part.body, part.end)
    if part.is_container:
        return build.File(letter.safe_name(part), "message/rfc822", data, is_message=True)
    return build.File(letter.safe_name(part), part.kind.decode("latin-1"), transfer.decode(part.encoding, data))


def save(visit: Visit, message: build.Outgoing, mark: str, original: Original | None, replaced: list[Row]) -> None:
    """The message becomes the one version of its draft. replaced: earlier ones, besides those with its mark. Raises OSError."""
    extra = ((_ORIGINAL, str(original)),) if original is not None else ()
    with_fields = build.with_extra(message, extra)
    folder = visit.mailbox.make_folder(folder_name.DRAFTS)
    visit.forget_folders()
    old = [*rows(visit, mark), *replaced]
    folder.deliver([build.write(with_fields, is_copy=True)], b"DS", mark.encode())
    folder.remove([r.entry for r in old])


def remove(visit: Visit, mark: str) -> None:
    """The draft of a message that was sent. Raises OSError."""
    found = rows(visit, mark)
    if found:
        visit.mailbox.folder(folder_name.DRAFTS).remove([r.entry for r in found])
