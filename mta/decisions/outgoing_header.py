"""What new-inject and ofmipd make of a header: its fields in one order and one form, hosts rewritten, what is missing added.

Order     trace fields as they came (Received, Delivered-To, Errors-To, Return-Receipt-To, Resent-...); Date, Message-ID, From, Sender,
          Reply-To, Mail-Reply-To, Mail-Followup-To, To, Cc, Notice-Requested-Upon-Delivery-To; then the others as they came
Merged    fields of one name that hold addresses become one
Added     Date, Message-ID, From; Cc: recipient list not shown: ; where neither To nor Cc names anybody
Gone      Bcc, Apparently-To, Return-Path, Content-Length, what is no field; with takes_envelope also Envelope-Recipients,
          Envelope-Sender
Loaded by programs that run per message: builtins only.
Source    new-inject(1), ofmipd(8)
"""

from __future__ import annotations

from mta.formats import mess822, mess822_header, mess822_when, rewriting
from mta.formats.mess822 import ADDRESS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from mta.formats.mess822 import Entry
    from mta.formats.mess822_when import When

_RESENT = b"sender from reply-to to cc bcc date message-id".split()
_TRACE = frozenset((b"received", b"delivered-to", b"errors-to", b"return-receipt-to", *(b"resent-" + name for name in _RESENT)))
_ADDRESSES = {
    b"from": b"From: ",
    b"sender": b"Sender: ",
    b"reply-to": b"Reply-To: ",
    b"mail-reply-to": b"Mail-Reply-To: ",
    b"mail-followup-to": b"Mail-Followup-To: ",
    b"to": b"To: ",
    b"cc": b"Cc: ",
    b"notice-requested-upon-delivery-to": b"Notice-Requested-Upon-Delivery-To: ",
}
_RESPONSES = (b"sender", b"reply-to", b"mail-reply-to", b"mail-followup-to")
_RECIPIENTS = (b"to", b"cc", b"notice-requested-upon-delivery-to")
_ENVELOPE = (b"envelope-recipients", b"envelope-sender")
_HIDDEN = (b"bcc", b"return-path")  # read, and not written
_GONE = (b"content-length", b"")  # a first line that begins with a blank is no field: behind another it would be taken for a part of it
_SAME_AS = {b"apparently-to": b"bcc"}
_NOT_SHOWN = b"Cc: recipient list not shown: ;\n"


class Header:
    """field() for each field in order, then rewrite(), then write()."""

    __slots__ = ("_bottom", "_date", "_lists", "_message_id", "_seen", "_takes_envelope", "_top")

    def __init__(self, *, takes_envelope: bool) -> None:
        self._takes_envelope = takes_envelope
        self._top: list[bytes] = []
        self._bottom: list[bytes] = []
        self._message_id: list[bytes] = []
        self._date: When | None = None
        self._lists: dict[bytes, list[Entry]] = {name: [] for name in (*_ADDRESSES, *_HIDDEN, *_ENVELOPE)}
        self._seen: set[bytes] = set()

    def field(self, field: bytes) -> None:
        """field: of formats/mess822_header."""
        name = mess822_header.name(field)
        name = _SAME_AS.get(name, name)
        self._seen.add(name)
        if name in self._lists and (self._takes_envelope or name not in _ENVELOPE):
            self._lists[name] += mess822.addresses(mess822_header.value(field))
        elif name == b"date":
            self._date = mess822_when.read(mess822_header.value(field)) or self._date
        elif name == b"message-id":
            self._message_id.append(field)
        elif name in _TRACE:
            self._top.append(field)
        elif name not in _GONE:
            self._bottom.append(field)

    def forget(self, name: bytes) -> None:
        """from, message-id or return-path: as if it had not been there."""
        if name == b"message-id":
            self._message_id = []
        else:
            self._lists[name] = []

    def rewrite(self, rules: Sequence[bytes]) -> None:
        self._lists = {name: rewriting.entries(found, rules) for name, found in self._lists.items()}

    def has(self, name: bytes) -> bool:
        return name in self._seen

    def addresses(self, *names: bytes) -> list[bytes]:
        return [text for name in names for kind, text in self._lists[name] if kind == ADDRESS]

    def follow_up(self, lists: frozenset[bytes]) -> None:
        """Where answers go, unless the message says: to all of To and Cc, if one of them is a list the sender reads. lists: in small
        letters."""
        if not self._lists[b"mail-followup-to"] and not lists.isdisjoint(a.lower() for a in self.addresses(b"to", b"cc")):
            self._lists[b"mail-followup-to"] = self._lists[b"to"] + self._lists[b"cc"]

    def write(self, *, now_s: int, id_tail: bytes, default_from: bytes) -> bytes:
        """id_tail: of a Message-ID, behind the time. default_from: what From says where it says nothing."""
        date = self._date or mess822_when.utc(now_s)
        out = [*self._top, b"Date: %b\n" % date.stamp()]
        out += self._message_id or [b"Message-ID: <%b%b>\n" % (date.compact(), id_tail)]
        out.append(self._list(b"from") or b"From: %b\n" % default_from)
        out += (self._list(name) for name in _RESPONSES)
        if not self._lists[b"to"] and not self._lists[b"cc"]:
            out.append(_NOT_SHOWN)
        out += (self._list(name) for name in _RECIPIENTS)
        return b"".join(out + self._bottom)

    def _list(self, name: bytes) -> bytes:
        """The field; nothing when it would be empty."""
        found = self._lists[name]
        return mess822.fold(_ADDRESSES[name], mess822.write_list(found)) if found else b""
