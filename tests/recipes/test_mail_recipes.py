"""The pages of docs/recipes about mail on its way do what they say."""

from __future__ import annotations

import dataclasses
import ipaddress
import os
import re
import sys

import pytest

from deploy import environment
from mta.unix.ask import ask
from tests.conftest import ROOT
from tests.recipes.conftest import World
from tests.recipes.page import age
from tests.support import unprivileged
from tests.support.process import free_port, own_address, why_not_at
from tests.support.smtp_sink import SmtpSink
from tests.support.unprivileged import IS_ROOT


def test_dot_qmail(world: World) -> None:
    world.m.start("queue-writer", "qmail-send")
    world.page("dot-qmail.md").run()


def test_virtual_domains(world: World) -> None:
    world.m.start("queue-writer", "qmail-send")
    world.page("virtual-domains.md").run()


def test_users(world: World) -> None:
    world.m.start("queue-writer", "qmail-send")
    page = world.page("users.md")
    page.places |= {":65534:65534:": f":{unprivileged.UID}:{unprivileged.GID}:"}
    page.run()


def test_dot_forward(world: World) -> None:
    page, m = world.page("dot-forward.md"), world.m

    def make(_: list[str]) -> None:
        """With the words of the page: what "make run" prepares, without the web."""
        word = re.search(r"DEFAULT_DELIVERY='([^']*)'", page.text)
        assert word is not None
        m.e = dataclasses.replace(m.e, default_delivery=environment.read({"DEFAULT_DELIVERY": word[1]}).default_delivery)
        m.start("queue-writer", "qmail-send", "vmaild")

    page.run({"make": make})
    answer = ask(os.fsencode(m.home) + b"/run/vmaild", [b"explain", b"joe@example.org"])
    assert b"Handed to the command dot-forward .forward, which" in answer[1], "Explain knows of it, too"


def test_fastforward(world: World) -> None:
    world.m.start("queue-writer", "qmail-send")
    world.page("fastforward.md").run()


def test_from_sendmail(world: World) -> None:
    world.m.start("queue-writer", "qmail-send", "smtpd")
    page = world.page("from-sendmail.md")
    page.places = {"127.0.0.1 2525": f"127.0.0.1 {world.m.e.smtp_port}", "/usr/sbin": f"{world.folder}/sbin", **page.places}
    (world.folder / "sbin").mkdir()
    page.run()


def test_serialmail(world: World) -> None:
    reason = why_not_at(25) if IS_ROOT else "qmaild and alias have files of their own here, and port 25 is for root only"
    if reason:
        pytest.skip(reason)
    customer = own_address()
    provider = str(ipaddress.ip_address(customer) + (1 << 23))
    m = world.m
    m.start("queue-writer", "qmail-send")
    page = world.page("serialmail.md")
    page.places |= {"192.0.2.1": provider, "192.0.2.7": customer, "192:0:2:7": customer.replace(".", ":")}

    def later(words: list[str]) -> None:
        age(m.home / page.here(words[0]), b"To: ada@", b"To: bo@", b"To: boss@")

    with SmtpSink(ip=provider, port=25) as isp, SmtpSink(ip=customer, port=25) as theirs:
        page.run({"later": later})
        assert [sorted(r for x in sink.messages for r in x.recipients) for sink in (isp, theirs)] == [
            [b"<ada@elsewhere.example>", b"<bo@far.example>"],
            [b"<boss@customer.example>"],
        ]
        assert len(isp.connections) == 1
        assert theirs.connections[0].commands[0] == b"EHLO AutoTURN"
        assert theirs.messages[0].data.endswith(b"\r\nTo: boss@customer.example\r\n\r\nWelcome.\r\n.\r\n")


