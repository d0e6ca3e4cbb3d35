"""From joe to fred, on one machine (qmail's PIC.local2local)."""

from __future__ import annotations

import re

from tests.end_to_end.conftest import Heaven


def test_p01_local_to_local(heaven: Heaven) -> None:
    m = heaven.m
    m.start("queue-writer", later=("qmail-send",))

    # qmail-inject completes envelope and header. The queue writer puts both on disk, and there they stay until somebody delivers.
    m.inject("To: fred\n\nHi.\n", user="joe")
    ((number, envelope),) = m.queued("todo").items()
    assert envelope.endswith(b"\0Fjoe@heaven.example.org\0Tfred@heaven.example.org\0")
    message = m.queued("mess")[number]
    said = rb"Received: .*\nDate: .*\nMessage-ID: .*\nFrom: joe@heaven\.example\.org\nTo: fred@heaven\.example\.org\n\nHi\.\n"
    assert re.fullmatch(said, message)

    # qmail-send: is heaven.example.org in control/locals? Yes. So the delivery is local, to fred@heaven.example.org.
    m.up("qmail-send")
    m.logged(rf"^info msg {number}: bytes {len(message)} from <joe@heaven\.example\.org> qp \d+ uid \d+$")
    delivery = m.logged(rf"^starting delivery (\d+): msg {number} to local fred@heaven\.example\.org$")

    # qmail-lspawn: who is fred? It gives the message to that user. qmail-local: does fred have a .qmail? No. Then into the Maildir.
    (delivered,) = m.mail(heaven.fred / "Maildir")
    assert delivered == b"Return-Path: <joe@heaven.example.org>\nDelivered-To: fred@heaven.example.org\n" + message
    (file,) = (heaven.fred / "Maildir/new").iterdir()
    assert file.stat().st_uid == heaven.fred.stat().st_uid

    # qmail-send: done. Nothing of the message is left.
    m.logged(rf"^delivery {delivery}: success: did_1\+0\+0/$")
    m.logged(rf"^end msg {number}$")
    m.until_idle()
