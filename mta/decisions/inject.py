"""What qmail-inject makes of a header: addresses completed, recipients and sender found, fields added, changed and taken away.

Completing   no host: defaulthost; a host without a dot: defaultdomain; a host that ends in "+": plusdomain. A source route goes away,
             and one dot or "@" too many at the end. x@[] is never touched: it marks senders with a meaning of their own.
Recipients   of To, Cc, Bcc, Apparently-To; or of their Resent- forms alone if any Resent- field is there. Last address of a field first.
Sender       -f; else the first Return-Path; else user@host, with marks for one return address per message (m) or per recipient (r).
Loaded by programs that run per message: builtins only.
Source   qmail-inject(8), qmail-header(5), addresses(5), qmail-inject.c
"""

from __future__ import annotations

from mta.formats import date822, header822, token822
from mta.formats.address import quote, quote_box
from mta.formats.token822 import AT, ATOM, COLON, COMMENT, DOT, LEFT, LITERAL, QUOTED, RIGHT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from mta.formats.token822 import Token

PER_RECIPIENT = b"-@[]"  # qmail-send puts the recipient in its place (decisions/verp)

# what happens to the addresses of a field that is rewritten
_TO_CC, _NORMAL, _RESENT, _SENDER, _NOTHING = range(5)
_REWRITTEN = {
    b"to": _TO_CC,
    b"cc": _TO_CC,
    b"bcc": _NORMAL,
    b"apparently-to": _NORMAL,
    b"resent-to": _RESENT,
    b"resent-cc": _RESENT,
    b"resent-bcc": _RESENT,
    b"return-path": _SENDER,
    b"sender": _NOTHING,
    b"from": _NOTHING,
    b"reply-to": _NOTHING,
    b"return-receipt-to": _NOTHING,
    b"errors-to": _NOTHING,
    b"resent-sender": _NOTHING,
    b"resent-from": _NOTHING,
    b"resent-reply-to": _NOTHING,
}
_TAKEN_AWAY = frozenset((b"bcc", b"resent-bcc", b"return-path", b"content-length"))
_TAKEN_AWAY_BY = {b"from": b"f", b"message-id": b"i", b"return-path": b"s"}  # letters of QMAILINJECT
_RESENT_FIELDS = frozenset(b"resent-" + name for name in (b"sender", b"from", b"reply-to", b"to", b"cc", b"bcc", b"date", b"message-id"))


class NotParsed(ValueError):
    """text: for the user, with the line or address in question."""

    def __init__(self, text: bytes) -> None:
        super().__init__(text.decode("latin-1"))
        self.text = text


class Site:
    """What completes an address. Raises NotParsed when a control file holds no domain."""

    __slots__ = ("default_domain", "default_host", "id_host", "plus_domain")

    def __init__(self, *, default_domain: bytes, default_host: bytes, plus_domain: bytes, id_host: bytes) -> None:
        self.default_domain = _parse(b"." + default_domain)
        self.default_host = _parse(b"@" + default_host)
        self.plus_domain = _parse(b"." + plus_domain)
        self.id_host = id_host


class Person:
    """Who sends, as the environment tells. host and sender_host None: the default host."""

    __slots__ = ("host", "letters", "name", "sender_host", "sender_user", "user")

    def __init__(self, env: Mapping[bytes, bytes]) -> None:
        user = _first(env, b"QMAILUSER", b"MAILUSER", b"USER", b"LOGNAME")
        self.user = b"anonymous" if user is None else user
        self.host = _first(env, b"QMAILHOST", b"MAILHOST")
        self.name = _first(env, b"QMAILNAME", b"MAILNAME", b"NAME")
        self.sender_user = env.get(b"QMAILSUSER", self.user)
        self.sender_host = env.get(b"QMAILSHOST", self.host)
        self.letters = env.get(b"QMAILINJECT", b"")


def _first(env: Mapping[bytes, bytes], *names: bytes) -> bytes | None:
    return next((env[name] for name in names if name in env), None)


def _parse(text: bytes) -> list[Token]:
    try:
        return token822.parse(text)
    except ValueError as error:
        raise NotParsed(b"unable to parse this line:\n" + text) from error


def complete(site: Site, address: list[Token]) -> list[Token]:
    """The tokens of one address -> of the same address in full; an empty address stays empty."""
    if not address or (len(address) > 1 and address[-2][0] == AT and address[-1] == (LITERAL, b"")):
        return address
    found = _without_route(address)
    for kind in (DOT, AT):
        if found and found[-1][0] == kind:
            found = found[:-1]
    if not found:
        return found
    if not any(kind == AT for kind, _ in found):
        found = found + site.default_host
    kind, text = found[-1]
    if kind == ATOM and text.endswith(b"+"):
        found = [*found[:-1], (ATOM, text[:-1]), *site.plus_domain]
    return found if _has_full_host(found) else found + site.default_domain


def _without_route(address: list[Token]) -> list[Token]:
    if address[0][0] != AT:
        return address
    for i, (kind, _) in enumerate(address):
        if kind == COLON:
            return address[i + 1 :]
    return []


def _has_full_host(address: list[Token]) -> bool:
    for kind, _ in reversed(address):
        if kind in (DOT, LITERAL):
            return True
        if kind == AT:
            return False
    return False


def sender(site: Site, text: bytes) -> bytes:
    """The address of -f -> envelope sender. Raises NotParsed."""
    return token822.plain(complete(site, _parse(quote(text))))


