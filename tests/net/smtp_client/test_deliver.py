"""Whole deliveries: name server, table of time-outs, connections, servers that behave and servers that do not."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mta.decisions import spawn_report
from mta.formats import tcpto as table
from mta.net.smtp_client.message import PIECE, Message
from mta.net.smtp_client.pool import Limits, Pool
from mta.net.smtp_client.state import ORIGINAL, Envelope, Profile
from mta.unix.tcpto import TcpTo
from tests.net.smtp_client.conftest import MESSAGE, CourierOf, opened, run, send, send_and_close
from tests.support.dns_server import NXDOMAIN, SERVFAIL, DnsServer
from tests.support.smtp_sink import CLOSE, HANG, RESET, SmtpSink, Then, unreachable

OWN = frozenset(("127.0.0.1", "0.0.0.0"))
NO_CONNECTION = b"ZSorry, I wasn't able to establish an SMTP connection. (#4.4.1)\n\0"
LOOP = (
    b"DSorry. Although I'm listed as a best-preference MX or A for that host,\n"
    b"it isn't in my control/locals file, so I don't treat it as local. (#5.4.6)\n\0"
)
ALL = (b"PIPELINING", b"SIZE 10000000", b"8BITMIME")


def own() -> frozenset[str]:
    return OWN


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with SmtpSink(ip="127.0.0.2") as one:
        yield one


def route(sink: SmtpSink) -> list[bytes]:
    return [b":%b:%d" % (sink.ip.encode(), sink.port)]


def by_mx(sink: SmtpSink) -> list[bytes]:
    """No relay, but the sink's port."""
    return [b"::%d" % sink.port]


# -- what is sent and reported ---------------------------------------------------------------------------------------------------------


def test_a_message_arrives_with_all_the_server_offers(courier: CourierOf) -> None:
    with SmtpSink(offers=ALL) as sink:
        said = run(courier(routes=route(sink)), message=b"A: \xe9\n\n.dot\nend\n")
        sink.wait(over=1)
    assert said == b"r\0K127.0.0.1 accepted message.\nRemote host said: 250 queued\n\0"
    assert sink.messages[0].data == b"A: \xe9\r\n\r\n..dot\r\nend\r\n.\r\n"
    assert sink.connections[0].raw == (
        b"EHLO mx.oracle.test\r\nMAIL FROM:<s@x.test> SIZE=19 BODY=8BITMIME\r\nRCPT TO:<u@dest.test>\r\nDATA\r\n"
        b"A: \xe9\r\n\r\n..dot\r\nend\r\n.\r\nQUIT\r\n"
    )


def test_r01_addresses_are_quoted(courier: CourierOf, sink: SmtpSink) -> None:
    run(courier(routes=route(sink)), sender=b"se nd@x.y", to=(b'a"b@dest.test',))
    assert sink.connections[0].commands[1:3] == [b'MAIL FROM:<"se nd"@x.y>', b'RCPT TO:<"a\\"b"@dest.test>']


@pytest.mark.parametrize("offers", [(), ALL], ids=["one by one", "together"])
def test_r02_each_recipient_has_its_own_report(offers: tuple[bytes, ...], courier: CourierOf) -> None:
    with SmtpSink(replies={"RCPT": [b"250 ok\r\n", b"550 no\r\n", b"450 busy\r\n"]}, offers=offers) as sink:
        said = run(courier(routes=route(sink)), to=(b"a@dest.test", b"b@dest.test", b"c@dest.test"))
    assert said == (
        b"r\0h127.0.0.1 does not like recipient.\nRemote host said: 550 no\n\0"
        b"s127.0.0.1 does not like recipient.\nRemote host said: 450 busy\n\0"
        b"K127.0.0.1 accepted message.\nRemote host said: 250 queued\n\0"
    )
    assert sink.messages[0].recipients == [b"<a@dest.test>"]


def test_r03_a_recipient_refused_for_now_is_tried_again(courier: CourierOf) -> None:
    with SmtpSink(replies={"RCPT": b"450 busy\r\n"}) as sink:
        said = run(courier(routes=route(sink)))
    assert said == b"s127.0.0.1 does not like recipient.\nRemote host said: 450 busy\n\0DGiving up on 127.0.0.1.\n\0"
    assert spawn_report.remote(0, said)[0] == b"Z"


