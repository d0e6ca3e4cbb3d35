"""From joe to help, which is nobody's account but an alias (qmail's PIC.local2alias)."""

from __future__ import annotations

from tests.end_to_end.conftest import Heaven


def test_p03_local_to_alias(heaven: Heaven) -> None:
    m = heaven.m
    m.dot(m.home / "alias", ".qmail-help", "&fred\n")
    m.start("queue-writer", later=("qmail-send",))

    m.inject("To: help\n\nHi.\n", user="joe")
    ((first, envelope),) = m.queued("todo").items()
    assert envelope.endswith(b"Fjoe@heaven.example.org\0Thelp@heaven.example.org\0")

    # qmail-lspawn: help is in no table, and there is no such account (qmail-getpw): it is for the user alias.
    # qmail-local: does .qmail-help exist in ~alias? Yes: to fred. It puts the message into the queue anew.
    m.up("qmail-send")
    delivery = m.logged(rf"^starting delivery (\d+): msg {first} to local help@heaven\.example\.org$")
    qp = m.logged(rf"^delivery {delivery}: success: did_0\+1\+0/qp_(\d+)/$")
    m.logged(rf"^end msg {first}$")

    # The second message is on its own way: same sender, other recipient. A bare name in a dot-qmail file is one of this host.
    second = m.logged(rf"^info msg (\d+): bytes \d+ from <joe@heaven\.example\.org> qp {qp} uid {(m.home / 'alias').stat().st_uid}$")
    m.logged(rf"^starting delivery \d+: msg {second} to local fred@heaven\.example\.org$")
    (delivered,) = m.mail(heaven.fred / "Maildir")
    lines = delivered.split(b"\n")
    assert lines[:2] == [b"Return-Path: <joe@heaven.example.org>", b"Delivered-To: fred@heaven.example.org"]
    assert lines[2].startswith(b"Received: (qmail ") and b" invoked by " in lines[2]
    assert lines[3] == b"Delivered-To: help@heaven.example.org", "the trace by which a loop is found"
    assert delivered.endswith(b"\nTo: help@heaven.example.org\n\nHi.\n")
    m.until_idle()
