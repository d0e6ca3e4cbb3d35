"""Send a message on to other addresses: one queue transaction for all of them.

Message  the line that says who it was delivered to (so that a loop is noticed), then the message as it is, no Return-Path
Source   qmail-local.c mailforward
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mta.errors import MailError
from mta.unix import mess, queue_call
from mta.unix.mess import Message
from mta.unix.queue_call import QueueCall


@dataclass(frozen=True, slots=True)
class Forward:
    head: bytes
    sender: bytes
    recipients: Sequence[bytes]


def send(home: bytes, env: Mapping[bytes, bytes], forward: Forward, source: Message) -> int:
    """home: the instance -> the number under which the log knows the new message. Raises Temporary or Permanent."""
    call = queue_call.open_(home, env)
    write(call, forward, source)
    failure = call.commit(forward.sender, forward.recipients)
    if failure is not None:
        raise failed(failure)
    return call.qp


def write(call: QueueCall, forward: Forward, source: Message) -> None:
    """Hand the message over. Raises Temporary; nothing will be queued then."""
    call.write(forward.head)
    try:
        for piece in mess.pieces(source):
            call.write(piece)
    except MailError:
        call.abandon()
        raise


def failed(failure: MailError) -> MailError:
    """What the queue said -> what goes into the report."""
    return type(failure)(f"Unable to forward message: {failure.text}.", failure.why)