def test_routes(world: World) -> None:
    m = world.m
    world.dns.zone |= {
        "backed.example": {"MX": ["10 theirs.example.", "20 ours.example."]},
        "theirs.example": {"A": ["127.0.0.5"]},
        "ours.example": {"A": ["127.0.0.1"]},
    }
    with SmtpSink(ip="127.0.0.3") as cars, SmtpSink(ip="127.0.0.3") as below, SmtpSink(ip="127.0.0.4") as smart:
        page = world.page("routes.md")
        page.places = {
            "example:192.0.2.3:2525": f"example:127.0.0.3:{below.port}",
            "example:192.0.2.3\n": f"example:127.0.0.3:{cars.port}\n",
            ":192.0.2.4\n": f":127.0.0.4:{smart.port}\nbacked.example::{(closed := free_port())}\n",  # by MX, on a port for tests
            "127.0.0.1 25 ": f"127.0.0.1 {m.e.smtp_port} ",
            **page.places,
        }
        m.start("queue-writer", "qmail-send", "smtpd")

        def arrived(_: list[str]) -> None:
            for sink, recipient in ((cars, b"<ann@cars.example>"), (below, b"<bob@old.cars.example>"), (smart, b"<cy@elsewhere.example>")):
                sink.wait(messages=1)
                assert sink.messages[0].recipients == [recipient]

        def up(_: list[str]) -> None:
            m.logged("deferral: Sorry,_I_wasn't_able_to_establish_an_SMTP_connection")
            world.running.enter_context(SmtpSink(ip="127.0.0.5", port=closed))

        page.run({"arrived": arrived, "up": up})


def test_null_client(world: World) -> None:
    m = world.m
    m.start("queue-writer", "qmail-send", "smtpd")
    with SmtpSink(ip="127.0.0.3") as hub:
        page = world.page("null-client.md")
        page.places = {":192.0.2.3": f":127.0.0.3:{hub.port}", **page.places}

        def arrived(_: list[str]) -> None:
            m.until_idle()
            assert {r for x in hub.messages for r in x.recipients} == {b"<sue@example.org>", b"<ada@elsewhere.example>"}
            assert {x.sender.partition(b" ")[0] for x in hub.messages} == {b"<joe@example.org>"}

        page.run({"arrived": arrived})


def test_relaying(world: World) -> None:
    world.m.start("queue-writer", "qmail-send", "smtpd", "vmaild")
    page = world.page("relaying.md")
    page.places["127.0.0.1 25"] = f"127.0.0.1 {world.m.e.smtp_port}"
    page.run()


def test_block_lists(world: World) -> None:
    world.dns.zone |= {
        "2.0.0.127.bl.example.net": {"TXT": ['"see http://bl.example.net/"']},
        "3.0.0.127.bl.example.net": {"TXT": ['"see http://bl.example.net/"']},
        "3.0.0.127.friends.example.net": {"A": ["127.0.0.2"]},
        "4.0.0.127.worst.example.net": {"TXT": ['"the worst"']},
    }
    world.m.start("queue-writer")
    page = world.page("block-lists.md")
    page.places["192.0.2."] = "127.0.0."
    page.env["DNSCACHEIP"] = world.m.e.dnscacheip
    page.run()


def test_services(world: World) -> None:
    world.m.start("queue-writer", "qmail-send", "smtpd")
    page = world.page("services.md")
    page.places["127.0.0.1 7777"] = f"127.0.0.1 {free_port()}"
    page.run()


def test_qmailqueue(world: World) -> None:
    world.m.start("queue-writer", "qmail-send", "smtpd")
    page = world.page("qmailqueue.md")
    page.places["127.0.0.1 25"] = f"127.0.0.1 {world.m.e.smtp_port}"
    page.run()


def test_qfilter(world: World) -> None:
    world.m.start("queue-writer", "qmail-send")
    world.page("qfilter.md").run()


def test_concurrency(world: World) -> None:
    world.m.start("queue-writer", "qmail-send")
    world.page("concurrency.md").run()


def test_queue(world: World) -> None:
    world.m.start("queue-writer", "qmail-send")
    world.page("queue.md").run()


def test_swap(world: World) -> None:
    world.m.start("queue-writer", "qmail-send")
    page = world.page("swap.md")
    page.env["PYTHONPATH"] = str(ROOT)
    page.places["python3 -m"] = f"{os.path.realpath(sys.executable)} -m"
    page.run()


def test_smtp_auth(world: World) -> None:
    world.m.start("queue-writer")
    world.page("smtp-auth.md").run()


def test_ofmipd(world: World) -> None:
    world.m.start("queue-writer", "qmail-send")
    page = world.page("ofmipd.md")
    page.places = {"127.0.0.1 26 ": f"127.0.0.1 {free_port()} ", **page.places}
    page.run()


def test_reports(world: World) -> None:
    world.m.start("queue-writer", "qmail-send")
    world.page("reports.md").run()


def test_mailboxes(world: World) -> None:
    world.m.start("queue-writer", "qmail-send")
    world.page("mailboxes.md").run({"later": lambda words: age(world.folder / "home" / words[0] / words[1], b"The second.")})