def test_r04_a_refused_greeting_is_temporary_and_no_other_exchanger_is_tried(courier: CourierOf) -> None:
    with (
        SmtpSink(ip="127.0.0.2", replies={"greeting": Then(b"554 no\r\n", CLOSE)}) as first,
        SmtpSink(ip="127.0.0.3", port=first.port) as second,
        DnsServer({"dest.test": {"MX": ["10 [127.0.0.2].", "20 [127.0.0.3]."]}}) as dns,
    ):
        said = run(courier(routes=by_mx(first), dns=dns.address))
    assert said == b"ZConnected to 127.0.0.2 but greeting failed.\nRemote host said: 554 no\n\0"
    assert not second.connections


def test_r05_a_last_line_without_end_gets_one_or_is_refused_as_by_the_original(courier: CourierOf) -> None:
    with SmtpSink() as sink:
        assert run(courier(routes=route(sink)), message=b"a\nb").startswith(b"r\0K")
        said = run(courier(routes=route(sink), profile=Profile(adds_newline=False)), message=b"a\nb")
        sink.wait(over=2)
    assert said == b"r\0DSMTP cannot transfer messages with partial final lines. (#5.6.2)\n\0"
    assert [m.data for m in sink.messages] == [b"a\r\nb\r\n.\r\n"]
    assert sink.connections[1].raw.endswith(b"DATA\r\na\r\nb"), "the server sees no end, and no QUIT"


def test_r06_dots_that_begin_lines_are_doubled(courier: CourierOf, sink: SmtpSink) -> None:
    run(courier(routes=route(sink)), message=b".dot\n..two\n")
    assert sink.messages[0].data == b"..dot\r\n...two\r\n.\r\n"


@pytest.mark.parametrize("end", [CLOSE, RESET, HANG], ids=["closed", "reset", "silent"])
def test_r07_an_end_after_the_final_dot_may_mean_a_duplicate(end: object, courier: CourierOf) -> None:
    with SmtpSink(replies={".": end}) as sink:
        said = run(courier(routes=route(sink), timeoutremote_s=0.5 if end is HANG else 30.0))
    assert said == b"r\0ZConnected to 127.0.0.1 but connection died. Possible duplicate! (#4.4.2)\n\0"


