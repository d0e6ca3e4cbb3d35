"""qmail-showctl beside its recorded output. Conformance case T08."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from mta.formats.control_files import QMAIL, Kind
from mta.programs.qmail import qmail_showctl
from tests.conftest import CORPORA, as_bytes
from tests.support.call import Result, call

UIDS, GIDS = [7790, 7791, 7792, 0, 7793, 7794, 7795, 7796], [7791, 7790]


class ShowCtl:
    def __init__(self, home: Path) -> None:
        self.home = home
        for name in ("control", "queue", "alias"):
            (home / name).mkdir(parents=True)

    def write(self, name: str, text: bytes) -> None:
        (self.home / "control" / name).write_bytes(text)

    def run(self) -> Result:
        return call("qmail-showctl", [], {b"QMAIL_HOME": os.fsencode(self.home)})

    def says(self, name: str) -> bytes | None:
        """What it says of one file."""
        found = re.search(rb"\n\n" + re.escape(name.encode()) + rb": (.*?)(?=\n\n|\Z)", self.run().out.rstrip(b"\n"), re.DOTALL)
        return found[1] if found else None


@pytest.fixture
def showctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ShowCtl:
    monkeypatch.setattr(qmail_showctl, "ids", lambda home: (UIDS, GIDS))
    return ShowCtl(tmp_path / "qmail")


def recorded() -> bytes:
    path = CORPORA / "oracle/qmail-system/snapshot.json"
    if not path.exists():
        pytest.skip(f"{path} is absent: the recorded output is not beside this checkout")
    return as_bytes(json.loads(path.read_text())["snap"]["qmail-showctl"])


def files_of(output: bytes) -> dict[str, bytes]:
    """The control files behind a recorded output."""
    found = {}
    for file in QMAIL:
        text = re.search(rb"\n\n" + re.escape(file.name.encode()) + rb": (.*?)(?=\n\n|\Z)", output, re.DOTALL)
        assert text is not None, file.name
        if text[1].startswith(b"(Default.)"):
            continue
        before, after = file.before.encode(), file.after.encode() + (b"." if file.kind in (Kind.LINE, Kind.INTEGER) else b"")
        lines = [line.removeprefix(before).removesuffix(after) for line in text[1].splitlines() if line]
        found[file.name] = b"".join(line + b"\n" for line in lines)
    return found


def test_it_says_what_the_original_says(showctl: ShowCtl) -> None:
    expected = recorded()
    for name, text in files_of(expected).items():
        showctl.write(name, text)
    assert showctl.run() == Result(0, expected.replace(b"/var/qmail", os.fsencode(showctl.home)), b"")


DEFAULT_TEXTS = b"""
badmailfrom: (Default.) Any MAIL FROM is allowed.

bouncefrom: (Default.) Bounce user name is MAILER-DAEMON.

bouncehost: (Default.) Bounce host name is bouncehost.

concurrencylocal: (Default.) Local concurrency is 10.

concurrencyremote: (Default.) Remote concurrency is 20.

databytes: (Default.) SMTP DATA limit is 0 bytes.

defaultdomain: (Default.) Default domain name is defaultdomain.

defaulthost: (Default.) Default host name is defaulthost.

doublebouncehost: (Default.) 2B recipient host: doublebouncehost.

doublebounceto: (Default.) 2B recipient user: postmaster.

envnoathost: (Default.) Presumed domain name is envnoathost.

helohost: (Default.) SMTP client HELO host name is helohost.

idhost: (Default.) Message-ID host name is idhost.

localiphost: (Default.) Local IP address becomes localiphost.

locals: (Default.) Messages for me are delivered locally.

me: (Default.) My name is undefined! Uh-oh.

percenthack: (Default.) The percent hack is not allowed.

plusdomain: (Default.) Plus domain name is plusdomain.

qmqpservers: (Default.) No QMQP servers.

queuelifetime: (Default.) Message lifetime in the queue is 604800 seconds.

rcpthosts: (Default.) SMTP clients may send messages to any recipient.

morercpthosts: (Default.) No rcpthosts; morercpthosts is irrelevant.

morercpthosts.cdb: (Default.) No effect.

