"""What the block lists of DNS say of a client, and what it is told: rblsmtpd.

Rules    lists and anti-lists are asked in the order in which they were named; the first that knows the client decides, no more are asked.
         A variable that is set decides before all of them: nothing lets the client in, a text keeps it out, "-" and a text for good.
         A list that does not answer is passed over and an anti-list that does not answer lets the client in; closed, the former keeps the
         client out for now and the latter is passed over. After a failure nobody is kept out for good.
Limits   200 octets of a text; octets that are no visible ASCII or blank become "?"
Loaded by programs that others exec for each connection: builtins only.
Source   rblsmtpd(1), rblsmtpd.c
"""

from __future__ import annotations

TEXT_MAX = 200
LOOKUP_ERROR = b"temporary RBL lookup error"
_NAME = b"rblsmtpd.local"
GREETING = b"220 %b\r\n" % _NAME
_OK = b"250 %b\r\n" % _NAME
_BYE = b"221 %b\r\n" % _NAME
_HARMLESS = (b"helo", b"ehlo", b"mail", b"rset", b"noop")


class Judge:
    """variable: RBLSMTPD, None when it is not set."""

    __slots__ = ("_code", "_has_failed", "_text", "is_decided")

    def __init__(self, variable: bytes | None) -> None:
        self._has_failed = False
        self._code = b""
        self._text = b""
        self.is_decided = variable is not None
        if variable:
            self._keep_out(variable.removeprefix(b"-"), is_for_good=variable.startswith(b"-"))

    def _keep_out(self, text: bytes, *, is_for_good: bool) -> None:
        self.is_decided = True
        self._code = b"553" if is_for_good else b"451"
        self._text = text

    def listed(self, text: bytes | None, *, is_for_good: bool, is_closed: bool) -> None:
        """A list was asked. text: b"" it does not know the client, None it did not answer."""
        if text is None:
            self._has_failed = True
            if is_closed:
                self._keep_out(LOOKUP_ERROR, is_for_good=False)
        elif text:
            self._keep_out(text, is_for_good=is_for_good)

    def exempted(self, is_known: bool | None, *, is_closed: bool) -> None:
        """An anti-list was asked. None: it did not answer."""
        if is_known is None:
            self._has_failed = True
        self.is_decided = not is_closed if is_known is None else is_known

    @property
    def reply(self) -> bytes | None:
        """What a client that is kept out is told, without the end of the line; None: it is let in."""
        if not self._code:
            return None
        return refusal(b"451" if self._has_failed else self._code, self._text)


def refusal(code: bytes, text: bytes) -> bytes:
    return b"%b %b" % (code, bytes(c if 32 <= c <= 126 else 63 for c in text[:TEXT_MAX]))


def answer(line: bytes, reply: bytes) -> tuple[bytes, bool]:
    """line: what a client says that is kept out, without its end. -> what it is told, and whether that was all."""
    verb = line.removesuffix(b"\r").partition(b" ")[0].lower()
    if verb == b"quit":
        return _BYE, True
    return (_OK if verb in _HARMLESS else reply + b"\r\n"), False


def reversed_ip(ip: bytes) -> bytes:
    """What stands before the name of a list: 4.3.2.1. for 1.2.3.4."""
    return b"".join(part + b"." for part in reversed(ip.split(b".")) if part)
