"""What local delivery decides: which file, which lines, which environment, which report; and what a virtual mailbox does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.decisions import deliver_lines, find_dotqmail, local_environment, quota, spawn_report
from mta.decisions import vdelivermail as v
from mta.decisions.vdelivermail import CatchAll
from mta.errors import Permanent, Temporary
from mta.formats import dotqmail, vpasswd
from mta.formats.dotqmail import Kind
from mta.formats.local_job import Address
from mta.formats.maildirsize import Quota, Usage

# -- which file --------------------------------------------------------------------------------------------------------------------


def names(dash: bytes, ext: bytes) -> list[tuple[bytes, bytes | None]]:
    return [(c.name, c.default) for c in find_dotqmail.candidates(dash, ext)]


@pytest.mark.parametrize(
    ("why", "dash", "ext", "tried"),
    [
        ("an extension", b"-", b"foo-bar", [(b".qmail-foo-bar", None), (b".qmail-foo-default", b"bar"), (b".qmail-default", b"foo-bar")]),
        ("l06 dots are colons, capitals small", b"-", b"A.B", [(b".qmail-a:b", None), (b".qmail-default", b"A.B")]),
        ("l08 ends in a dash", b"-", b"foo-", [(b".qmail-foo-", None), (b".qmail-foo-default", b""), (b".qmail-default", b"foo-")]),
        ("no extension", b"-", b"", [(b".qmail-", None), (b".qmail-default", b"")]),
        ("l05 the user's own address", b"", b"", [(b".qmail", None), (b".qmaildefault", b"")]),
        ("a directory of the administrator's", b"-/", b"foo", [(b".qmail-/foo", None), (b".qmail-/default", b"foo")]),
        ("called default", b"-", b"X-Default", [
            (b".qmail-x-default", b"Default"), (b".qmail-x-default", b"Default"), (b".qmail-default", b"X-Default"),
        ]),
        ("a stranger's path", b"-", b"../etc", [(b".qmail-default", b"../etc")]),
        ("a stranger's directory", b"-", b"foo-bar/x-y", [(b".qmail-foo-default", b"bar/x-y"), (b".qmail-default", b"foo-bar/x-y")]),
    ],
)  # fmt: skip
def test_the_names_that_are_tried(why: str, dash: bytes, ext: bytes, tried: list[tuple[bytes, bytes | None]]) -> None:
    assert names(dash, ext) == tried, why


@given(st.binary(max_size=40))
def test_no_extension_leads_out_of_the_home_directory(ext: bytes) -> None:
    for name, _ in names(b"-", ext):
        assert b"/" not in name and b"." not in name[1:]


OWNERS = {b".qmail-x-owner"}
BOTH = {*OWNERS, b".qmail-x-owner-default"}


@pytest.mark.parametrize(
    ("why", "sender", "ext", "there", "new"),
    [
        ("l25 an owner", b"a@b", b"X", OWNERS, b"joe-X-owner@h.ex"),
        ("l25 bounces of each recipient", b"a@b", b"X", BOTH, b"joe-X-owner-@h.ex-@[]"),
        ("no owner", b"a@b", b"X", {b".qmail-x-owner-default"}, b"a@b"),
        ("l26 a bounce", b"", b"X", BOTH, b""),
        ("l26 a double bounce", b"#@[]", b"X", BOTH, b"#@[]"),
        ("a stranger's directory", b"a@b", b"y/../x", {b".qmail-y/::/x-owner"}, b"a@b"),
    ],
)
def test_the_sender_of_forwarded_copies(why: str, sender: bytes, ext: bytes, there: set[bytes], new: bytes) -> None:
    local = b"joe-" + ext
    assert find_dotqmail.new_sender(sender, local=local, host=b"h.ex", dash=b"-", ext=ext, exists=there.__contains__) == new, why


# -- which lines -------------------------------------------------------------------------------------------------------------------


def kinds(data: bytes, *, is_forward_only: bool = False) -> list[object]:
    """Kind and text of each step; a failure's text at the end."""
    found: list[object] = []
    try:
        for line in deliver_lines.steps(dotqmail.read(data), is_forward_only=is_forward_only):
            found.append((line.kind, line.text))
    except Temporary as failure:
        found.append(failure.text)
    return found


