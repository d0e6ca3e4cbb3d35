"""qmail-qmtpd and qmail-qmqpd: the recorded behaviour of the original, conformance cases N01 to N04, and what hostile clients send."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.errors import MailError
from mta.formats import netstring, qmqp, qmtp, rcpthosts
from mta.unix import queue_call
from tests.conftest import as_bytes, corpus
from tests.support import queue_program
from tests.support.call import Result, call, process
from tests.support.queue_program import QueueProgram

CLIENT = {b"TCPREMOTEIP": b"192.0.2.7", b"TCPREMOTEHOST": b"client.example", b"TCPLOCALHOST": b"mx.oracle.test"}
NOT_OURS = b"66:Dsorry, that domain isn't in my list of allowed rcpthosts (#5.7.1),"
BAD_RECIPIENT = b"46:Dsorry, I can't handle that recipient (#5.1.3),"
BAD_SENDER = b"29:Dunacceptable sender (#5.1.7),"
TOO_BIG = b"61:Dsorry, that message size exceeds my databytes limit (#5.3.4),"
BAD_ADDRESS = b"51:Dsorry, I can't accept addresses like that (#5.1.3),"
OK = rb"(\d+):Kok \d+ qp \d+,"


class Site:
    def __init__(self, path: Path, exit_: int = 0, custom: bytes = b"") -> None:
        (path / "control").mkdir()
        self.path = path
        self.control(me="mx.oracle.test", rcpthosts="oracle.test")
        self.queue: QueueProgram = queue_program.make(path / "kept", exit_, custom)
        self.env = {b"QMAIL_HOME": os.fsencode(path), b"QMAILQUEUE": self.queue.path, **CLIENT}

    def control(self, **files: str) -> None:
        for name, text in files.items():
            (self.path / "control" / name).write_text(text + "\n")

    def qmtp(self, data: bytes, **env: str) -> Result:
        return call("qmail-qmtpd", [], {**self.env, **{os.fsencode(k): v.encode() for k, v in env.items()}}, data)

    def qmqp(self, data: bytes) -> Result:
        return call("qmail-qmqpd", [], self.env, data)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def stamped(text: bytes) -> bytes:
    """Without what depends on the clock and the process."""
    return re.sub(rb"\d+ \w{3} \d{4} [\d:]{8} -0000", b"NOW", re.sub(rb"Kok \d+ qp \d+", b"Kok NOW qp N", text))


@pytest.mark.parametrize("case", corpus("oracle/qmail-qmtpd-qmqpd"), ids=lambda c: c["name"])
def test_it_does_what_the_original_did(case: dict[str, object], site: Site) -> None:
    env = {**site.env, **{k.encode(): v.encode() for k, v in case["env"].items()}}  # type: ignore[attr-defined]
    result = process(str(case["prog"]), [], env, as_bytes(str(case["input"])))
    assert result.code == case["rc"]
    # a qp of another length makes another netstring
    assert re.sub(rb"\d+:K", b"K", stamped(result.out)) == re.sub(rb"\d+:K", b"K", stamped(as_bytes(str(case["output"]))))
    expected = []
    for entry in case["queue"]:  # type: ignore[attr-defined]
        message = as_bytes(entry["mess"]).split(b"\n", 1)[1]  # the first line is qmail-queue's own
        records = as_bytes(entry["todo"]).split(b"\0", 2)[2]  # so are the first two records
        expected.append((stamped(message), records + b"\0"))
    assert [(stamped(message), envelope) for message, envelope in site.queue.queued()] == expected


# -- QMTP --------------------------------------------------------------------------------------------------------------------------


def test_n01_each_recipient_has_an_answer(site: Site) -> None:
    recipients = [b"joe@oracle.test", b"u@elsewhere.test", b"a" * 1000, b"j\0e@oracle.test"]
    result = site.qmtp(qmtp.write(b"b\n", b"a@x.test", recipients))
    assert result.code == 0
    assert re.fullmatch(OK + re.escape(NOT_OURS + BAD_RECIPIENT + BAD_RECIPIENT), result.out)
    assert site.queue.queued()[0][1] == b"Fa@x.test\0Tjoe@oracle.test\0\0"


@pytest.mark.parametrize(
    ("why", "sent", "stored"),
    [
        ("N02 a CR alone stays, and one at the very end", b"\rb\rody\r\n\r", b"b\rody\n\r"),
        ("lines that end in LF are left alone", b"\nb\rody\r\n\r", b"b\rody\r\n\r"),
        ("two CR before a LF", b"\ra\r\r\nb", b"a\r\nb"),
        ("nothing", b"\n", b""),
        ("nothing, with CR", b"\r", b""),
        ("bytes of all kinds", b"\r" + bytes(range(256)), bytes(range(256))),
    ],
)
def test_lines_are_stored_with_lf(site: Site, why: str, sent: bytes, stored: bytes) -> None:
    data = netstring.write(sent) + netstring.write(b"") + netstring.write(netstring.write(b"joe@oracle.test"))
    assert site.qmtp(data).code == 0
    message = site.queue.queued()[0][0]
    head = b"Received: from client.example (192.0.2.7)\n  by mx.oracle.test with QMTP; NOW\n"
    assert stamped(message) == head + stored, why


@pytest.mark.parametrize(
    ("why", "data", "code"),
    [
        ("N03 the first octet is neither LF nor CR", b"2:xb,0:,0:,", 100),
        ("N03 a length with a letter", b"12x:", 100),
        ("a message without its first octet", b"0:,0:,0:,", 100),
        ("no comma behind the message", b"3:\nab;", 100),
        ("no comma behind the sender", b"2:\nb,1:a;", 100),
        ("no comma behind a recipient", b"2:\nb,1:a,4:1:a;,", 100),
        ("a recipient reaches past the list", b"2:\nb,1:a,4:9:a,,", 100),
        ("a recipient's length has a letter", b"2:\nb,1:a,4:x:a,,", 100),
        ("the list ends in the middle of a length", b"2:\nb,1:a,1:1,", 100),
        ("no comma behind the list", b"2:\nb,1:a,0:;", 100),
        ("a length over 200 000 000", b"200000001:", 111),
        ("more recipients than fit in memory", b"2:\nb,1:a,2097153:", 111),
        ("the client goes away at once", b"", 0),
        ("... in the message", b"9:\nab", 0),
        ("... before the recipients", b"2:\nb,1:a,", 0),
        ("... before the last comma", b"2:\nb,1:a,19:15:joe@oracle.test,", 0),
    ],
)
def test_what_is_no_message_queues_nothing(site: Site, why: str, data: bytes, code: int) -> None:
    assert site.qmtp(data) == Result(code, b"", b""), why
    assert site.queue.queued() == []


@pytest.mark.parametrize(
    ("why", "env", "recipient", "answer", "queued"),
    [
        ("999 octets", {}, b"a" * 987 + b"@oracle.test", None, b"a" * 987 + b"@oracle.test"),
        ("1000 octets", {}, b"a" * 988 + b"@oracle.test", BAD_RECIPIENT, None),
        ("1000 octets of another domain", {}, b"a" * 988 + b"@elsewhere.t", BAD_RECIPIENT, None),
        ("a NUL in an address of another domain", {}, b"a\0@elsewhere.test", NOT_OURS, None),
        ("a line break", {}, b"a\n@oracle.test", BAD_RECIPIENT, None),
        ("a name without a domain is ours", {}, b"joe", None, b"joe"),
        ("nothing is ours, too", {}, b"", None, b""),
        ("a relay client", {"RELAYCLIENT": ""}, b"u@elsewhere.test", None, b"u@elsewhere.test"),
        ("its suffix", {"RELAYCLIENT": "@fix"}, b"u@elsewhere.test", None, b"u@elsewhere.test@fix"),
        ("999 octets with its suffix", {"RELAYCLIENT": "@fix"}, b"a" * 995, None, b"a" * 995 + b"@fix"),
        ("1000 octets with its suffix", {"RELAYCLIENT": "@fix"}, b"a" * 996, BAD_RECIPIENT, None),
    ],
)
def test_a_recipient(site: Site, why: str, env: dict[str, str], recipient: bytes, answer: bytes | None, queued: bytes | None) -> None:
    result = site.qmtp(qmtp.write(b"b\n", b"a@x", [recipient]), **env)
    assert result.code == 0
    if answer is None:
        assert re.fullmatch(OK, result.out), why
        assert site.queue.queued()[0][1] == b"Fa@x\0T%b\0\0" % (queued or b""), why
    else:
        assert (result.out, site.queue.queued()) == (answer, []), why


def test_morercpthosts_counts(site: Site) -> None:
    (site.path / "control/morercpthosts.cdb").write_bytes(rcpthosts.compile_more(b"more.test\n.sub.test\n"))
    result = site.qmtp(qmtp.write(b"b\n", b"", [b"a@more.test", b"a@x.sub.test", b"a@sub.test"]))
    assert re.fullmatch(OK + OK + re.escape(NOT_OURS), result.out)


@pytest.mark.parametrize(
    ("why", "sender"),
    [("1000 octets", b"a" * 1000), ("a NUL", b"a\0b@x"), ("a line break", b"a\rb@x")],
)
def test_a_sender_that_cannot_be(site: Site, why: str, sender: bytes) -> None:
    result = site.qmtp(qmtp.write(b"b\n", sender, [b"joe@oracle.test", b"u@elsewhere.test"]))
    assert result == Result(0, BAD_SENDER + NOT_OURS, b""), why
    assert site.queue.queued() == []


def test_a_sender_may_have_999_octets(site: Site) -> None:
    assert re.fullmatch(OK, site.qmtp(qmtp.write(b"b\n", b"a" * 999, [b"joe"])).out)


@pytest.mark.parametrize(
    ("why", "sent", "is_taken"),
    [
        ("LF: as many as are announced", b"\n" + b"x" * 10, True),
        ("LF: one more", b"\n" + b"x" * 11, False),
        ("CR: as many as are stored", b"\r" + b"xxxxxxxx\r\n\r\n", True),
        ("CR: one more", b"\r" + b"xxxxxxxxx\r\n\r\n", False),
        ("CR: the one that is held back to the end counts", b"\r" + b"x" * 10 + b"\r", False),
    ],
)
@pytest.mark.parametrize("is_variable", [False, True])
def test_a_limit_of_size(site: Site, why: str, sent: bytes, is_taken: bool, is_variable: bool) -> None:
    site.control(databytes="10" if not is_variable else "5")
    data = netstring.write(sent) + netstring.write(b"") + netstring.write(netstring.write(b"joe"))
    result = site.qmtp(data, **({"DATABYTES": "10"} if is_variable else {}))
    assert bool(re.fullmatch(OK, result.out)) == is_taken, why
    assert is_taken or (result.out, site.queue.queued()) == (TOO_BIG, []), why


def test_a_limit_that_is_no_number_is_none(site: Site) -> None:
    site.control(databytes="3")
    assert re.fullmatch(OK, site.qmtp(qmtp.write(b"12345", b"", [b"joe"]), DATABYTES="none").out)


def test_several_messages_and_the_one_after_a_refusal(site: Site) -> None:
    good, bad = qmtp.write(b"1\n", b"", [b"joe"]), qmtp.write(b"2\n", b"", [b"u@elsewhere.test"])
    nobody = qmtp.write(b"3\n", b"", [])
    result = site.qmtp(good + bad + nobody + good)
    assert re.fullmatch(OK + re.escape(NOT_OURS) + OK, result.out)
    assert len(site.queue.queued()) == 2


@pytest.mark.parametrize(
    ("why", "code", "custom", "answer"),
    [
        ("not now", 53, b"", b"37:Zqq write error or disk full (#4.3.0),"),
        ("never", 31, b"", b"50:Dmail server permanently rejected message (#5.3.0),"),
        ("in words of its own", 82, b"Dspam (#5.7.1)", b"14:Dspam (#5.7.1),"),
    ],
)
def test_what_the_queue_says_is_passed_on(tmp_path: Path, why: str, code: int, custom: bytes, answer: bytes) -> None:
    site = Site(tmp_path, code, custom)
    assert site.qmtp(qmtp.write(b"b\n", b"", [b"joe", b"u@elsewhere.test", b"ann"])) == Result(0, answer + NOT_OURS + answer, b""), why
    assert site.qmqp(b"".join((b"13:1:b,1:a,3:joe,,", b""))).code == 100, "a length that is wrong by one"
    assert site.qmqp(netstring.write(b"1:b,1:a,3:joe,")) == Result(0, answer, b""), why


def test_what_was_queued_is_told_before_nonsense_ends_it(site: Site) -> None:
    result = site.qmtp(qmtp.write(b"1\n", b"", [b"joe"]) + b"nonsense")
    assert result.code == 100 and re.fullmatch(OK, result.out)


def test_without_rcpthosts_nothing_is_received_but_from_relay_clients(site: Site) -> None:
    (site.path / "control/rcpthosts").unlink()
    data = qmtp.write(b"b\n", b"", [b"u@elsewhere.test"])
    assert site.qmtp(data) == Result(111, b"", b"qmail-qmtpd: fatal: control/rcpthosts is missing\n")
    assert re.fullmatch(OK, site.qmtp(data, RELAYCLIENT="").out)


@pytest.mark.parametrize("name", ["rcpthosts", "databytes", "morercpthosts.cdb"])
def test_a_control_file_that_cannot_be_read_is_tried_again(site: Site, name: str) -> None:
    (site.path / "control" / name).unlink(missing_ok=True)
    (site.path / "control" / name).mkdir()
    assert site.qmtp(qmtp.write(b"b\n", b"", [b"u@elsewhere.test"])).code == 111
    assert site.queue.queued() == []


def test_a_damaged_morercpthosts_is_no_refusal(site: Site) -> None:
    (site.path / "control/morercpthosts.cdb").write_bytes(b"x" * 100)
    result = site.qmtp(qmtp.write(b"b\n", b"", [b"u@elsewhere.test"]))
    assert result == Result(111, b"", b"qmail-qmtpd: fatal: unable to read control/morercpthosts.cdb\n")
    assert site.queue.queued() == []


def test_a_client_that_does_not_listen_ends_it(site: Site) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        from mta import runner
        from mta.unix.fds import Fds

        with (site.path / "in").open("wb+") as source:
            source.write(qmtp.write(b"1\n", b"", [b"joe"]) * 2)
            source.seek(0)
            assert runner.call("qmail-qmtpd", [], site.env, Fds({0: source.fileno(), 1: writing})) == 0
    finally:
        os.close(writing)


# -- QMQP --------------------------------------------------------------------------------------------------------------------------


def request(message: bytes, sender: bytes, *recipients: bytes) -> bytes:
    before, behind = qmqp.frame(len(message), sender, recipients)
    return before + message + behind


def test_n04_a_message_for_nobody_is_queued(site: Site) -> None:
    assert re.fullmatch(OK, site.qmqp(request(b"b\n", b"a@x")).out)
    assert site.queue.queued()[0][1] == b"Fa@x\0\0"


def test_c70_qmqp_has_one_netstring_around_all_and_reads_no_second(site: Site) -> None:
    """QMTP is a netstring of the message, one of the sender and one around the recipients, over and over."""
    bare = b"".join(netstring.write(part) for part in (b"\nb\n", b"a@x", netstring.write(b"u@oracle.test")))
    assert re.fullmatch(OK, site.qmtp(bare).out)
    assert site.qmqp(bare) == Result(100, b"", b"") and site.qmtp(netstring.write(bare)) == Result(100, b"", b"")
    one = request(b"b\n", b"a@x", b"u@x")
    assert re.fullmatch(OK, site.qmqp(one + one).out)
    assert [envelope for _, envelope in site.queue.queued()] == [b"Fa@x\0Tu@oracle.test\0\0", b"Fa@x\0Tu@x\0\0"]


def test_a_client_may_send_anywhere_and_any_bytes(site: Site) -> None:
    message = bytes(range(256)) * 1000
    assert re.fullmatch(OK, site.qmqp(request(message, b"", b"u@elsewhere.test", b"joe", b"a" * 999)).out)
    found, envelope = site.queue.queued()[0]
    assert stamped(found[:80]).startswith(b"Received: from client.example (192.0.2.7)\n  by mx.oracle.test with QMQP; ")
    assert found.endswith(b"-0000\n" + message)
    assert envelope == b"F\0Tu@elsewhere.test\0Tjoe\0T%b\0\0" % (b"a" * 999)


@pytest.mark.parametrize(
    ("why", "sender", "recipients"),
    [
        ("a sender of 1000 octets", b"a" * 1000, [b"joe"]),
        ("a sender with a NUL", b"a\0", [b"joe"]),
        ("a recipient of 1000 octets", b"a", [b"joe", b"a" * 1000]),
        ("a recipient with a NUL", b"a", [b"j\0e", b"joe"]),
        ("a recipient with a line break", b"a", [b"joe\nx"]),
    ],
)
def test_one_bad_address_refuses_all(site: Site, why: str, sender: bytes, recipients: list[bytes]) -> None:
    assert site.qmqp(request(b"b\n", sender, *recipients)) == Result(0, BAD_ADDRESS, b""), why
    assert site.queue.queued() == []


@pytest.mark.parametrize(
    ("why", "data", "code"),
    [
        ("nothing in it", b"0:,", 100),
        ("the client goes away at once", b"", 0),
        ("... in the message", b"20:9:abc", 0),
        ("... before the last comma", request(b"b", b"a", b"c")[:-1], 0),
        ("no comma at the end", request(b"b", b"a", b"c")[:-1] + b";", 100),
        ("a message that reaches past the end", b"5:9:abc,,", 100),
        ("no sender", b"4:1:a,,", 100),
        ("a letter in a length", b"9:1:a,1x:b,,", 100),
        ("a length of more than 100 octets", b"0" * 101 + b":", 100),
        ("a length over 200 000 000", b"200000001:", 111),
    ],
)
def test_what_is_no_request_queues_nothing(site: Site, why: str, data: bytes, code: int) -> None:
    assert site.qmqp(data) == Result(code, b"", b""), why
    assert site.queue.queued() == []


@pytest.mark.parametrize(("name", "data"), [("qmail-qmtpd", qmtp.write(b"b\n", b"", [b"joe"])), ("qmail-qmqpd", request(b"b", b"a", b"c"))])
def test_without_a_queue_it_is_tried_again(site: Site, name: str, data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_fork() -> int:
        raise OSError(11, "no")

    monkeypatch.setattr(os, "fork", no_fork)
    assert call(name, [], site.env, data).code == 111


# -- hostile clients ---------------------------------------------------------------------------------------------------------------


class Kept(queue_call.QueueCall):
    """A queue in memory: what is committed or given up, exactly once."""

    def __init__(self, kept: list[tuple[bytes, bytes]]) -> None:
        self._kept = kept
        self._data = b""
        self.ended = 0

    def write(self, data: bytes) -> None:
        assert not self.ended
        self._data += data

    def _commit(self, envelope_: bytes) -> MailError | None:
        self.ended += 1
        self._kept.append((self._data, envelope_))
        return None

    def abandon(self) -> None:
        self.ended += 1


PARTS = st.sampled_from(
    [
        b"0:,",
        b"1:\n,",
        b"3:\nab,",
        b"2:\rx,",
        b"1:a,",
        b"6:3:joe,,",
        b":,",
        b"12",
        b":",
        b",",
        b"9:",
        b"\n",
        b"\0",
        b"7:4:j\0e@,,",
        b"999999999:",
    ]
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp("site"))


@pytest.mark.parametrize("name", ["qmail-qmtpd", "qmail-qmqpd"])
def test_any_bytes_are_a_message_or_nothing(name: str, shared: Site) -> None:
    @given(
        st.one_of(
            st.lists(PARTS, max_size=12).map(b"".join),
            st.binary(max_size=60),
            st.lists(PARTS, max_size=6).map(lambda p: netstring.write(b"".join(p))),
        )
    )
    def try_(data: bytes) -> None:
        kept: list[tuple[bytes, bytes]] = []
        calls: list[Kept] = []

        def open_(_home: bytes, _env: object) -> Kept:
            calls.append(Kept(kept))
            return calls[-1]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(queue_call, "open_", open_)
            result = call(name, [], shared.env, data)
        assert result.code in (0, 100, 111) and result.err == b""
        assert [one.ended for one in calls] == [1] * len(calls), "each message is queued or given up"
        answers = netstring.read_all(result.out)
        assert all(answer[:1] in (b"K", b"D") for answer in answers)
        assert len(kept) <= sum(answer[:1] == b"K" for answer in answers) or name == "qmail-qmtpd"

    try_()
