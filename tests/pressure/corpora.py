"""The recorded hostile inputs, and the right answer to each: what must be said, and what must be in the queue afterwards.

COMMANDS   id of smtp-commands -> what smtpd, submission (nobody logged in) and qmail-smtpd answer, as a pattern over the codes: "250 553"
           are two replies, "250*" is the same more than three times, "x" stands for the end of the connection. Of a reply of many
           lines the last counts. Where the three differ there is one for each
NETSTRINGS id of imap-pop-qmtp, QMTP and QMQP -> "closed" without a word, or "waits" for what was announced
NOT_HERE   which of imap-pop-qmtp do not apply, and why
"""

from __future__ import annotations

import re

Answer = str | dict[str, str]

COMMANDS: dict[str, Answer] = {
    "nul-in-mail": {"smtpd": "250 553", "submission": "250 530", "qmail-smtpd": "250 553"},
    "nul-in-rcpt-envelope-injection": {
        "smtpd": "250 250 553 503 502 502 502 221 x",
        "submission": "250 530 503 503 502 502 502 221 x",
        "qmail-smtpd": "250 250 553 503 502 502 502 221 x",
    },
    "lf-in-rcpt": {"smtpd": "250 250 451 x", "submission": "250 530 451 x", "qmail-smtpd": "250 250 451 x"},
    "cr-in-mail": {"smtpd": "250 553 221 x", "submission": "250 530 221 x", "qmail-smtpd": "250 553 221 x"},
    "bare-lf-commands": "451 x",
    "longline-1M": "500 221 x",
    "no-newline-8M": "",
    "addr-900": {"smtpd": "250 555 221 x", "submission": "250 530 221 x", "qmail-smtpd": "250 555 221 x"},
    "route-bomb": "250 500 221 x",
    "quote-bomb": "250 500 221 x",
    "paren-bomb": "250 500 221 x",
    "angle-bomb": "250 500 221 x",
    "rset-flood": "250*",
    "noop-arg-flood": "250*",
    "unread-replies": "250 214*",
    "starttls-twice": {"smtpd": "250 220", "submission": "250 220", "qmail-smtpd": "250 502 502"},
    "auth-oversize": "250 500",
    "auth-bad-b64": {"smtpd": "250 503", "submission": "250 501", "qmail-smtpd": "250 503"},
    "auth-nul-variants": {"smtpd": "250 503 503 503", "submission": "250 501 501 501", "qmail-smtpd": "250 503 503 503"},
    "auth-cancel": {"smtpd": "250 503 502 221 x", "submission": "250 334 501 221 x", "qmail-smtpd": "250 503 502 221 x"},
    "bdat-unadvertised": "250 502",
    "http-request": "502 x",
    "early-talker": {"smtpd": "250", "submission": "530", "qmail-smtpd": "250"},
    "proxy-header": "502 250",
    "size-negative": {"smtpd": "250 501", "submission": "250 530", "qmail-smtpd": "250 250"},
    "utf8-addr-no-smtputf8": {"smtpd": "250 250", "submission": "250 530", "qmail-smtpd": "250 250"},
    "ctrl-z": {"smtpd": "250 501", "submission": "250 530", "qmail-smtpd": "250 250"},
    "tls-hello-on-plain": "502",
    "received-flood": {
        "smtpd": "250 250 250 354 554 221 x",
        "submission": "250 530 503 503 502* 421 x",
        "qmail-smtpd": "250 250 250 354 554 221 x",
    },
    "xclient": "250 502",
    "xforward": "250 502",
}

_REPLY = re.compile(rb"^(\d\d\d)(?: .*)?\r\n", re.MULTILINE)


def codes(heard: bytes, is_closed: bool) -> str:
    """What was said, as COMMANDS has it: the same reply again and again, more than three times, is told once with a star."""
    found = [code.decode() for code in _REPLY.findall(heard)]
    short: list[str] = []
    for code in found:
        short.append(code)
        if len(short) >= 4 and len(set(short[-4:])) == 1:
            short[-4:] = [code + "*"]
        elif len(short) >= 2 and short[-2] == code + "*":
            short.pop()
    return " ".join([*short, *["x"] * is_closed])


def answer(table: dict[str, Answer], case: str, door: str) -> str:
    found = table[case]
    return found if isinstance(found, str) else found[door]


# -- smuggling ---------------------------------------------------------------------------------------------------------------------

_STRAY = re.compile(rb"(?<!\r)\n")


def marked(data: bytes, number: int) -> bytes:
    """The same, its two senders bearing the case's number."""
    return data.replace(b"<a@remote.test>", b"<a-%d@remote.test>" % number).replace(
        b"<admin@remote.test>", b"<admin-%d@remote.test>" % number
    )


def right(data: bytes, is_control: bool) -> tuple[int, int]:
    """-> (messages, of them smuggled ones) that there are to be: the control cases hold two, and a LF without its CR ends the session."""
    if is_control:
        return 2, 1
    return (0, 0) if _STRAY.search(data) else (1, 0)


# -- POP3, QMTP, QMQP --------------------------------------------------------------------------------------------------------------

NOT_HERE = {"imap": "IMAP is not served"}
NETSTRINGS = {
    "qmtp-0": "closed",  # 111: longer than anything we take
    "qmtp-1": "closed",
    "qmtp-2": "closed",  # its first octet is no line end: that is known before the rest comes
    "qmtp-3": "closed",  # its lengths are wrong; test_hostile has one whose are right
    "qmtp-4": "closed",
    "qmtp-5": "closed",
    "qmtp-6": "closed",
    "qmqp-0": "waits",  # for four octets more, or the client's end
    "qmqp-2": "closed",
}