X_FILE = "Uh-oh: .qmail has file delivery but has x bit set. (#4.7.0)"
X_PROG = "Uh-oh: .qmail has prog delivery but has x bit set. (#4.7.0)"


@pytest.mark.parametrize(
    ("why", "data", "done"),
    [
        ("l03 a comment", b"#only\n", []),
        ("l04 a blank first line", b"\n./x\n", ["Uh-oh: first line of .qmail file is blank. (#4.2.1)"]),
        ("blanks on the first line", b" \t\n./x\n", ["Uh-oh: first line of .qmail file is blank. (#4.2.1)"]),
        ("a NUL is blank", b"\0x\n", ["Uh-oh: first line of .qmail file is blank. (#4.2.1)"]),
        ("a blank line further down", b"a@b\n\n./x\n", [(Kind.FORWARD, b"a@b"), (Kind.MBOX, b"./x")]),
        ("l13 +list", b"./a/\n+list\n./mbox\n", [(Kind.MAILDIR, b"./a/"), X_FILE]),
        ("+ anything else", b"+lists\n./mbox\n", [(Kind.MBOX, b"./mbox")]),
        ("l14 a leading space is the address's", b" me@d\n", [(Kind.FORWARD, b" me@d")]),
        ("l15 blanks at the end are not", b"./mbox  \t\n", [(Kind.MBOX, b"./mbox")]),
        ("an empty address", b"&\n", [(Kind.FORWARD, b"")]),
        ("no newline at the end", b"|x", [(Kind.PROGRAM, b"x")]),
        ("a NUL ends a name, an address, a command", b"./M\0x/\n&a@b\0c\n|x\0y\n", [
            (Kind.MAILDIR, b"./M"), (Kind.FORWARD, b"a@b"), (Kind.PROGRAM, b"x"),
        ]),
        ("a path from the root", b"/M/\n/m\n", [(Kind.MAILDIR, b"/M/"), (Kind.MBOX, b"/m")]),
    ],
)  # fmt: skip
def test_lines_become_steps(why: str, data: bytes, done: list[object]) -> None:
    assert kinds(data) == done, why


def test_l12_the_x_bit_lets_only_forwards_stand() -> None:
    assert kinds(b"a@b\n./x\n", is_forward_only=True) == [(Kind.FORWARD, b"a@b"), X_FILE]
    assert kinds(b"a@b\n|x\n", is_forward_only=True) == [(Kind.FORWARD, b"a@b"), X_PROG]


@given(st.binary(max_size=80))
def test_a_dot_qmail_file_of_any_bytes_is_read(data: bytes) -> None:
    lines = dotqmail.read(data)
    assert [line.number for line in lines] == list(range(1, len(lines) + 1))
    assert len(lines) == data.count(b"\n") + (not data.endswith(b"\n") and data != b"")


@given(st.binary(max_size=60))
def test_a_forward_line_reads_back_or_is_refused(address: bytes) -> None:
    try:
        data = dotqmail.forward_line(address)
    except ValueError:
        return
    assert kinds(data) == [(Kind.FORWARD, address)]


@pytest.mark.parametrize("code", range(256))
def test_l18_exit_codes_of_commands(code: int) -> None:
    wanted = code if code in (0, 99) else 100 if code in (64, 65, 70, 76, 77, 78, 100, 112) else 111
    assert deliver_lines.command_exit(code) == wanted


# -- which environment -------------------------------------------------------------------------------------------------------------


def environment(ext: bytes = b"", host: bytes = b"h.ex", sender: bytes = b"a@b", default: bytes | None = None) -> dict[bytes, bytes]:
    address = Address(b"joe", b"/home/joe", b"joe-" + ext, b"-", ext, host, sender, b"./Mailbox")
    return local_environment.variables(address, default=default, new_sender=sender, now_s=0)