@pytest.mark.parametrize("stage", ["greeting", "EHLO", "MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("end", [CLOSE, RESET, HANG], ids=["closed", "reset", "silent"])
def test_an_end_at_any_other_time_is_reported_without_that_warning(stage: str, end: object, courier: CourierOf) -> None:
    with SmtpSink(replies={stage: end}) as sink:
        said = run(courier(routes=route(sink), timeoutremote_s=0.5 if end is HANG else 30.0))
    if end is RESET and stage == "greeting" and said == NO_CONNECTION:
        return  # the reset was there before we were told that the connection is
    assert said.removeprefix(b"r\0") == b"ZConnected to 127.0.0.1 but connection died. (#4.4.2)\n\0"
    assert said.startswith(b"r\0") == (stage == "DATA")


@pytest.mark.parametrize(
    ("why", "early", "report"),
    [
        ("it says why it will not read the rest", b"552 too big\r\n",
         b"D127.0.0.1 failed after I sent the message.\nRemote host said: 552 too big\n\0"),
        ("it cannot have accepted what it has not seen", b"250 ok\r\n", b"ZConnected to 127.0.0.1 but connection died. (#4.4.2)\n\0"),
    ],
)  # fmt: skip
def test_a_server_that_answers_in_the_middle_of_the_message(why: str, early: bytes, report: bytes, courier: CourierOf) -> None:
    script: list[tuple[object, ...]] = []
    for reply in (b"220 hi\r\n", b"250 mx\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n", early):
        script += [("send", reply), ("line",)]
    with SmtpSink(script=[*script, ("hang",)]) as sink:
        said = run(courier(routes=route(sink)), message=b"x\n" * (32 << 20))
    assert said == b"r\0" + report, why


LARGE = b"0123456789abcde\n" * (1 << 20)
TO_DATA: list[tuple[object, ...]] = [
    act for reply in (b"220 hi\r\n", b"250 mx\r\n", b"250 ok\r\n", b"250 ok\r\n") for act in (("send", reply), ("line",))
]


def test_a_server_that_stops_reading_for_a_while_gets_the_rest_afterwards(courier: CourierOf) -> None:
    async def slow() -> bytes:
        asyncio.get_running_loop().call_later(0.2, go_on.set)
        return await send_and_close(courier(routes=route(sink)), message=LARGE)

    go_on = threading.Event()
    script = [*TO_DATA, ("send", b"354 go\r\n"), ("hold", go_on), ("data",), ("send", b"250 queued\r\n"), ("line",)]
    with SmtpSink(script=script) as sink:
        assert asyncio.run(slow()) == b"r\0K127.0.0.1 accepted message.\nRemote host said: 250 queued\n\0"
        sink.wait(over=1)
    assert sink.connections[0].saw[4] == b"<<%b>>" % LARGE.replace(b"\n", b"\r\n")[:-2]


def test_a_server_that_stops_reading_for_good_is_given_up(courier: CourierOf) -> None:
    with SmtpSink(script=[*TO_DATA, ("send", b"354 go\r\n"), ("hold", threading.Event())]) as sink:
        said = run(courier(routes=route(sink), timeoutremote_s=0.5), message=LARGE)
    assert said == b"r\0ZConnected to 127.0.0.1 but connection died. (#4.4.2)\n\0"


def test_a_server_that_answers_before_it_is_asked_has_accepted_nothing(courier: CourierOf) -> None:
    with SmtpSink(script=[("send", b"220 hi\r\n" + b"250 ok\r\n" * 100_000), ("hang",)]) as sink:
        said = run(courier(routes=route(sink)))
    assert said == b"r\0ZConnected to 127.0.0.1 but connection died. (#4.4.2)\n\0"


def test_r18_a_message_cannot_end_itself(courier: CourierOf, sink: SmtpSink) -> None:
    run(courier(routes=route(sink)), message=b"a\rb\r\nc\r.\rd\n\r.\r\nMAIL FROM:<evil@x.test>\r\n")
    sink.wait(over=1)
    assert sink.messages[0].data == b"a\r\nb\r\nc\r\n..\r\nd\r\n\r\n..\r\nMAIL FROM:<evil@x.test>\r\n.\r\n"
    assert [c[:4] for c in sink.connections[0].commands] == [b"EHLO", b"MAIL", b"RCPT", b"DATA", b"QUIT"]


@pytest.mark.parametrize("bad", [b"u\n@dest.test", b"u\r@dest.test", b"u\0@dest.test"])
def test_no_address_can_begin_another_command(bad: bytes, courier: CourierOf, sink: SmtpSink) -> None:
    refused = b"DSorry, the envelope holds a byte that no SMTP command can carry. (#5.1.3)\n\0"
    assert run(courier(routes=route(sink)), to=(bad,)) == refused
    assert run(courier(routes=route(sink)), sender=bad) == refused
    assert not sink.connections


def test_large_messages_come_whole(courier: CourierOf, sink: SmtpSink) -> None:
    message = b"".join(b"%d line\n" % i for i in range(200_000))
    assert len(message) > 20 * PIECE
    assert run(courier(routes=route(sink)), message=message).startswith(b"r\0K")
    assert sink.messages[0].data == message.replace(b"\n", b"\r\n") + b".\r\n"


def test_a_message_from_a_pipe_is_sent_without_its_size(courier: CourierOf) -> None:
    async def from_pipe() -> bytes:
        read, write = os.pipe()
        os.write(write, MESSAGE)
        os.close(write)
        remote = courier(routes=route(sink))
        with open(read, "rb"):
            said = await remote.deliver(b"dest.test", Envelope(b"", (b"u@dest.test",)), Message(read))
        await remote.pool.close()
        return said

    with SmtpSink(offers=ALL) as sink:
        assert asyncio.run(from_pipe()).startswith(b"r\0K")
        sink.wait(over=1)
    assert sink.messages[0].data == MESSAGE.replace(b"\n", b"\r\n") + b".\r\n"
    assert sink.connections[0].commands[1] == b"MAIL FROM:<> BODY=8BITMIME"


def test_a_message_that_cannot_be_read_is_temporary(courier: CourierOf, sink: SmtpSink, tmp_path: Path) -> None:
    async def unreadable() -> bytes:
        fd = os.open(tmp_path, os.O_RDONLY)  # a directory opens, and cannot be read
        try:
            return await courier(routes=route(sink)).deliver(b"dest.test", Envelope(b"", (b"u@dest.test",)), Message(fd))
        finally:
            os.close(fd)

    assert asyncio.run(unreadable()) == b"ZUnable to read message. (#4.3.0)\n\0"


# -- where it goes ---------------------------------------------------------------------------------------------------------------------


def mx(*records: str) -> dict[str, dict[str, list[str]]]:
    return {"dest.test": {"MX": list(records)}}


@pytest.mark.parametrize(
    ("why", "records", "said"),
    [
        ("we are the best", ("10 [127.0.0.1].", "20 [127.0.0.2]."), LOOP),
        ("we are among the best", ("10 [127.0.0.1].", "10 [127.0.0.2]."), LOOP),
        ("the address that means ourselves", ("10 [0.0.0.0].",), LOOP),
        ("another is better", ("10 [127.0.0.2].", "20 [127.0.0.1].", "30 [127.0.0.3]."), b"127.0.0.2"),
    ],
)
def test_r08_what_is_not_better_than_ourselves_is_left_out(why: str, records: tuple[str, ...], said: bytes, courier: CourierOf) -> None:
    with SmtpSink(ip="127.0.0.2") as sink, DnsServer(mx(*records)) as dns:
        remote = courier(routes=by_mx(sink), dns=dns.address, own_addresses=own)
        assert said in run(remote), why


def test_r08_behind_ourselves_nobody_is_tried_even_when_the_better_is_away(courier: CourierOf) -> None:
    with SmtpSink(ip="127.0.0.3") as worse, DnsServer(mx("10 [127.0.0.2].", "20 [127.0.0.1].", "30 [127.0.0.3].")) as dns:
        assert run(courier(routes=by_mx(worse), dns=dns.address, own_addresses=own)) == NO_CONNECTION
    assert not worse.connections


def test_the_next_exchanger_is_tried_when_the_first_cannot_be_reached(courier: CourierOf, tcpto: bytes) -> None:
    with SmtpSink(ip="127.0.0.3") as sink, DnsServer(mx("10 [127.0.0.2].", "20 [127.0.0.3].")) as dns:
        assert b"K127.0.0.3 accepted" in run(courier(routes=by_mx(sink), dns=dns.address, own_addresses=own))


def test_equal_exchangers_are_shuffled(courier: CourierOf) -> None:
    with (
        SmtpSink(ip="127.0.0.2") as one,
        SmtpSink(ip="127.0.0.3", port=one.port) as two,
        DnsServer(mx("10 [127.0.0.2].", "10 [127.0.0.3].")) as dns,
    ):
        for shuffle in (lambda found: found.sort(key=lambda e: e.ip), lambda found: found.sort(key=lambda e: e.ip, reverse=True)):
            run(courier(routes=by_mx(one), dns=dns.address, own_addresses=own, shuffle=shuffle))
        one.wait(messages=1)
        two.wait(messages=1)


@pytest.mark.parametrize(("host", "goes"), [(b"a.wild.x", True), (b"A.WILD.X", True), (b"wild.x", False)])
def test_r09_a_suffix_is_for_what_is_below_it(host: bytes, goes: bool, courier: CourierOf, sink: SmtpSink) -> None:
    with DnsServer({"wild.x": NXDOMAIN}) as dns:
        said = run(courier(routes=[b".wild.x:127.0.0.2:%d" % sink.port], dns=dns.address), host=host)
    assert (b"accepted" in said) == goes


def test_r10_an_empty_relay_means_mx(courier: CourierOf, sink: SmtpSink) -> None:
    with DnsServer({"sub.x": SERVFAIL}) as dns:
        remote = courier(routes=[b"sub.x:", *route(sink)], dns=dns.address)
        assert run(remote, host=b"sub.x") == b"ZSorry, I couldn't find any host by that name. (#4.1.2)\n\0"
        assert b"accepted" in run(remote, host=b"other.x")


@pytest.mark.parametrize("port", [b"abc", b"", b"0", b"65536", b"99999999999999999999"])
def test_r11_a_port_that_is_none_fails(port: bytes, courier: CourierOf) -> None:
    assert run(courier(routes=[b"dest.test:127.0.0.2:" + port])) == NO_CONNECTION


def test_r12_a_route_may_lead_to_ourselves(courier: CourierOf) -> None:
    with SmtpSink(ip="127.0.0.1") as sink:
        assert b"K127.0.0.1" in run(courier(routes=route(sink), own_addresses=own))


@pytest.mark.parametrize("host", [b"[127.0.0.2]", b"127.0.0.2"])
def test_r13_an_address_is_used_directly(host: bytes, courier: CourierOf, sink: SmtpSink) -> None:
    assert b"K127.0.0.2" in run(courier(routes=by_mx(sink), own_addresses=own), host=host)


def test_r13_unless_it_is_our_own(courier: CourierOf) -> None:
    assert run(courier(own_addresses=own), host=b"[127.0.0.1]") == LOOP


@pytest.mark.parametrize("records", [("0 .",), ("10 nowhere.test.",)])
def test_r14_exchangers_that_cannot_be_are_permanent(records: tuple[str, ...], courier: CourierOf) -> None:
    with DnsServer(mx(*records)) as dns:
        assert run(courier(dns=dns.address)) == b"DSorry, I couldn't find a mail exchanger or IP address. (#5.4.4)\n\0"


def test_r15_a_name_that_does_not_exist_is_permanent_and_trouble_is_not(courier: CourierOf) -> None:
    with DnsServer({"broken.test": SERVFAIL}) as dns:
        remote = courier(dns=dns.address)
        assert run(remote, host=b"No.Such") == b"DSorry, I couldn't find any host named No.Such. (#5.1.2)\n\0"
        assert run(remote, host=b"broken.test") == b"ZSorry, I couldn't find any host by that name. (#4.1.2)\n\0"


def test_ipv6_is_spoken_where_it_is_written(courier: CourierOf) -> None:
    try:
        server = SmtpSink(ip="::1")
    except OSError:
        pytest.skip("this machine has no IPv6")
    with server as sink:
        assert b"K::1 accepted message." in run(courier(routes=[b"dest.test:[::1]:%d" % sink.port]))


# -- the table of time-outs ------------------------------------------------------------------------------------------------------------


def entries(path: bytes) -> list[table.Entry]:
    with open(path, "rb") as file:
        return [e for e in table.read(file.read()) if e.count]


def test_r16_an_address_that_times_out_twice_is_left_out_for_an_hour(courier: CourierOf, tcpto: bytes) -> None:
    with unreachable() as (ip, port):
        packed = b"\x7f\0\0\1"

        def at(now_s: int) -> bytes:
            remote = courier(routes=[b":%b:%d" % (ip.encode(), port)], timeoutconnect_s=0.1, now_s=lambda: now_s)
            return run(remote)

        for now_s, count, when_s in ((1000, 1, 1000), (1119, 1, 1000), (1120, 2, 1120), (2000, 2, 1120), (4959, 2, 1120), (4960, 3, 4960)):
            assert at(now_s) == NO_CONNECTION
            assert entries(tcpto) == [table.Entry(packed, count, when_s)], now_s


def test_r16_a_connection_that_comes_about_is_the_end_of_that(courier: CourierOf, tcpto: bytes, sink: SmtpSink) -> None:
    TcpTo(tcpto, pid=0).timed_out(sink.ip, 1000)
    assert len(entries(tcpto)) == 1
    assert b"accepted" in run(courier(routes=route(sink), now_s=lambda: 1001))
    assert entries(tcpto) == []


def test_r16_the_next_exchanger_is_tried_meanwhile(courier: CourierOf, tcpto: bytes) -> None:
    for now_s in (1000, 2000):
        TcpTo(tcpto, pid=0).timed_out("127.0.0.2", now_s)
    with (
        SmtpSink(ip="127.0.0.2") as first,
        SmtpSink(ip="127.0.0.3", port=first.port) as second,
        DnsServer(mx("10 [127.0.0.2].", "20 [127.0.0.3].")) as dns,
    ):
        run(courier(routes=by_mx(first), dns=dns.address, own_addresses=own, now_s=lambda: 2001))
        second.wait(messages=1)
    assert not first.connections


def test_r17_a_refused_connection_is_not_remembered(courier: CourierOf, tcpto: bytes, sink: SmtpSink) -> None:
    assert run(courier(routes=[b":127.0.0.9:%d" % sink.port])) == NO_CONNECTION
    assert entries(tcpto) == []


def test_without_the_table_mail_goes_out_all_the_same(courier: CourierOf, sink: SmtpSink) -> None:
    assert b"accepted" in run(courier(routes=route(sink), tcpto=TcpTo(b"/nonexistent/tcpto", pid=0)))


# -- connections kept ------------------------------------------------------------------------------------------------------------------


def many(remote: object, times: int, **how: object) -> list[bytes]:
    """Deliveries one after the other on one courier."""

    async def all_() -> list[bytes]:
        try:
            return [await send(remote, **how) for _ in range(times)]  # type: ignore[arg-type]
        finally:
            await remote.pool.close()  # type: ignore[attr-defined]

    return asyncio.run(all_())


@pytest.mark.parametrize("offers", [(), ALL], ids=["one by one", "together"])
def test_the_next_message_goes_by_the_same_connection(offers: tuple[bytes, ...], courier: CourierOf) -> None:
    with SmtpSink(offers=offers) as sink:
        said = many(courier(routes=route(sink)), 3)
        sink.wait(over=1)
    assert said == [b"r\0K127.0.0.1 accepted message.\nRemote host said: 250 queued\n\0"] * 3
    assert len(sink.connections) == 1
    verbs = [c.split(b" ")[0] for c in sink.connections[0].commands]
    assert verbs == [b"EHLO", b"MAIL", b"RCPT", b"DATA", b"RSET", b"MAIL", b"RCPT", b"DATA", b"RSET", b"MAIL", b"RCPT", b"DATA", b"QUIT"]


@pytest.mark.parametrize("offers", [(), ALL], ids=["one by one", "together"])
@pytest.mark.parametrize(
    ("why", "replies"),
    [
        ("closed while it was idle", {".": Then(b"250 queued\r\n", CLOSE)}),
        ("closed when it was used", {"RSET": CLOSE}),
        ("421 when it was used", {"RSET": Then(b"421 bye\r\n", CLOSE)}),
        ("reset", {"RSET": RESET}),
        ("no further message on this connection", {"MAIL": [b"250 ok\r\n", b"452 enough\r\n", b"250 ok\r\n"]}),
        ("closed at MAIL", {"MAIL": [b"250 ok\r\n", CLOSE, b"250 ok\r\n"]}),
        ("it said something nobody asked for", {".": b"250 queued\r\n421 too long idle\r\n"}),
    ],
)
def test_a_kept_connection_that_is_dead_is_replaced_silently(
    why: str, replies: dict[str, object], offers: tuple[bytes, ...], courier: CourierOf
) -> None:
    with SmtpSink(replies=replies, offers=offers) as sink:  # type: ignore[arg-type]
        said = many(courier(routes=route(sink)), 2)
    assert said == [b"r\0K127.0.0.1 accepted message.\nRemote host said: 250 queued\n\0"] * 2, why
    assert len(sink.connections) == 2
    assert len(sink.messages) == 2


def test_a_kept_connection_that_dies_later_is_reported(courier: CourierOf) -> None:
    with SmtpSink(replies={"RCPT": [b"250 ok\r\n", CLOSE]}) as sink:
        said = many(courier(routes=route(sink)), 2)
    assert said[1] == b"ZConnected to 127.0.0.1 but connection died. (#4.4.2)\n\0"


def test_a_connection_carries_so_many_messages_and_no_more(courier: CourierOf) -> None:
    with SmtpSink() as sink:
        many(courier(routes=route(sink), pool=Pool(Limits(messages=2))), 5)
    assert [c.raw.count(b"\r\nDATA\r\n") for c in sink.connections] == [2, 2, 1]


def test_a_connection_gets_old(courier: CourierOf) -> None:
    with SmtpSink() as sink:
        many(courier(routes=route(sink), pool=Pool(Limits(age_s=0.0))), 3)
    assert len(sink.connections) == 3


def test_an_idle_connection_is_closed_with_quit(courier: CourierOf) -> None:
    async def idle() -> None:
        remote = courier(routes=route(sink), pool=Pool(Limits(idle_s=0.0)))
        await send(remote)
        while not sink.connections[0].is_over:
            await asyncio.sleep(0.001)

    with SmtpSink() as sink:
        asyncio.run(idle())
    assert sink.connections[0].commands[-1] == b"QUIT"


def test_of_too_many_idle_connections_the_longest_idle_goes(courier: CourierOf) -> None:
    async def three() -> None:
        remote = courier(routes=[b"a.test:127.0.0.2:%d" % sink.port, *route(sink)], pool=Pool(Limits(idle_connections=1)))
        for host in (b"a.test", b"b.test", b"c.test"):
            await send(remote, to=(b"u@" + host,))
        while not first.connections[0].is_over:
            await asyncio.sleep(0.001)
        await remote.pool.close()

    with SmtpSink() as sink, SmtpSink(ip="127.0.0.2", port=sink.port) as first:
        asyncio.run(three())
    assert len(sink.connections) == 1, "b and c go by the same relay, and so by the same connection"


def test_only_so_many_deliveries_go_to_one_destination_at_a_time(courier: CourierOf) -> None:
    async def all_() -> list[bytes]:
        remote = courier(routes=route(sink), pool=Pool(Limits(per_destination=3)))
        said = await asyncio.gather(*(send(remote) for _ in range(20)))
        await remote.pool.close()
        return said

    with SmtpSink() as sink:
        said = asyncio.run(all_())
    assert all(b"accepted" in one for one in said)
    assert len(sink.messages) == 20
    assert len(sink.connections) <= 3


def test_a_destination_that_hangs_does_not_hold_up_another(courier: CourierOf) -> None:
    async def both() -> bytes:
        remote = courier(routes=[b"slow.test:127.0.0.1:%d" % slow.port, *route(sink)])
        waiting = [asyncio.create_task(send(remote, to=(b"u@slow.test",))) for _ in range(30)]
        while len(slow.connections) < remote.pool.limits.per_destination:
            await asyncio.sleep(0.001)
        other = await send(remote)
        assert not any(task.done() for task in waiting)
        for task in waiting:
            task.cancel()
        ends = await asyncio.gather(*waiting, return_exceptions=True)
        await remote.pool.close()
        assert all(isinstance(e, asyncio.CancelledError) for e in ends)
        return other

    with SmtpSink(replies={"greeting": HANG}) as slow, SmtpSink() as sink:
        other = asyncio.run(both())
    assert b"accepted" in other


def test_the_original_profile_keeps_nothing_back(courier: CourierOf) -> None:
    with SmtpSink() as sink:
        said = many(courier(routes=route(sink), profile=ORIGINAL), 2)
    assert [b"accepted" in s for s in said] == [True, True]
    assert sink.connections[0].commands[0] == b"HELO mx.oracle.test"


def test_a_message_is_measured_as_it_will_be_sent() -> None:
    with opened(b"a\r\nb\n\xff") as message:
        facts = asyncio.run(message.facts())
    assert (facts.size_bytes, facts.has_8bit) == (7, True)
