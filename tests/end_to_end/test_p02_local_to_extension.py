"""From joe to fred-sos, an address that fred made for himself (qmail's PIC.local2ext)."""

from __future__ import annotations

from tests.end_to_end.conftest import Heaven


def test_p02_local_to_extension(heaven: Heaven) -> None:
    m, fred = heaven.m, heaven.fred
    m.dot(fred, ".qmail-sos", "./Extramail\n")
    m.start("queue-writer", later=("qmail-send",))

    m.inject("To: fred-sos\n\nHelp.\n", user="joe")
    ((number, envelope),) = m.queued("todo").items()
    message = m.queued("mess")[number]
    assert envelope.endswith(b"Tfred-sos@heaven.example.org\0")

    # qmail-send: local. To it the name is a name.
    m.up("qmail-send")
    delivery = m.logged(rf"^starting delivery (\d+): msg {number} to local fred-sos@heaven\.example\.org$")

    # qmail-lspawn: nobody is called fred-sos; is there a fred? Yes: his is everything that begins with "fred-".
    # qmail-local: does .qmail-sos exist in his home? Yes: ./Extramail, an mbox.
    m.logged(rf"^delivery {delivery}: success: did_1\+0\+0/$")
    from_line, _, rest = (fred / "Extramail").read_bytes().partition(b"\n")
    assert from_line.startswith(b"From joe@heaven.example.org ")
    assert rest == b"Return-Path: <joe@heaven.example.org>\nDelivered-To: fred-sos@heaven.example.org\n" + message + b"\n"
    assert list((fred / "Maildir/new").iterdir()) == []
    m.until_idle()

    # fred-typo is his, too, and he has no file for it: qmail-local says so, and joe gets to read it.
    m.inject("To: fred-typo\n\nHelp!\n", user="joe")
    (bounce,) = m.mail(heaven.joe / "Maildir")
    assert b"\n<fred-typo@heaven.example.org>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n---" in bounce
    m.until_idle()