smtpgreeting: (Default.) SMTP greeting: 220 smtpgreeting.

smtproutes: (Default.) No artificial SMTP routes.

timeoutconnect: (Default.) SMTP client connection timeout is 60 seconds.

timeoutremote: (Default.) SMTP client data timeout is 1200 seconds.

timeoutsmtpd: (Default.) SMTP server data timeout is 1200 seconds.

virtualdomains: (Default.) No virtual domains.
"""


def test_t08_an_empty_directory_is_all_defaults(showctl: ShowCtl) -> None:
    head = b"user ids: 7790, 7791, 7792, 0, 7793, 7794, 7795, 7796.\ngroup ids: 7791, 7790.\n"
    assert showctl.run().out.partition(head)[2] == DEFAULT_TEXTS


@pytest.mark.parametrize(
    ("why", "name", "text", "says"),
    [
        ("an empty line is the empty string", "bouncehost", b"\n", b"Bounce host name is ."),
        ("only the first line counts", "bouncehost", b"a.b  \nc\n", b"Bounce host name is a.b."),
        ("bytes that would hurt a terminal", "bouncehost", b"a\x1b\xe9\n", b"Bounce host name is a??."),
        ("no digits are no number", "databytes", b"x12\n", b"(Default.) SMTP DATA limit is 0 bytes."),
        ("digits and what follows", "databytes", b"12k\n", b"SMTP DATA limit is 12 bytes."),
        ("an empty list", "badmailfrom", b"", b""),
        ("comments are no entries", "badmailfrom", b"# a\n@b  \n", b"\n@b not accepted in MAIL FROM."),
        ("the percent hack", "percenthack", b"a.b\n", b"\nThe percent hack is allowed for user%host@a.b."),
        ("no passwords", "smtproutes", b"a.b:r|joe|secret|x\n:r\n", b"\nSMTP route: a.b:r|joe|(password)\nSMTP route: :r"),
        ("no passwords of senders either", "authsenders", b"@a.b:r|joe|secret\n", b"Relays and passwords of senders."),
        ("without rcpthosts", "morercpthosts", b"a.b\n", b"\nNo rcpthosts; doesn't matter that morercpthosts has a.b."),
    ],
)
def test_it_shows_a_file(showctl: ShowCtl, why: str, name: str, text: bytes, says: bytes) -> None:
    showctl.write(name, text)
    assert (showctl.says(name) or b"").rstrip(b"\n") == says, why


def test_me_stands_in_for_names_that_are_missing(showctl: ShowCtl) -> None:
    showctl.write("me", b"mail.example.org\n")
    assert showctl.says("helohost") == b"(Default.) SMTP client HELO host name is mail.example.org."
    assert showctl.says("bouncefrom") == b"(Default.) Bounce user name is MAILER-DAEMON."


@pytest.mark.parametrize("name", ["bouncehost", "databytes", "locals"])
def test_a_file_that_cannot_be_read_is_told(showctl: ShowCtl, name: str) -> None:
    (showctl.home / "control" / name).mkdir()
    assert showctl.says(name) == b"Oops! Trouble reading this file."


@pytest.mark.parametrize("source", ["morercpthosts", "tcp.smtp"])
def test_it_says_whether_a_compiled_file_is_up_to_date(showctl: ShowCtl, source: str) -> None:
    compiled = source + ".cdb"
    showctl.write(compiled, b"")
    assert showctl.says(compiled) == b"Oops! %b exists but %b doesn't." % (compiled.encode(), source.encode())
    showctl.write(source, b"")
    os.utime(showctl.home / "control" / compiled, (1000, 1000))
    assert showctl.says(compiled) == b"Oops! %b is older than %b." % (compiled.encode(), source.encode())
    os.utime(showctl.home / "control" / source, (1000, 1000))
    assert showctl.says(compiled) == b"Modified recently enough; hopefully up to date."


def test_a_list_that_was_never_compiled_is_told(showctl: ShowCtl) -> None:
    showctl.write("morercpthosts", b"a.b\n")
    assert showctl.says("morercpthosts.cdb") == b"Oops! morercpthosts exists but morercpthosts.cdb doesn't."


def test_our_own_files_are_explained_when_they_are_there(showctl: ShowCtl) -> None:
    for name, text in {
        "maxrcpt": b"50\n",
        "tcp.smtp": b"# c\n127.:allow\n",
        "servercert.pem": b"secret",
        "tlsclientciphers": b"HIGH\n",
    }.items():
        showctl.write(name, text)
    (showctl.home / "control/tlshosts").mkdir()
    (showctl.home / "control/tlshosts/mx.example.net.pem").touch()
    out = showctl.run().out
    assert out.endswith(
        b"virtualdomains: (Default.) No virtual domains.\n"
        b"\nmaxrcpt: Strangers may name 50 recipients of one message.\n"
        b"\nservercert.pem: Certificate of this server.\n"
        b"\ntcp.smtp: \nSMTP clients: 127.:allow\n"
        b"\ntlsclientciphers: Ciphers of the SMTP client: HIGH.\n"
        b"\ntlshosts: \nTLS with proof: mx.example.net.pem.\n"
    )
    assert b"secret" not in out


def test_names_nobody_knows_come_last(showctl: ShowCtl) -> None:
    showctl.write("zzz", b"")
    showctl.write("spfbehavior", b"")
    assert showctl.run().out.endswith(
        b"No virtual domains.\n\nspfbehavior: I have no idea what this file does.\n\nzzz: I have no idea what this file does.\n"
    )


@pytest.mark.parametrize(
    ("why", "gone", "says"),
    [
        ("no home", "", b"Oops! Unable to chdir to %b.\n"),
        ("no control directory", "control", b"Oops! Unable to chdir to control.\n"),
    ],
)
def test_without_a_directory_it_stops(showctl: ShowCtl, why: str, gone: str, says: bytes) -> None:
    (showctl.home / gone).rename(showctl.home.parent / "elsewhere")
    result = showctl.run()
    assert (result.code, b"\n".join(result.out.splitlines()[7:]) + b"\n") == (111, says.replace(b"%b", os.fsencode(showctl.home))), why


def test_without_me_it_cannot_go_on(showctl: ShowCtl) -> None:
    (showctl.home / "control/me").mkdir()
    result = showctl.run()
    assert (result.code, result.out.splitlines()[-1]) == (111, b"Oops! Trouble reading control/me.")


def test_an_instance_of_one_user_has_that_user_s_ids_throughout(tmp_path: Path) -> None:
    showctl = ShowCtl(tmp_path / "qmail")
    uid, gid = (showctl.home / "queue").stat().st_uid, (showctl.home / "queue").stat().st_gid
    lines = showctl.run().out.splitlines()[:7]
    assert lines == [
        b"qmail home directory: %b." % os.fsencode(showctl.home),
        b"user-ext delimiter: -.",
        b"paternalism (in decimal): 2.",
        b"silent concurrency limit: 120.",
        b"subdirectory split: 23.",
        b"user ids: %b." % b", ".join([b"%d" % uid] * 8),
        b"group ids: %b." % b", ".join([b"%d" % gid] * 2),
    ]


def test_a_missing_user_or_group_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qmail_showctl.accounts, "single", lambda home: None)
    monkeypatch.setattr(qmail_showctl, "_USERS", ("no-such-user",))
    result = ShowCtl(tmp_path / "a").run()
    assert result == Result(111, b"", b"qmail-showctl: fatal: unable to find user no-such-user\n")
    monkeypatch.setattr(qmail_showctl, "_USERS", ("root",))
    monkeypatch.setattr(qmail_showctl, "_GROUPS", ("no-such-group",))
    result = ShowCtl(tmp_path / "b").run()
    assert (result.code, b"no-such-group" in result.err) == (111, True)


def test_a_mini_qmail_has_no_users(tmp_path: Path) -> None:
    (tmp_path / "control").mkdir()
    (tmp_path / "control/qmqpservers").write_text("192.0.2.1\n")
    done = call("qmail-showctl", [], {b"QMAIL_HOME": os.fsencode(tmp_path)})
    assert done.code == 0
    assert b"\nuser ids: none.\ngroup ids: none.\n" in done.out
    assert b"\n\nqmqpservers: \nQMQP server: 192.0.2.1.\n" in done.out
