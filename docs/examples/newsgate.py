#!/usr/bin/python3
"""newsgate: post the messages of a Maildir as articles, for maildirserial under tcpclient. See mail-to-news.md.

Usage    newsgate [-s] PREFIX      -s the date of posting instead of the mail's, which servers may find too old
Reads    fd 0 names of files, each with a NUL behind it; the files, whose first lines are Return-Path and Delivered-To: PREFIXGROUP@HOST;
         fd 6 the news server
Writes   fd 7 the news server; fd 1 for each file its name, a NUL, K (posted, or known already), D (never) or Z (later), and a reason
Exits    0 all were answered; 100 usage; 111 the server is gone, or posts nothing now: those without an answer stay where they are
Limits   2000 lines of an article; a message is held in memory
Source   maildirserial(1), RFC 3977, RFC 5536
"""

from __future__ import annotations

import email.utils
import hashlib
import os
import re
import sys

LINES_MAX = 2000
GROUP = re.compile(rb"[a-z0-9+_-]+(\.[a-z0-9+_-]+)*")
FIELD = re.compile(rb"([!-9;-~]+):[ \t]*(.*)", re.DOTALL)

# of the way by mail; what would be an order to the server or its readers; what only the server may say
DROPPED = re.compile(
    rb"received|return-path|delivered-to|x-original-to|errors-to|return-receipt-to|disposition-notification-to|precedence|status|mailing-list"
    rb"|list-.*|dkim-.*|arc-.*|authentication-results|bcc|apparently-to|resent-.*|control|also-control|supersedes|approved|expires|distribution"
    rb"|newsgroups|followup-to|path|xref|lines|bytes|injection-.*|nntp-.*|x-trace|date-received|posting-version|relay-version"
)
RENAMED = {b"to": b"X-To", b"cc": b"X-Cc", b"sender": b"X-Sender"}
ONCE = (b"from", b"subject", b"date", b"message-id", b"references")


class Gone(Exception):
    """The server is not there any more, or does nothing now."""


class Never(Exception):
    """This message will never be an article."""


# -- from a message to an article ----------------------------------------------------------------------------------------------------


def article(message: bytes, prefix: bytes, mtime_s: float, is_stale: bool = False) -> bytes:
    """With LF at the ends of its lines. mtime_s: when the mail came. Raises Never."""
    header, _, body = message.partition(b"\n\n")
    given = fields(header)
    group = group_of(given, prefix)
    kept = [(RENAMED.get(name.lower(), name), value) for name, value in given if not DROPPED.fullmatch(name.lower())]
    seen: dict[bytes, bytes] = {}
    lines = [b"Path: not-for-mail", b"Newsgroups: " + group]
    for name, value in kept:
        low = name.lower()
        if (low in seen and low in ONCE) or (low == b"date" and is_stale):
            name = b"X-" + name
        seen.setdefault(low, value)
        lines.append(name + b": " + value)
    lines += missing(seen, message, mtime_s, is_stale)
    return b"\n".join(lines) + b"\n\n" + text(body)


def fields(header: bytes) -> list[tuple[bytes, bytes]]:
    """Name and value of each, folded as they came. What is no field is left out."""
    found = []
    for line in re.split(rb"\n(?![ \t])", header):
        match = FIELD.fullmatch(line)
        if match and match[2].strip():
            found.append((match[1], match[2].rstrip()))
    return found


def group_of(given: list[tuple[bytes, bytes]], prefix: bytes) -> bytes:
    address = next((value for name, value in given if name.lower() == b"delivered-to"), b"")
    group = address.removeprefix(prefix).rpartition(b"@")[0].lower()
    if not address.startswith(prefix) or not GROUP.fullmatch(group):
        raise Never("Sorry, no newsgroup by that name. (#5.1.1)")
    return group