def test_l29_parts_of_extension_and_host() -> None:
    found = environment(b"ENV-Foo.Bar", b"HOST.example.org", default=b"Foo.Bar")
    assert {k: v for k, v in found.items() if k[:3] in (b"EXT", b"HOS", b"DEF")} == {
        b"EXT": b"ENV-Foo.Bar",
        b"EXT2": b"Foo.Bar",
        b"EXT3": b"",
        b"EXT4": b"",
        b"HOST": b"HOST.example.org",
        b"HOST2": b"HOST.example",
        b"HOST3": b"HOST",
        b"HOST4": b"HOST",
        b"DEFAULT": b"Foo.Bar",
    }
    assert found[b"RECIPIENT"] == b"joe-ENV-Foo.Bar@HOST.example.org"


def test_lines_end_in_their_newline_and_default_is_set_only_by_a_default_file() -> None:
    found = environment()
    assert found[b"DTLINE"] == b"Delivered-To: joe-@h.ex\n"
    assert found[b"RPLINE"] == b"Return-Path: <a@b>\n"
    assert found[b"UFLINE"] == b"From a@b Thu Jan 01 00:00:00 1970\n"
    assert b"DEFAULT" not in found


@pytest.mark.parametrize("where", ["ext", "host", "sender"])
def test_what_an_old_bash_would_run_is_set_to_nothing(where: str) -> None:
    bad = b"() { :;}; touch /x"
    found = environment(**{where: bad})
    assert not any(value.startswith(b"() {") for value in found.values())
    found = environment(ext=b"a-" + bad)
    assert (found[b"EXT"], found[b"EXT2"]) == (b"a-" + bad, b"")


# -- which report ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("why", "exit_", "output", "report"),
    [
        ("done", 0, b"did 1+0+0\n", (b"K", b"did 1+0+0\n")),
        ("p07 up to a NUL", 100, b"a\0b", (b"D", b"a")),
        ("not now", 111, b"x", (b"Z", b"x")),
        ("71", 71, b"", (b"Z", b"")),
        ("74", 74, b"", (b"Z", b"")),
        ("75", 75, b"", (b"Z", b"")),
        ("anything else", 1, b"x", (b"D", b"x")),
        ("a signal", -9, b"x", (b"Z", b"qmail-local crashed.\n")),
        ("p09", 113, b"", (b"Z", b"Not allowed to perform deliveries as root.\n")),
        ("the database", 117, b"", (b"Z", b"Trouble reading users/cdb in qmail-lspawn.\n")),
        ("no such program", 126, b"", (b"D", b"Unable to run qmail-local.\n")),
        ("no getpw", 121, b"", (b"Z", b"Unable to run qmail-getpw.\n")),
        ("NFS", 115, b"", (b"Z", b"NFS failure in qmail-local.\n")),
        ("no alias", 116, b"", (b"Z", b"Unable to find alias user!\n")),
    ],
)
def test_what_a_finished_delivery_means(why: str, exit_: int, output: bytes, report: tuple[bytes, bytes]) -> None:
    assert spawn_report.local(exit_, output) == report, why


def test_p08_a_long_report_is_cut() -> None:
    _, text = spawn_report.local(100, b"x" * 20_000)
    assert text == b"x" * 2966 + b"\nError report too long, sorry.\n"
    assert len(text) == 2997
    assert spawn_report.local(100, b"x" * 3000) == (b"D", b"x" * 3000)


# -- quota -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("why", "quota_", "usage", "fits"),
    [
        ("no limit", Quota(), Usage(1 << 60, 1 << 40), True),
        ("exactly full afterwards", Quota(100), Usage(63, 5), True),
        ("one octet over", Quota(100), Usage(64, 5), False),
        ("the last message", Quota(0, 10), Usage(0, 9), True),
        ("one message over", Quota(0, 10), Usage(0, 10), False),
        ("either limit counts", Quota(100, 10), Usage(0, 10), False),
    ],
)
def test_one_more_message_of_37_octets(why: str, quota_: Quota, usage: Usage, fits: bool) -> None:
    assert quota.fits(quota_, usage, 37) is fits, why


def test_fullness_is_the_larger_of_both() -> None:
    assert quota.percent(Quota(100, 10), Usage(50, 9)) == 90
    assert quota.percent(Quota(100), Usage(95, 9)) == 95
    assert quota.percent(Quota(), Usage(95, 9)) is None


