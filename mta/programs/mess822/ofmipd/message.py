"""A message on its way from the client to the queue: its header is completed, its body passes."""

from __future__ import annotations

from mta.decisions.outgoing_header import Header
from mta.formats import mess822, mess822_when
from mta.formats.mess822_header import Splitter
from mta.programs.mess822.ofmipd.session import ReadData, Session

HEADER_MAX = 1 << 22


class TooLarge(Exception):
    """The header is larger than we keep."""


class Message:
    """feed() it lines of the message, then close() it; both return what goes to the queue. received: the line up to its date."""

    __slots__ = ("_header", "_mail", "_now_s", "_pid", "_received", "_session", "_size", "_splitter")

    def __init__(self, session: Session, mail: ReadData, received: bytes, now_s: int, pid: int) -> None:
        self._session = session
        self._mail = mail
        self._received = received
        self._now_s = now_s
        self._pid = pid
        self._splitter = Splitter()
        self._header = Header(takes_envelope=False)
        self._size = 0

    def feed(self, text: bytes) -> bytes:
        """Raises TooLarge."""
        if self._splitter.is_body or not text:
            return text
        self._size += len(text)
        fields, body = self._splitter.feed(text)
        if self._size - len(body) > HEADER_MAX:
            raise TooLarge("header too large (#5.3.4)")
        return self._take(fields, body)

    def close(self) -> bytes:
        return b"" if self._splitter.is_body else self._take(*self._splitter.close())

    def _take(self, fields: list[bytes], body: bytes) -> bytes:
        for field in fields:
            self._header.field(field)
        return self._head() + body if self._splitter.is_body else b""

    def _head(self) -> bytes:
        site, mail = self._session.site, self._mail
        if mail.name is not None:
            self._header.forget(b"from")
        self._header.rewrite(site.rules)
        head = self._header.write(
            now_s=self._now_s,
            id_tail=b".%d.%d.qmail@%b" % (mail.number, self._pid, site.id_host),
            default_from=mess822.quote(mail.sender, mail.name),
        )
        return b"%b%b\n%b" % (self._received, mess822_when.utc(self._now_s).stamp(), head)