def recipient(site: Site, text: bytes) -> bytes:
    """An operand -> envelope recipient. Raises NotParsed."""
    try:
        tokens = token822.parse(quote(text))
    except ValueError as error:
        raise NotParsed(b"unable to parse address: " + text) from error
    return token822.plain(complete(site, tokens))


class Header:
    """A header under way: field() for each field in order, then finish(). sender is None until it is known, at the latest by finish()."""

    __slots__ = ("_kept", "_person", "_seen", "_site", "_to_cc", "normal", "resent", "sender")

    def __init__(self, site: Site, person: Person, sender: bytes | None) -> None:
        self._site = site
        self._person = person
        self._kept: list[bytes] = []
        self._seen: set[bytes] = set()
        self._to_cc: list[bytes] = []
        self.normal: list[bytes] = []
        self.resent: list[bytes] = []
        self.sender = sender

    def field(self, line: bytes) -> None:
        """line: a whole field (formats/header822). Raises NotParsed, but not for a field that only names recipients: that is kept as it
        is, and its recipients to the right of the trouble count."""
        name = header822.name(line) or b""
        if name in _TAKEN_AWAY_BY and _TAKEN_AWAY_BY[name] in self._person.letters:
            return
        self._seen.add(name)
        use = _REWRITTEN.get(name)
        if use is not None:
            try:
                line = self._rewritten(line, use)
            except NotParsed:
                if use in (_SENDER, _NOTHING):
                    raise
        if name not in _TAKEN_AWAY:
            self._kept.append(line)

    def _rewritten(self, line: bytes, use: int) -> bytes:
        def each(address: list[Token]) -> list[Token]:
            full = complete(self._site, address)
            self._note(token822.plain(full), use)
            return full

        try:
            return token822.write(token822.rewrite(token822.parse(line), each))
        except ValueError as error:
            raise NotParsed(b"unable to parse this line:\n" + line) from error

    def _note(self, address: bytes, use: int) -> None:
        if use == _RESENT:
            self.resent.append(address)
        elif use in (_TO_CC, _NORMAL):
            self.normal.append(address)
            if use == _TO_CC:
                self._to_cc.append(address)
        elif use == _SENDER and self.sender is None:
            self.sender = address + (PER_RECIPIENT if b"r" in self._person.letters else b"")

    @property
    def is_resent(self) -> bool:
        return not self._seen.isdisjoint(_RESENT_FIELDS)

    def recipients(self) -> list[bytes]:
        """Those of the header that count."""
        return self.resent if self.is_resent else self.normal

    def finish(self, now_s: int, pid: int, lists: frozenset[bytes] | None) -> bytes:
        """The header as it goes into the queue. lists: the lower-case addresses of QMAILMFTFILE, None without it. Raises NotParsed."""
        if self.sender is None:
            self._default_sender(now_s, pid)
        prefix = b"Resent-" if self.is_resent else b""
        added = []
        if self._lacks(prefix, b"date"):
            added.append(b"%bDate: %b\n" % (prefix, date822.stamp(now_s)))
        if self._lacks(prefix, b"message-id"):
            stamp = date822.compact(now_s)
            added.append(b"%bMessage-ID: <%b.%d.qmail@%b>\n" % (prefix, stamp, pid, self._site.id_host))
        if self._lacks(prefix, b"from"):
            added.append(prefix + self._default_from())
        if self._lacks(prefix, b"to") and self._lacks(prefix, b"cc"):
            added.append(prefix + b"Cc: recipient list not shown: ;\n")
        if not prefix and lists is not None and b"mail-followup-to" not in self._seen:
            added.append(self._mail_followup_to(lists))
        return b"".join(added) + b"".join(self._kept)

    def _lacks(self, prefix: bytes, name: bytes) -> bool:
        return prefix.lower() + name not in self._seen

    def _default_sender(self, now_s: int, pid: int) -> None:
        person, user = self._person, self._person.sender_user
        if b"m" in person.letters:
            user = b"%b-%d.%d" % (user, now_s, pid)
        if b"r" in person.letters:
            user += b"-"
        line = token822.write([(ATOM, b"Return-Path"), (COLON, COLON), (QUOTED, user), *_at(person.sender_host)])
        self._rewritten(line, _SENDER)

    def _default_from(self) -> bytes:
        person = self._person
        user = (ATOM if quote_box(person.user) == person.user else QUOTED, person.user)
        address = [user, *_at(person.host)]
        if person.name is not None and b"c" in person.letters:
            address = [*address, (COMMENT, person.name)]
        elif person.name is not None:
            address = [(QUOTED, person.name), (LEFT, LEFT), *address, (RIGHT, RIGHT)]
        return self._rewritten(token822.write([(ATOM, b"From"), (COLON, COLON), *address]), _NOTHING)

    def _mail_followup_to(self, lists: frozenset[bytes]) -> bytes:
        """Where answers go: to all of To and Cc, if one of them is a list the sender reads. Else nothing is added."""
        if lists.isdisjoint(map(bytes.lower, self._to_cc)):
            return b""
        return b"Mail-Followup-To: %b\n" % b",\n  ".join(map(quote, reversed(self._to_cc)))


def _at(host: bytes | None) -> list[Token]:
    return [] if host is None else [(AT, AT), (ATOM, host)]
