"""The two failure classes, and the one table between all the forms they take.

              exit of a program   qmail-queue            qmail-remote   report to qmail-send   SMTP   log word
done          0 (99: stop here)   0                      r / K          K                      2xx    success
Temporary     111                 51-74, 81, 91, 41+     s / Z          Z                      4xx    deferral
Permanent     100                 11-40, 115             h / D          D                      5xx    failure

What nobody foresaw is Temporary: mail waits rather than bounces by our own bug.
Source   qmail-queue(8), qmail-send(8), RFC 3463
"""

from __future__ import annotations

DONE, TEMPORARY, PERMANENT = b"K", b"Z", b"D"


class MailError(Exception):
    """text: one line that strangers may read, with its RFC 3463 code; why: for the log only."""

    exit = 111
    letter = TEMPORARY

    def __init__(self, text: str, why: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.why = why


class Temporary(MailError):
    """Try again later."""


class Permanent(MailError):
    """Never try again."""

    exit = 100
    letter = PERMANENT


# What the caller of qmail-queue says for each exit code (qmail-queue(8); 82 is notqmail's "text on descriptor 6").
_QUEUE_TEXTS = {
    11: "envelope address too long for qq (#5.1.3)",
    31: "mail server permanently rejected message (#5.3.0)",
    51: "qq out of memory (#4.3.0)",
    52: "qq timeout (#4.3.0)",
    53: "qq write error or disk full (#4.3.0)",
    54: "qq read error (#4.3.0)",
    55: "qq unable to read configuration (#4.3.0)",
    56: "qq trouble making network connection (#4.3.0)",
    61: "qq trouble in home directory (#4.3.0)",
    62: "qq trouble creating files in queue (#4.3.0)",
    63: "qq trouble creating files in queue (#4.3.0)",
    64: "qq trouble creating files in queue (#4.3.0)",
    65: "qq trouble creating files in queue (#4.3.0)",
    66: "qq trouble creating files in queue (#4.3.0)",
    71: "mail server temporarily rejected message (#4.3.0)",
    72: "connection to mail server timed out (#4.4.1)",
    73: "connection to mail server rejected (#4.4.1)",
    74: "communication with mail server failed (#4.4.2)",
    81: "qq internal bug (#4.3.0)",
    91: "qq internal bug (#4.3.0)",
    115: "envelope address too long for qq (#5.1.3)",
    120: "unable to exec qq (#4.3.0)",
}
QUEUE_CUSTOM = 82  # the reason stands on descriptor 6
_CUSTOM_MIN, _CUSTOM_MAX = 3, 255


def queue_failure(code: int, custom: bytes = b"") -> MailError | None:
    """Exit code of qmail-queue (negative: killed by that signal) and its descriptor 6 -> None when queued, else the failure."""
    if code == 0:
        return None
    if code < 0:
        return Temporary("qq crashed (#4.3.0)")
    if code == QUEUE_CUSTOM and len(custom) >= _CUSTOM_MIN:
        text = custom[1:_CUSTOM_MAX].decode("latin-1")
        return Permanent(text) if custom[:1] == PERMANENT else Temporary(text)
    permanent = 11 <= code <= 40 or code == 115
    default = "qq permanent problem (#5.3.0)" if permanent else "qq temporary problem (#4.3.0)"
    return (Permanent if permanent else Temporary)(_QUEUE_TEXTS.get(code, default))