@pytest.mark.parametrize(
    ("why", "changes", "needs"),
    [
        ("as it should be", {}, False),
        ("another quota", {"quota_matches": False}, True),
        ("5120 octets", {"file_size": 5120}, True),
        ("over, and fresh", {"is_over": True}, False),
        ("over, and old", {"is_over": True, "age_s": 901}, True),
        ("old, and not over", {"age_s": 100_000}, False),
    ],
)
def test_when_files_are_counted_afresh(why: str, changes: dict[str, object], needs: bool) -> None:
    facts = {"file_size": 5119, "age_s": 0, "quota_matches": True, "is_over": False, **changes}
    assert quota.needs_recount(**facts) is needs, why  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("percent", "age_s", "warns"),
    [(89, None, False), (90, None, True), (None, None, False), (99, 86_399, False), (99, 86_400, True)],
)
def test_who_is_told_that_the_mailbox_is_nearly_full(percent: int | None, age_s: int | None, warns: bool) -> None:
    assert v.warns(percent, age_s) is warns


# -- virtual mailboxes -------------------------------------------------------------------------------------------------------------

BIN = b"/var/qmail/bin/vdelivermail"


@pytest.mark.parametrize(
    ("why", "command", "instruction"),
    [
        ("as vadddomain writes it", BIN + b" '' bounce-no-mailbox", b"bounce-no-mailbox"),
        ("blanks", b"  " + BIN + b"\t''   delete ", b"delete"),
        ("a directory", BIN + b" '' /var/qmail/domains/x.org/joe", b"/var/qmail/domains/x.org/joe"),
        ("an address", BIN + b" '' joe+x@example.org", b"joe+x@example.org"),
        ("another program", b"/home/vpopmail/bin/vdelivermail '' delete", None),
        ("no opening", BIN + b" delete", None),
        ("more than that", BIN + b" '' delete x", None),
        ("something for a shell", BIN + b" '' delete; rm x", None),
        ("a variable", BIN + b" '' $EXT@example.org", None),
        ("a quoted word", BIN + b" '' 'delete'", None),
        ("a redirection", BIN + b" '' delete >x", None),
        ("a preline", b"preline " + BIN + b" '' delete", None),
        ("nothing", b"", None),
    ],
)
def test_a_command_that_only_runs_vdelivermail_is_known(why: str, command: bytes, instruction: bytes | None) -> None:
    assert v.instruction(command, BIN) == instruction, why


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (b"bounce-no-mailbox", CatchAll.BOUNCE),
        (b"delete", CatchAll.DELETE),
        (b"/d/joe", CatchAll.MAILBOX),
        (b"/d/example@x/joe/", CatchAll.MAILBOX),
        (b"joe@example.org", CatchAll.FORWARD),
    ],
)
def test_what_becomes_of_mail_for_nobody(text: bytes, kind: CatchAll) -> None:
    assert v.catch_all(text) is kind


@pytest.mark.parametrize("text", [b"", b"bounce", b"Maildir/"])
def test_an_instruction_nobody_understands_lets_mail_wait(text: bytes) -> None:
    with pytest.raises(Temporary):
        v.catch_all(text)


def test_a_locked_mailbox_refuses() -> None:
    account = vpasswd.read_line(b"joe:x:1:16:J:/d:NOQUOTA")
    with pytest.raises(Permanent, match=r"^account is locked email bounced joe@example\.org$"):
        v.check(account, b"joe@example.org")
    v.check(vpasswd.read_line(b"joe:x:1:15:J:/d:NOQUOTA"), b"joe@example.org")


def test_lines_of_a_mailbox_blank_first_line_and_all() -> None:
    lines = dotqmail.read(b"\n#x\n./M/\n&a@b\nc@d\n|x\n")
    assert [(line.kind, line.text) for line in v.steps(lines)] == [
        (Kind.MAILDIR, b"./M/"),
        (Kind.FORWARD, b"a@b"),
        (Kind.FORWARD, b"c@d"),
        (Kind.PROGRAM, b"x"),
    ]
    with pytest.raises(Temporary, match="must end in a slash"):
        list(v.steps(dotqmail.read(b"./Mailbox\n")))
