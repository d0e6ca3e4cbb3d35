"""A message from what a person has written: header, text, attachments, as octets with LF line ends, the way a queue and a Maildir hold it.

Header    only what is named here, each value without line ends: a line more cannot get in. Non-ASCII as encoded words (RFC 2047), file
          names as RFC 2231 has them; values are encoded by the email package, lines are put together here.
Text      format=flowed, 7bit when it is ASCII, else quoted-printable. Attachments base64; a message within as it stands.
Bcc       stands in the copies one keeps, never in what is sent.
Source    RFC 5322, RFC 2045-2047, RFC 2231, RFC 3676
"""

from __future__ import annotations

import base64
import binascii
import datetime
import email.message
import email.utils
import re
import secrets
from dataclasses import dataclass, replace
from email.header import Header

from mta.formats import address as envelope_address
from webadmin.webmail import flowed
from webadmin.webmail.recipients import Recipient

LINE_MAX = 900
_FOLD_AT = 76
_WORD_MAX = 60  # a longer one cannot be folded as it stands
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
_NOT_IN_NAMES = re.compile('[\x00-\x1f\x7f-\x9f<>:"/\\\\|?*\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]')
_LINE_ENDS = re.compile("[\r\n\x00]")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,80}/[a-z0-9!#$&^_.+-]{1,80}")


@dataclass(frozen=True, slots=True)
class File:
    """An attachment."""

    name: str
    kind: str
    data: bytes
    is_message: bool = False  # a whole message, passed on as it stands

    @property
    def size(self) -> int:
        return len(self.data)


@dataclass(frozen=True, slots=True)
class Outgoing:
    sender: Recipient
    to: tuple[Recipient, ...] = ()
    cc: tuple[Recipient, ...] = ()
    bcc: tuple[Recipient, ...] = ()
    subject: str = ""
    body: str = ""
    files: tuple[File, ...] = ()
    message_id: str = ""
    date: datetime.datetime = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    in_reply_to: str = ""  # message ids, each in angle brackets
    references: tuple[str, ...] = ()
    extra: tuple[tuple[str, str], ...] = ()  # fields of a draft, ASCII

    @property
    def recipients(self) -> tuple[str, ...]:
        """Of the envelope, each once."""
        return tuple(dict.fromkeys(r.address for r in (*self.to, *self.cc, *self.bcc) if r.address))


def with_extra(message: Outgoing, extra: tuple[tuple[str, str], ...]) -> Outgoing:
    return replace(message, extra=extra)


def file_name(subject: str) -> str:
    """A subject as the name of a file."""
    return _NOT_IN_NAMES.sub("_", subject)[:80].strip(" ._") or "message"


def write(message: Outgoing, *, is_copy: bool) -> bytes:
    """is_copy: for a folder of one's own, with Bcc and the fields of a draft."""
    fields = [
        ("Date", email.utils.format_datetime(message.date)),
        ("From", _list("From", (message.sender,))),
        ("To", _list("To", message.to)),
        ("Cc", _list("Cc", message.cc)),
        ("Bcc", _list("Bcc", message.bcc) if is_copy else ""),
        ("Subject", _words("Subject", message.subject)),
        ("Message-ID", message.message_id),
        ("In-Reply-To", message.in_reply_to),
        ("References", "\n ".join(message.references)),
        *(message.extra if is_copy else ()),
        ("MIME-Version", "1.0"),
    ]
    head = "".join(f"{name}: {value}\n" for name, value in fields if value)
    return head.encode("ascii") + _body(message)


def _body(message: Outgoing) -> bytes:
    text = _text_entity(message.body)
    if not message.files:
        return text
    parts = [text, *(_file_entity(f) for f in message.files)]
    boundary = b"=_" + secrets.token_hex(16).encode()
    encoding = b"" if all(f.data.isascii() for f in message.files if f.is_message) else b"Content-Transfer-Encoding: 8bit\n"
    joined = b"".join(b"--%b\n%b\n" % (boundary, part) for part in parts)
    return b'Content-Type: multipart/mixed; boundary="%b"\n%b\n%b--%b--\n' % (boundary, encoding, joined, boundary)


def _text_entity(body: str) -> bytes:
    body = _CONTROL.sub("", body.replace("\r\n", "\n").replace("\r", "\n")).rstrip("\n") + "\n"
    body = flowed.flow(body)
    data = body.encode("utf-8", "replace")
    is_plain = data.isascii() and all(len(line) <= LINE_MAX for line in data.split(b"\n"))
    if is_plain:
        return b"Content-Type: text/plain; charset=us-ascii; format=flowed\nContent-Transfer-Encoding: 7bit\n\n" + data
    encoded = binascii.b2a_qp(data, istext=True)
    return b"Content-Type: text/plain; charset=utf-8; format=flowed\nContent-Transfer-Encoding: quoted-printable\n\n" + encoded


def _file_entity(file: File) -> bytes:
    names = email.message.Message()
    kind = file.kind if _TYPE.fullmatch(file.kind) and not file.kind.startswith(("multipart/", "message/")) else "application/octet-stream"
    name = _LINE_ENDS.sub("_", file.name)
    given = name if name.isascii() else ("utf-8", "", name)
    names.add_header("Content-Disposition", "attachment", filename=given)
    disposition = _fold_parameters(str(names["Content-Disposition"]))
    if file.is_message:
        encoding = b"7bit" if file.data.isascii() else b"8bit"
        return b"Content-Type: message/rfc822\nContent-Disposition: %b\nContent-Transfer-Encoding: %b\n\n%b" % (
            disposition,
            encoding,
            file.data,
        )
    head = b"Content-Type: %b\nContent-Disposition: %b\nContent-Transfer-Encoding: base64\n\n" % (kind.encode(), disposition)
    return head + base64.encodebytes(file.data)


def _fold_parameters(value: str) -> bytes:
    return value.replace("; ", ";\n ", 1).encode("ascii")


def _words(name: str, text: str) -> str:
    """Unstructured text as the value of a field."""
    text = _LINE_ENDS.sub(" ", text).strip()
    is_plain = text.isascii() and text.isprintable() and "=?" not in text and all(len(word) <= _WORD_MAX for word in text.split())
    charset = "us-ascii" if is_plain else "utf-8"
    return Header(text, charset, maxlinelen=_FOLD_AT, header_name=name).encode() if text else ""


def _list(name: str, people: tuple[Recipient, ...]) -> str:
    """Addresses with names, folded between them."""
    lines: list[str] = []
    width = len(name) + 2
    for person in people:
        entry = _entry(person)
        if lines and width + len(entry) + 2 <= _FOLD_AT and "\n" not in entry:
            lines[-1] += f", {entry}"
            width += len(entry) + 2
        else:
            lines.append(entry)
            width = 1 + len(entry.rpartition("\n")[2])
    return ",\n ".join(lines)


def _entry(person: Recipient) -> str:
    name = _LINE_ENDS.sub(" ", person.name).strip()
    address = envelope_address.quote(person.address.encode("ascii", "replace")).decode("ascii") if person.address else ""
    if not name:
        return address
    if not name.isascii() or not name.isprintable() or "=?" in name:
        phrase = Header(name, "utf-8", maxlinelen=_FOLD_AT - 8).encode()
    elif _ATOMS.fullmatch(name):
        phrase = name
    else:
        phrase = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{phrase} <{address}>" if address else phrase