def missing(seen: dict[bytes, bytes], message: bytes, mtime_s: float, is_stale: bool) -> list[bytes]:
    """What an article needs and the mail did not have. The name of an article is always the same for the same mail: if an answer of the
    server is lost, it knows the second one."""
    found = []
    if b"from" not in seen:
        found.append(b"From: nobody@localhost (no From in the mail)")
    if b"subject" not in seen:
        found.append(b"Subject: (none)")
    if b"message-id" not in seen:
        found.append(b"Message-ID: <%b.newsgate@%b>" % (hashlib.sha256(message).hexdigest()[:32].encode(), os.uname().nodename.encode()))
    if b"date" not in seen or is_stale:
        found.append(b"Date: " + email.utils.formatdate(None if is_stale else mtime_s).encode())
    if b"references" not in seen and b"in-reply-to" in seen:
        names = re.findall(rb"<[^<>@\s]+@[^<>@\s]+>", seen[b"in-reply-to"])
        found += [b"References: " + names[0]] if names else []
    return found


def text(body: bytes) -> bytes:
    """Servers refuse an article without one."""
    lines = body.replace(b"\r", b"").split(b"\n")
    if len(lines) > LINES_MAX:
        lines = [*lines[:LINES_MAX], b"[cut here by the gateway]"]
    return b"\n".join(lines).rstrip(b"\n") + b"\n" if b"".join(lines).strip() else b"(no text)\n"


# -- the server ----------------------------------------------------------------------------------------------------------------------


class Server:
    def __init__(self, source: int, sink: int) -> None:
        self._in, self._out = os.fdopen(source, "rb"), os.fdopen(sink, "wb")

    def say(self, data: bytes) -> bytes:
        """-> the answer, a line. Raises Gone."""
        try:
            self._out.write(data)
            self._out.flush()
            line = self._in.readline(1000)
        except OSError:
            raise Gone("connection died") from None
        if not line.endswith(b"\n") or line[:1] not in b"12345":
            raise Gone("connection died")
        return line.rstrip()

    def begin(self) -> None:
        for said in (b"", b"MODE READER\r\n"):
            answer = self.say(said)
            if answer[:3] not in (b"200", b"500", b"501"):  # 201: no posting; 400: not now
                raise Gone(answer.decode("latin-1"))

    def post(self, data: bytes) -> str:
        """-> what the server said. Raises Never, Gone."""
        answer = self.say(b"POST\r\n")
        if answer[:3] == b"340":
            lines = (b"." + line if line[:1] == b"." else line for line in data.split(b"\n")[:-1])
            answer = self.say(b"\r\n".join(lines) + b"\r\n.\r\n")
        if answer[:3] == b"240" or (answer[:3] == b"441" and re.search(rb"\b(435|duplicate)\b", answer, re.I)):
            return answer.decode("latin-1")
        if answer[:2] == b"44":
            raise Never(answer.decode("latin-1"))
        raise Gone(answer.decode("latin-1"))


def main() -> int:
    words = sys.argv[1:]
    is_stale = words[:1] == ["-s"]
    if len(words) != 1 + is_stale:
        sys.stderr.write("newsgate: usage: newsgate [ -s ] prefix\n")
        return 100
    prefix = os.fsencode(words[-1])
    names = sys.stdin.buffer.read().split(b"\0")[:-1]
    server = Server(6, 7)
    try:
        server.begin()
        for name in names:
            answer(name, *outcome(server, name, prefix, is_stale))
        server.say(b"QUIT\r\n")
    except Gone as why:
        sys.stderr.write(f"newsgate: fatal: {why}\n")
        return 111
    return 0


def outcome(server: Server, name: bytes, prefix: bytes, is_stale: bool) -> tuple[str, str]:
    """-> letter, reason. Raises Gone."""
    try:
        with open(name, "rb") as file:
            return "K", server.post(article(file.read(), prefix, os.fstat(file.fileno()).st_mtime, is_stale))
    except OSError as error:
        return "Z", f"unable to read it: {error.strerror}"
    except Never as why:
        return "D", str(why)


def answer(name: bytes, letter: str, reason: str) -> None:
    sys.stdout.buffer.write(name + b"\0" + f"{letter}{reason}\n".encode("latin-1", "replace"))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main())
