"""Formats that fit on a line: addresses, dates, netstrings, control files, maps, trace lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import address, ask, control, date822, error_str, netstring, queue_call, rcpthosts, received, spawn, virtualdomains
from mta.formats.smtp_path import ForbiddenByte, TooLong
from mta.formats.smtp_path import read as read_path


@pytest.mark.parametrize(
    ("plain", "quoted"),
    [
        (b"joe@example.org", b"joe@example.org"),
        (b'a"b@c', b'"a\\"b"@c'),
        (b"A B@h", b'"A B"@h'),
        (b".x@h", b'".x"@h'),
        (b"x.@h", b'"x."@h'),
        (b"a..b@h", b'"a..b"@h'),
        (b"@h", b'""@h'),
        (b"lst-@h-@[]", b'"lst-@h-"@[]'),
        (b"noat", b"noat"),
        (b"", b""),
        (b"b\\c\r\n@h", b'"b\\\\c\\\r\\\n"@h'),
        ("ü@h".encode(), b'"' + "ü".encode() + b'"@h'),
    ],
)
def test_an_address_is_quoted_where_it_must_be(plain: bytes, quoted: bytes) -> None:
    assert address.quote(plain) == quoted


@given(st.binary(min_size=1, max_size=60).filter(lambda b: not set(b) & set(b"\0\r\n@<>")))
def test_what_was_quoted_for_smtp_is_read_back(box: bytes) -> None:
    assert read_path(b"TO:<%b>" % address.quote(box + b"@example.org"))[0] == box + b"@example.org"


@pytest.mark.parametrize("bad", [b"a\0b@c", b"a\rb@c", b"a@b\n", b"a" * 1003])
def test_no_envelope_holds(bad: bytes) -> None:
    with pytest.raises(ValueError, match=r"address|NUL"):
        address.check(bad)


@pytest.mark.parametrize(("argument", "error"), [(b"FROM:<a\0@b>", ForbiddenByte), (b"FROM:<" + b"a" * 900 + b">", TooLong)])
def test_a_path_smtp_does_not_take(argument: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        read_path(argument)


@given(st.binary(max_size=200))
def test_a_path_is_read_or_refused_and_never_holds_what_it_must_not(argument: bytes) -> None:
    try:
        found, _ = read_path(argument)
    except (ForbiddenByte, TooLong):
        return
    assert not set(found) & set(b"\0\r\n") and len(found) <= 899


def test_the_three_dates() -> None:
    then = 820631134
    assert date822.stamp(then) == b"3 Jan 1996 01:05:34 -0000"
    assert date822.mbox(then) == b"Wed Jan 03 01:05:34 1996"
    assert date822.compact(then) == b"19960103010534"
    assert date822.local_stamp(then, 0) == b"3 Jan 1996 01:05:34 +0000"
    assert date822.local_stamp(then, -(3 * 60 + 30) * 60) == b"2 Jan 1996 21:35:34 -0330"
    assert date822.local_stamp(then, 3600 + 29) == b"3 Jan 1996 02:06:03 +0100", "seconds of an old zone are rounded"


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_netstrings_read_back(items: list[bytes]) -> None:
    assert netstring.read_all(b"".join(map(netstring.write, items))) == items


@pytest.mark.parametrize(("data", "value"), [(b"0:,", b""), (b":,", b""), (b"005:hello,", b"hello")])
def test_netstrings_are_read_as_leniently_as_the_original_reads(data: bytes, value: bytes) -> None:
    assert netstring.read(data) == (value, len(data))


@pytest.mark.parametrize("data", [b"", b"5:hell,", b"5:hello", b"5:hello;", b"-1:,", b"x:,", b"99999999999:x,", b"300000000:"])
def test_netstrings_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="netstring"):
        netstring.read(data)


@pytest.mark.parametrize(
    ("why", "data", "line"),
    [
        ("the first line only", b"a \t\nb\n", b"a"),
        ("no newline", b"a", b"a"),
        ("an empty file is an empty line", b"", b""),
        ("a CR stays", b"a\r\n", b"a\r"),
    ],
)
def test_a_control_line(why: str, data: bytes, line: bytes) -> None:
    assert control.line(data) == line, why


@pytest.mark.parametrize(("data", "number"), [(b"10\n", 10), (b"10 per second\n", 10), (b"abc\n", None), (b"", None), (b"-5\n", None)])
def test_a_control_number(data: bytes, number: int | None) -> None:
    assert control.integer(data) == number


def test_control_lines_skip_comments_and_empty_lines() -> None:
    assert control.lines(b"a \t\n#c\n\n  b\n a#d\nlast") == [b"a", b"  b", b" a#d", b"last"]


def test_s08_the_last_of_equal_keys_wins_and_lines_without_colon_say_nothing() -> None:
    assert control.map_([b"A:1", b"nothing", b"a:2:3"]) == {b"a": b"2:3"}


@given(st.lists(st.binary(min_size=1, max_size=20).map(lambda b: b.translate(None, b"\n").strip() or b"x"), max_size=8))
def test_control_lines_read_back_what_was_written(items: list[bytes]) -> None:
    wanted = [i.rstrip(b" \t\n") for i in items if i and not i.startswith(b"#")]
    assert control.lines(control.write_lines(items)) == [w for w in wanted if w]


def test_rcpthosts_keys_from_the_name_to_its_suffixes() -> None:
    assert list(rcpthosts.keys(b"A.b.C")) == [b"a.b.c", b".b.c", b".c"]


@pytest.mark.parametrize(
    ("address_", "decided"),
    [
        (b"X@virt.example", (b"x@virt.example", b"one")),
        (b"y@virt.example", (b"virt.example", b"all")),
        (b"y@a.virt.example", (b".virt.example", b"below")),
        (b"y@other", (b"", b"rest")),
    ],
)
def test_virtualdomains_from_the_address_to_the_rest(address_: bytes, decided: tuple[bytes, bytes]) -> None:
    table = virtualdomains.read(b"x@virt.example:one\nvirt.example:all\n.virt.example:below\n:rest\n")
    assert virtualdomains.find(table, address_) == decided


def test_trace_lines_to_the_byte() -> None:
    then = 820631134
    assert received.queue_line(812, b"by uid 1000", then) == b"Received: (qmail 812 invoked by uid 1000); 3 Jan 1996 01:05:34 -0000\n"
    line = received.network_line(
        helo=b"me (x)",
        remote_host=b"client.example",
        remote_info=b"joe",
        remote_ip=b"192.0.2.7",
        local=b"mx.example.org",
        protocol=b"SMTP",
        now_s=then,
    )
    assert line == (
        b"Received: from client.example (HELO me??x?) (joe@192.0.2.7)\n  by mx.example.org with SMTP; 3 Jan 1996 01:05:34 -0000\n"
    )


commands = st.builds(
    spawn.Command,
    st.integers(0, 119),
    st.from_regex(rb"\A[0-9]{1,2}/[0-9]{1,9}\Z"),
    st.binary(max_size=30).map(lambda b: b.replace(b"\0", b"")),
    st.binary(max_size=30).map(lambda b: b.replace(b"\0", b"")),
)


@given(st.lists(commands, max_size=5), st.integers(0, 200), st.sampled_from([1, 2]))
def test_spawn_commands_are_read_whatever_the_pieces(found: list[spawn.Command], cut: int, wide: int) -> None:
    data = b"".join(spawn.write_command(f, wide) for f in found)
    first, rest = spawn.read_commands(data[:cut], wide)
    second, left = spawn.read_commands(rest + data[cut:], wide)
    assert (first + second, left) == (found, b"")


@given(
    st.lists(st.tuples(st.integers(0, 119), st.sampled_from([b"K", b"Z", b"D"]), st.binary(max_size=30)), max_size=5),
    st.integers(0, 200),
    st.sampled_from([1, 2]),
)
def test_p02_spawn_reports_are_read_whatever_the_pieces(found: list[tuple[int, bytes, bytes]], cut: int, wide: int) -> None:
    data = b"".join(spawn.write_report(*f, wide) for f in found)
    first, rest = spawn.read_reports(data[:cut], wide)
    second, left = spawn.read_reports(rest + data[cut:], wide)
    assert [(r.slot, r.letter, r.text) for r in first + second] == [(s, c, t.replace(b"\0", b"?")) for s, c, t in found]
    assert left == b""


@pytest.mark.parametrize(
    ("limit", "capacity", "hello", "command", "report"),
    [
        (120, 120, b"x", b"\x077/7\0s\0r\0", b"\x07K\0"),
        (255, 255, b"\xff", b"\x077/7\0s\0r\0", b"\x07K\0"),
        (256, 256, b"\0\1", b"\x07\x007/7\0s\0r\0", b"\x07\0K\0"),
        (1000, 1000, b"\xe8\3", b"\x07\x007/7\0s\0r\0", b"\x07\0K\0"),
        (0, 1, b"\1", b"\x077/7\0s\0r\0", b"\x07K\0"),
        (1 << 20, 65535, b"\xff\xff", b"\x07\x007/7\0s\0r\0", b"\x07\0K\0"),
    ],
)
def test_slots_get_wider_where_255_are_not_enough(limit: int, capacity: int, hello: bytes, command: bytes, report: bytes) -> None:
    assert spawn.bounded(limit) == capacity
    wide = spawn.width(capacity)
    assert spawn.hello(capacity) == hello
    assert spawn.write_command(spawn.Command(7, b"7/7", b"s", b"r"), wide) == command
    assert spawn.write_report(7, b"K", b"", wide) == report
    if wide == 2:
        found, rest = spawn.read_commands(b"\x01\x027/7\0s\0r\0\0\0", 2)
        assert (found[0].slot, rest) == (513, b"\0\0")
        assert spawn.read_reports(b"\0\0K\0\1\2Zx\0", 2)[0] == [spawn.Report(0, b"K", b""), spawn.Report(513, b"Z", b"x")]


@pytest.mark.parametrize(
    ("name", "word"),
    [(b"../x", b"nonnumerics"), (b"/7/7", b"nonnumerics"), (b"7/7x", b"nonnumerics"), (b"", b"too short"), (b"1" * 101, b"too long")],
)
def test_p05_message_names_no_qmail_send_writes(name: bytes, word: bytes) -> None:
    trouble = spawn.message_trouble(name)
    assert trouble is not None and word in trouble


def test_a_message_name_qmail_send_writes() -> None:
    assert spawn.message_trouble(b"4/2361621") is None


frames = st.lists(st.tuples(st.integers(0, 2**32 - 1), st.sampled_from([b"M", b"E", b"A", b"R"]), st.binary(max_size=50)), max_size=6)


@given(frames, st.integers(0, 300))
def test_frames_of_the_queue_writer_are_read_whatever_the_pieces(found: list[tuple[int, bytes, bytes]], cut: int) -> None:
    data = b"".join(queue_call.frame(s, k, p) for s, k, p in found)
    first, used = queue_call.read_frames(data[:cut])
    second, used_too = queue_call.read_frames(data[used:])
    assert first + second == found
    assert used + used_too == len(data)


def test_a_frame_of_another_kind_or_size_is_refused() -> None:
    for data in (queue_call.frame(1, b"X"), queue_call.frame(1, b"M", bytes(queue_call.FRAME_MAX + 1)), b"\xff" * 20):
        with pytest.raises(ValueError, match="frame"):
            queue_call.read_frames(data)


@given(st.lists(st.lists(st.binary(max_size=30), min_size=1, max_size=4), max_size=4), st.integers(0, 200))
def test_questions_are_read_whatever_the_pieces(questions: list[list[bytes]], cut: int) -> None:
    data = b"".join(map(ask.write, questions))
    found, buffer = [], b""
    for piece in (data[:cut], data[cut:]):
        buffer += piece
        while buffer and (read := ask.read(buffer)) is not None:
            found.append(read[0])
            buffer = buffer[read[1] :]
    assert (found, buffer) == (questions, b"")


@pytest.mark.parametrize("data", [b"x", b"12a:", b"999999999:", b"3:abc;", b"1" * 12])
def test_what_is_no_question_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="netstring"):
        ask.read(data)


def test_errors_have_qmails_words() -> None:
    import errno

    assert error_str.error_str(errno.ENOENT) == "file does not exist"
    assert error_str.error_str(errno.EACCES) == "access denied"
    assert error_str.error_str(99999) == "unknown error"
    assert error_str.is_temporary(errno.ENOSPC) and not error_str.is_temporary(errno.ENOENT)
