"""The sentences of qmail-remote: reports for qmail-rspawn, and through it for the log and the bounce.

Report   letter, text, NUL. r, h, s: one per recipient (accepted, refused for good, refused for now); then one K, Z or D for the message.
Text     whole lines; then "Remote host said: " and the reply, unless that has been repeated already.
Example  b"r\\0" b"K192.0.2.9 accepted message.\\nRemote host said: 250 ok\\n\\0"
Source   qmail-remote.c; the sentences about TLS and about garbled replies are ours
"""

from __future__ import annotations

from mta.errors import MailError
from mta.net.smtp_client.reply import Reply

ACCEPTED = b"r\0"
PARTIAL_LINE = b"DSMTP cannot transfer messages with partial final lines. (#5.6.2)\n\0"
UNREADABLE_MESSAGE = b"ZUnable to read message. (#4.3.0)\n\0"

# texts of Permanent
IMPROPER = "I (qmail-remote) was invoked improperly. (#5.3.5)"
LOOP = (
    "Sorry. Although I'm listed as a best-preference MX or A for that host,\n"
    "it isn't in my control/locals file, so I don't treat it as local. (#5.4.6)"
)
BAD_BYTE = "Sorry, the envelope holds a byte that no SMTP command can carry. (#5.1.3)"
# texts of Temporary
NO_HOME = "Unable to switch to home directory. (#4.3.0)"
NO_CONTROLS = "Unable to read control files. (#4.3.0)"
BAD_OUTGOINGIP = "invalid ipaddr in control/outgoingip (#4.3.0)"
NO_RESOURCES = "System resources temporarily unavailable. (#4.3.0)"
NO_CONNECTION = "Sorry, I wasn't able to establish an SMTP connection. (#4.4.1)"


def of_error(error: MailError) -> bytes:
    """A failure before or instead of a conversation."""
    return b"%b%b\n\0" % (error.letter, error.text.encode("latin-1", "replace"))


def of_each(said: bytes, recipients: int) -> list[bytes]:
    """The reports of one transaction with so many recipients -> for each of them, in order, the reports it would have had alone."""
    *given, end = said.split(b"\0")[:-1]
    found = []
    for number in range(recipients):
        own = given[number] if number < len(given) else b""  # the connection may have been lost among the answers to RCPT
        if is_refused(own):
            found.append(own + b"\0" + giving_up(own[1:].partition(b" ")[0]))
        else:
            found.append(own + b"\0" * bool(own) + end + b"\0")
    return found


def is_refused(report: bytes) -> bool:
    """Of a recipient: not for the message's sake."""
    return report[:1] in (b"h", b"s")


def may_be_a_limit(report: bytes) -> bool:
    """Of a refused recipient: perhaps there were too many before it? 552 is what older servers say for 452 (RFC 5321 4.5.3.1.10)."""
    return report[:1] == b"s" or b"\nRemote host said: 552" in report


def greeting_failed(ip: bytes, reply: Reply) -> bytes:
    return b"ZConnected to %b but greeting failed.\n%b\0" % (ip, _said(reply))


def name_rejected(ip: bytes, reply: Reply) -> bytes:
    return b"ZConnected to %b but my name was rejected.\n%b\0" % (ip, _said(reply))


def sender_rejected(letter: bytes, ip: bytes, reply: Reply) -> bytes:
    return b"%bConnected to %b but sender was rejected.\n%b\0" % (letter, ip, _said(reply))


def recipient_refused(letter: bytes, ip: bytes, reply: Reply) -> bytes:
    """letter: h or s."""
    return b"%b%b does not like recipient.\n%b\0" % (letter, ip, _said(reply))


def giving_up(ip: bytes) -> bytes:
    """No recipient was accepted. What the server said stands in their reports."""
    return b"DGiving up on %b.\n\0" % ip


def data_failed(letter: bytes, ip: bytes, reply: Reply) -> bytes:
    return b"%b%b failed on DATA command.\n%b\0" % (letter, ip, _said(reply))


def message_failed(letter: bytes, ip: bytes, reply: Reply) -> bytes:
    return b"%b%b failed after I sent the message.\n%b\0" % (letter, ip, _said(reply))


def message_accepted(ip: bytes, reply: Reply) -> bytes:
    return b"K%b accepted message.\n%b\0" % (ip, _said(reply))


def died(ip: bytes, *, is_critical: bool) -> bytes:
    """Closed, reset, or silent for too long. is_critical: the server may have taken the message all the same."""
    return b"ZConnected to %b but connection died. %b(#4.4.2)\n\0" % (ip, _DUPLICATE if is_critical else b"")


def garbled(ip: bytes, reply: Reply, *, is_critical: bool) -> bytes:
    return b"ZConnected to %b but it does not speak SMTP. %b(#4.5.0)\n%b\0" % (ip, _DUPLICATE if is_critical else b"", _said(reply))


def no_login(ip: bytes) -> bytes:
    """It is to be used with a password, and offers no way to give it one."""
    return b"ZConnected to %b but it offers no way to log in that I know. (#4.7.0)\n\0" % ip


def login_refused(ip: bytes, reply: Reply) -> bytes:
    return b"ZConnected to %b but it did not let me log in.\n%b\0" % (ip, _said(reply))


def no_tls_for_login(ip: bytes, why: bytes) -> bytes:
    """why: with its RFC 3463 code."""
    return b"ZConnected to %b but no TLS achieved, and no password is sent without it: %b\n\0" % (ip, why)


def no_tls(ip: bytes, name: bytes, why: bytes) -> bytes:
    """Encryption is required. why: with its RFC 3463 code."""
    return b"ZConnected to %b but no TLS achieved while control/tlshosts/%b.pem exists: %b\n\0" % (ip, name, why)


_DUPLICATE = b"Possible duplicate! "


def _said(reply: Reply) -> bytes:
    return b"Remote host said: " + reply.shown if reply.lines else b""
