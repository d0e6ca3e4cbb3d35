"""Questions to the servers of the instance that know what no file says: vmaild (the mailboxes), qmail-send (the queue).

Both raise Permanent (no), and Temporary (not now, or nobody answers) with a sentence that says what to do.
"""

from __future__ import annotations

import json
from typing import Any

from mta.errors import Permanent, Temporary
from mta.formats import ask as ask_format
from mta.unix.ask import ask
from webadmin.mirror.install import home

TIMEOUT_S = 20.0
MAILBOXES_AWAY = "vmaild, which knows the mailboxes, does not answer. Mail still flows. See service/vmaild/log why it stopped."
QUEUE_AWAY = "qmail-send does not answer: mail is still taken in, and waits. Start it, or see service/qmail-send/log why it stopped."


def vmaild(*words: bytes, timeout_s: float = TIMEOUT_S) -> Any:
    """An answer in JSON."""
    return json.loads(_ask(b"run/vmaild", words, MAILBOXES_AWAY, timeout_s))


def queue(*words: bytes, timeout_s: float = TIMEOUT_S) -> Any:
    return json.loads(_ask(b"run/qmail-send/orders", words, QUEUE_AWAY, timeout_s))


def queue_head(messnum: int) -> bytes:
    """The first 64 KiB of a message."""
    return _ask(b"run/qmail-send/orders", (b"head", b"%d" % messnum), QUEUE_AWAY)


def _ask(path: bytes, words: tuple[bytes, ...], away: str, timeout_s: float = TIMEOUT_S) -> bytes:
    try:
        verdict, *answer = ask(home() + b"/" + path, list(words), timeout_s)
    except Temporary as error:
        raise Temporary(away, error.text) from error
    if verdict == ask_format.YES and answer:
        return answer[0]
    text = b" ".join(answer).decode("utf-8", "replace")
    raise (Permanent if verdict == ask_format.NO else Temporary)(text)
