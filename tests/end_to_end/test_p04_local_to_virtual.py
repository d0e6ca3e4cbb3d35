"""From joe to somebody of a domain that is fred's on this machine (qmail's PIC.local2virt)."""

from __future__ import annotations

from tests.end_to_end.conftest import Heaven


def test_p04_local_to_virtual(heaven: Heaven) -> None:
    m, fred = heaven.m, heaven.fred
    m.control(virtualdomains="nirvana.example:fred-nirvana")
    m.dot(fred, ".qmail-nirvana-default", '|echo "$DEFAULT of $HOST" >>whom\n./Maildir/\n')
    m.start("queue-writer", later=("qmail-send",))

    # qmail-inject and the queue know nothing of virtual domains.
    m.inject("To: bill@nirvana.example\n\nHi.\n", user="joe")
    ((number, envelope),) = m.queued("todo").items()
    assert envelope.endswith(b"Tbill@nirvana.example\0")

    # qmail-send: in control/locals? No. In control/virtualdomains? Yes: what it says and a dash go before the address.
    m.up("qmail-send")
    delivery = m.logged(rf"^starting delivery (\d+): msg {number} to local fred-nirvana-bill@nirvana\.example$")

    # qmail-lspawn: fred-nirvana-bill is fred's. qmail-local: .qmail-nirvana-bill? No. .qmail-nirvana-default? Yes.
    m.logged(rf"^delivery {delivery}: success: did_1\+0\+1/$")
    assert (fred / "whom").read_text() == "bill of nirvana.example\n"
    (delivered,) = m.mail(fred / "Maildir")
    assert delivered.startswith(b"Return-Path: <joe@heaven.example.org>\nDelivered-To: fred-nirvana-bill@nirvana.example\n")
    assert b"\nTo: bill@nirvana.example\n" in delivered
    m.until_idle()
