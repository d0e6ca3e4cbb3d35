"""vdelivermail: mailboxes of virtual domains, as a command in .qmail-default and in our own qmail-local."""

from __future__ import annotations

import os
import re
import shlex
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mta.formats import cdb, maildirname, users_assign, vpasswd
from tests.support import queue_program
from tests.support.call import Result, call, command, process
from tests.support.local_home import MESSAGE, maildir, mails, queued

NO_MAILBOX = b"Sorry, no mailbox here by that name. (#5.1.1)\n"
HEAD = b"Return-Path: <s@x>\nDelivered-To: joe@example.org\n"


class Domain:
    """example.org with joe, below domains/ of an instance; what is forwarded is kept by a program in the queue's place."""

    def __init__(self, path: Path) -> None:
        self.q = path / "q"
        self.site = self.q / "domains"
        self.dir = self.site / "example.org"
        self.dir.mkdir(parents=True)
        (self.q / "bin").mkdir()
        (self.q / "users").mkdir()
        self.queue = queue_program.make(path / "queued")
        self.env = {b"QMAIL_HOME": os.fsencode(self.q), b"QMAILQUEUE": self.queue.path, b"PATH": b"/usr/bin:/bin"}
        self.accounts()

    def accounts(self, quota: bytes = b"NOQUOTA", flags: int = 0, directory: Path | None = None) -> None:
        where = os.fsencode(directory or self.dir / "joe")
        (self.dir / "vpasswd.cdb").write_bytes(vpasswd.compile_(b"joe:x:1:%d:Joe:%b:%b\n" % (flags, where, quota)))

    def mailbox(self, dot_qmail: bytes | None = None) -> Path:
        """joe's Maildir, made beforehand."""
        (self.dir / "joe").mkdir(mode=0o700)
        if dot_qmail is not None:
            (self.dir / "joe/.qmail").write_bytes(dot_qmail)
        return maildir(self.maildir)

    @property
    def maildir(self) -> Path:
        return self.dir / "joe/Maildir"

    def variables(self, user: bytes, host: bytes) -> dict[bytes, bytes]:
        return {
            **self.env,
            b"EXT": user,
            b"HOST": host,
            b"HOME": os.fsencode(self.dir),
            b"SENDER": b"s@x",
            b"NEWSENDER": b"s@x",
            b"RPLINE": b"Return-Path: <s@x>\n",
        }

    def deliver(self, user: bytes = b"joe", message: bytes = MESSAGE, instruction: bytes = b"bounce-no-mailbox", age_s: int = 0) -> Result:
        with queued(message, age_s) as fd:
            return call("vdelivermail", [b"", instruction], self.variables(user, b"example.org"), stdin_fd=fd)


@pytest.fixture
def domain(tmp_path: Path) -> Domain:
    return Domain(tmp_path)


def quota_lines(domain: Domain) -> list[bytes]:
    return (domain.maildir / "maildirsize").read_bytes().splitlines()


# -- the mailbox -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("user", [b"joe", b"JOE"])
def test_a_message_arrives_with_its_lines_and_its_size_in_the_name(domain: Domain, user: bytes) -> None:
    box = domain.mailbox()
    assert domain.deliver(user) == Result(0, b"", b"")
    (file,) = (box / "new").iterdir()
    assert file.read_bytes() == HEAD + MESSAGE
    assert maildirname.size(os.fsencode(file.name)) == file.stat().st_size


def test_a_missing_mailbox_is_made(domain: Domain) -> None:
    domain.accounts(directory=domain.dir / "0" / "A" / "joe")
    assert domain.deliver() == Result(0, b"", b"")
    assert mails(domain.dir / "0/A/joe/Maildir") == [HEAD + MESSAGE]
    for made in ("0", "0/A", "0/A/joe", "0/A/joe/Maildir", "0/A/joe/Maildir/new", "0/A/joe/Maildir/cur", "0/A/joe/Maildir/tmp"):
        assert (domain.dir / made).stat().st_mode & 0o777 == 0o700
    assert os.listdir(domain.dir / "0/A/joe") == ["Maildir"]


def test_where_a_disk_is_not_mounted_nothing_is_made(domain: Domain, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    domain.accounts(directory=tmp_path / "disk/example.org/joe")
    assert domain.deliver() == Result(111, b"Temporary error on maildir delivery. (#4.3.0)\n", b"")
    assert os.listdir(tmp_path / "disk") == []


def test_a_maildir_that_is_half_made_is_not_trusted(domain: Domain) -> None:
    (domain.mailbox() / "tmp").rmdir()
    assert domain.deliver() == Result(111, b"Temporary error on maildir delivery. (#4.3.0)\n", b"")


def test_a_locked_mailbox_bounces(domain: Domain) -> None:
    domain.accounts(flags=vpasswd.BOUNCE_MAIL)
    assert domain.deliver() == Result(100, b"account is locked email bounced joe@example.org\n", b"")


@pytest.mark.parametrize("flags", [vpasswd.NO_POP | vpasswd.NO_IMAP, vpasswd.NO_SMTP, vpasswd.NO_WEBMAIL])
def test_c37_other_flags_are_not_about_delivery(domain: Domain, flags: int) -> None:
    domain.accounts(flags=flags)
    assert domain.deliver().code == 0


def test_its_own_line_in_the_header_is_a_loop(domain: Domain) -> None:
    assert domain.deliver(message=b"Delivered-To: joe@example.org\n\n") == Result(100, b"mail is looping\n", b"")
    assert domain.deliver(message=b"Delivered-To: example.org-joe@example.org\n\n").code == 0


@pytest.mark.parametrize(
    ("why", "spoil"),
    [
        ("cut short", lambda file: file.write_bytes(file.read_bytes()[:-5])),
        ("empty", lambda file: file.write_bytes(b"")),
        ("garbage", lambda file: file.write_bytes(b"\xff" * 4096)),
        ("a record that is none", lambda file: file.write_bytes(cdb.write([(b"joe", b"x")]))),
        ("a NUL", lambda file: file.write_bytes(cdb.write([(b"joe", b"x:1:0:J:/d\0/e:NOQUOTA")]))),
        ("a directory", lambda file: (file.unlink(), file.mkdir())),
        ("missing", lambda file: file.unlink()),
    ],
)
def test_a_damaged_vpasswd_cdb_lets_mail_wait(domain: Domain, why: str, spoil: Callable[[Path], object]) -> None:
    spoil(domain.dir / "vpasswd.cdb")
    result = domain.deliver(instruction=b"delete")
    assert result.code == 111 and result.out.startswith(b"vdelivermail: unable to "), why
    assert domain.queue.queued() == []


# -- nobody of that name -----------------------------------------------------------------------------------------------------------


def test_unknown_users_bounce_in_the_words_of_domain_site_or_our_own(domain: Domain) -> None:
    assert domain.deliver(b"nobody") == Result(100, NO_MAILBOX, b"")
    (domain.site / ".no-user.msg").write_bytes(b"site: n\xe9ant\n")
    assert domain.deliver(b"nobody") == Result(100, b"site: n\xe9ant\n", b"")
    (domain.dir / ".no-user.msg").write_bytes(b"domain:\nnobody\n\n")
    assert domain.deliver(b"nobody") == Result(100, b"domain:\nnobody\n", b"")


@pytest.mark.parametrize("user", [b"", b"../joe", b"joe-list", b"\xff"])
def test_users_that_cannot_be(domain: Domain, user: bytes) -> None:
    domain.mailbox()
    assert domain.deliver(user) == Result(100, NO_MAILBOX, b"")


def test_c40_delete(domain: Domain) -> None:
    before = sorted(domain.q.rglob("*"))
    assert domain.deliver(b"nobody", instruction=b"delete") == Result(0, b"", b"")
    assert sorted(domain.q.rglob("*")) == before
    assert domain.queue.queued() == []


@pytest.mark.parametrize("slash", [b"", b"/"])
def test_a_catch_all_mailbox_gets_it_under_its_own_quota(domain: Domain, slash: bytes) -> None:
    domain.accounts(quota=b"1C")
    instruction = os.fsencode(domain.dir / "joe") + slash
    assert domain.deliver(b"nobody", instruction=instruction) == Result(0, b"", b"")
    assert mails(domain.maildir) == [b"Return-Path: <s@x>\nDelivered-To: nobody@example.org\n" + MESSAGE]
    assert domain.deliver(b"nobody2", instruction=instruction) == Result(100, b"user is over quota\n", b"")
    domain.accounts(flags=vpasswd.BOUNCE_MAIL)
    assert domain.deliver(b"nobody", instruction=instruction).code == 100


def test_a_catch_all_directory_of_nobody_s_is_not_made(domain: Domain) -> None:
    instruction = os.fsencode(domain.dir / "gone")
    assert domain.deliver(b"nobody", instruction=instruction) == Result(111, b"Unable to chdir to maildir. (#4.2.1)\n", b"")


def test_a_catch_all_address_gets_it_forwarded(domain: Domain) -> None:
    assert domain.deliver(b"nobody", instruction=b"ada@far.example") == Result(0, b"", b"")
    assert domain.queue.queued() == [(b"Delivered-To: nobody@example.org\n" + MESSAGE, b"Fs@x\0Tada@far.example\0\0")]


# -- the user's .qmail -------------------------------------------------------------------------------------------------------------


def test_lines_of_the_user_s_file(domain: Domain) -> None:
    domain.mailbox(b"\n# comment\n./Maildir/\n&a@b\n./Maildir/.Work/\nc@d\n|cat >seen\n")
    maildir(domain.maildir / ".Work")
    assert domain.deliver() == Result(0, b"", b"")
    assert mails(domain.maildir) == mails(domain.maildir / ".Work") == [HEAD + MESSAGE]
    assert (domain.dir / "joe/seen").read_bytes() == MESSAGE
    assert domain.queue.queued() == [(b"Delivered-To: joe@example.org\n" + MESSAGE, b"Fs@x\0Ta@b\0Tc@d\0\0")]


def test_an_empty_file_means_the_maildir(domain: Domain) -> None:
    domain.mailbox(b"")
    assert domain.deliver().code == 0
    assert len(mails(domain.maildir)) == 1


@pytest.mark.parametrize(
    ("line", "code"), [(b"|exit 99", 99), (b"|exit 100", 100), (b"|exit 75", 111), (b"|exit 64", 100), (b"|exit 1", 111)]
)
def test_c39_exits_of_commands(domain: Domain, line: bytes, code: int) -> None:
    domain.mailbox(b"./Maildir/\na@b\n" + line + b"\n./Maildir/\n")
    assert domain.deliver() == Result(code, b"", b"")
    assert len(mails(domain.maildir)) == 1
    assert len(domain.queue.queued()) == (code == 99)


@pytest.mark.parametrize(
    ("why", "text", "mode", "said"),
    [
        ("an mbox", b"./Mailbox\n", 0o600, b"vdelivermail: .qmail names a file that is no Maildir (its path must end in a slash)\n"),
        ("anybody may write it", b"./Maildir/\n", 0o602, b"Uh-oh: .qmail file is writable. (#4.7.0)\n"),
    ],
)
def test_a_file_that_is_a_mistake_lets_mail_wait(domain: Domain, why: str, text: bytes, mode: int, said: bytes) -> None:
    domain.mailbox(text)
    (domain.dir / "joe/.qmail").chmod(mode)
    assert domain.deliver() == Result(111, said, b""), why


def test_a_message_goes_to_the_owner_of_a_forward(domain: Domain) -> None:
    domain.mailbox(b"a@b\n")
    with queued(MESSAGE) as fd:
        call("vdelivermail", [b"", b"delete"], {**domain.variables(b"joe", b"example.org"), b"NEWSENDER": b"own@x"}, stdin_fd=fd)
    assert domain.queue.queued()[0][1] == b"Fown@x\0Ta@b\0\0"


# -- quota -------------------------------------------------------------------------------------------------------------------------


def test_c41_usage_is_kept_in_maildirsize(domain: Domain) -> None:
    domain.accounts(quota=b"3000S,10C")
    message = b"x" * (137 - len(HEAD))
    assert domain.deliver(message=message).code == 0
    assert quota_lines(domain) == [b"3000S,10C", b"%12d %12d" % (0, 0), b"%12d %12d" % (137, 1)]


def test_over_quota_bounces_in_the_words_of_domain_site_or_our_own(domain: Domain) -> None:
    domain.accounts(quota=b"100S")
    assert domain.deliver(message=b"x" * 60) == Result(100, b"user is over quota\n", b"")
    (domain.site / ".over-quota.msg").write_bytes(b"site is full\n")
    assert domain.deliver(message=b"x" * 60).out == b"site is full\n"
    (domain.dir / ".over-quota.msg").write_bytes(b"domain is full\n")
    assert domain.deliver(message=b"x" * 60).out == b"domain is full\n"
    assert mails(domain.maildir) == []


def test_without_a_quota_no_file_is_kept(domain: Domain) -> None:
    domain.deliver()
    assert not (domain.maildir / "maildirsize").exists()


def test_a_quota_text_nobody_understands_is_none(domain: Domain) -> None:
    domain.accounts(quota=b"abc")
    assert domain.deliver().code == 0


def test_a_full_mailbox_that_only_forwards_is_not_full(domain: Domain) -> None:
    domain.accounts(quota=b"1S")
    domain.mailbox(b"a@b\n")
    assert domain.deliver() == Result(0, b"", b"")


def test_a_folder_counts_in_the_mailbox(domain: Domain) -> None:
    domain.accounts(quota=b"1C")
    domain.mailbox(b"./Maildir/.Work/\n")
    (maildir(domain.maildir / ".Work") / "maildirfolder").touch()
    assert domain.deliver().code == 0
    assert domain.deliver() == Result(100, b"user is over quota\n", b"")


def test_somebody_elses_maildir_has_its_own_quota(domain: Domain, tmp_path: Path) -> None:
    domain.accounts(quota=b"1S")
    other = maildir(tmp_path / "other")
    domain.mailbox(os.fsencode(other) + b"/\n")
    assert domain.deliver().code == 0
    assert not (other / "maildirsize").exists()
    (other / "maildirsize").write_bytes(b"1C\n           0            1\n")
    assert domain.deliver().code == 100


def test_the_same_message_again_is_counted_once(domain: Domain) -> None:
    domain.accounts(quota=b"10C")
    with queued(MESSAGE) as fd:
        for _ in range(2):
            assert call("vdelivermail", [b"", b"delete"], domain.variables(b"joe", b"example.org"), stdin_fd=fd).code == 0
    assert len(mails(domain.maildir)) == 1
    assert [line.split()[1] for line in quota_lines(domain)[1:]] == [b"0", b"1", b"1", b"-1"]


def test_a_delivery_that_fails_is_not_counted(domain: Domain) -> None:
    domain.accounts(quota=b"10C")
    (domain.mailbox() / "tmp").rmdir()
    (domain.maildir / "maildirsize").write_bytes(b"10C\n")
    assert domain.deliver().code == 111
    assert [line.split()[1] for line in quota_lines(domain)[1:]] == [b"1", b"-1"]


# -- nearly full -------------------------------------------------------------------------------------------------------------------

WARNING = b"From: postmaster@example.org\nSubject: nearly full\n\nPlease delete something.\n"


def warned(domain: Domain) -> list[bytes]:
    return [mail for mail in mails(domain.maildir) if b"nearly full" in mail]


def test_at_90_percent_the_user_is_told_once_a_day(domain: Domain) -> None:
    domain.accounts(quota=b"100C")
    domain.mailbox()
    (domain.site / ".quotawarn.msg").write_bytes(WARNING)
    (domain.maildir / "maildirsize").write_bytes(b"100C\n           0           88\n")
    assert domain.deliver().code == 0
    assert warned(domain) == []
    assert domain.deliver(message=b"second\n").code == 0
    (mail,) = warned(domain)
    head = rb"Return-Path: <>\nDelivered-To: joe@example\.org\nDate: [^\n]+ -0000\nMessage-ID: <[^\n]+@example\.org>\n"
    assert re.fullmatch(head + re.escape(WARNING), mail)
    assert [line.split()[1] for line in quota_lines(domain)[2:]] == [b"1", b"1", b"1"], "the warning is counted, too"
    assert domain.deliver(message=b"third\n").code == 0
    assert len(warned(domain)) == 1
    yesterday = time.time() - 86_401
    os.utime(domain.maildir / "quotawarn", (yesterday, yesterday))
    assert domain.deliver(message=b"fourth\n").code == 0
    assert len(warned(domain)) == 2


def test_a_header_line_the_warning_has_is_not_added(domain: Domain) -> None:
    domain.accounts(quota=b"1C")
    (domain.dir / ".quotawarn.msg").write_bytes(b"date: mine\nMessage-Id: <mine>\n" + WARNING)
    assert domain.deliver().code == 0
    assert warned(domain)[0].lower().count(b"date:") == warned(domain)[0].lower().count(b"message-id:") == 1


def test_without_a_text_nobody_is_told(domain: Domain) -> None:
    domain.accounts(quota=b"1C")
    assert domain.deliver().code == 0
    assert len(mails(domain.maildir)) == 1
    assert not (domain.maildir / "quotawarn").exists()


# -- where the domain is -----------------------------------------------------------------------------------------------------------


def test_c38_an_alias_domain_is_the_real_one(domain: Domain) -> None:
    with queued(MESSAGE) as fd:
        result = call("vdelivermail", [b"", b"delete"], domain.variables(b"joe", b"old.org"), stdin_fd=fd)
    assert result.code == 0
    assert mails(domain.maildir) == [HEAD + MESSAGE]


def test_run_from_elsewhere_the_domain_is_found_in_users_assign(domain: Domain, tmp_path: Path) -> None:
    line = b"+old.org-:example.org:1:1:%b:-::\n.\n" % os.fsencode(domain.dir)
    (domain.q / "users/cdb").write_bytes(users_assign.compile_(line))
    env = {**domain.variables(b"joe", b"OLD.org"), b"HOME": os.fsencode(tmp_path)}
    with queued(MESSAGE) as fd:
        assert call("vdelivermail", [b"", b"delete"], env, stdin_fd=fd).code == 0
    assert mails(domain.maildir) == [HEAD + MESSAGE]
    with queued(MESSAGE) as fd:
        result = call("vdelivermail", [b"", b"delete"], {**env, b"HOST": b"unknown.org"}, stdin_fd=fd)
    assert result == Result(111, b"vdelivermail: unable to find the domain\n", b"")


# -- how it is called --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("argv", [[], [b"delete"], [b"", b"delete", b"x"]])
def test_two_arguments_are_needed(domain: Domain, argv: list[bytes]) -> None:
    assert call("vdelivermail", argv, domain.variables(b"joe", b"example.org"), MESSAGE).code == 111


@pytest.mark.parametrize("missing", [b"EXT", b"HOST"])
def test_it_is_for_qmail_local_to_run(domain: Domain, missing: bytes) -> None:
    env = domain.variables(b"joe", b"example.org")
    del env[missing]
    assert call("vdelivermail", [b"", b"delete"], env, MESSAGE).code == 100


def test_an_instruction_nobody_understands(domain: Domain) -> None:
    assert domain.deliver(b"nobody", instruction=b"bounce").code == 111
    assert domain.deliver(b"joe", instruction=b"bounce").code == 0


def test_an_old_message_is_looked_for_in_cur(domain: Domain) -> None:
    with queued(MESSAGE, age_s=60) as fd:
        for _ in range(2):
            call("vdelivermail", [b"", b"delete"], domain.variables(b"joe", b"example.org"), stdin_fd=fd)
            for file in list((domain.maildir / "new").iterdir()):
                file.rename(domain.maildir / "cur" / f"{file.name}:2,S")
    assert len(mails(domain.maildir, "cur")) == 1


def test_a_message_from_a_filter_is_no_file_and_arrives_as_often_as_it_is_sent(domain: Domain) -> None:
    for _ in range(2):
        result = process("vdelivermail", [b"", b"delete"], domain.variables(b"joe", b"example.org"), MESSAGE)
        assert result == Result(0, b"", b"")
    assert mails(domain.maildir) == [HEAD + MESSAGE] * 2


@pytest.mark.parametrize("is_ours", [True, False])
def test_qmail_local_does_the_same_without_starting_it(domain: Domain, is_ours: bool) -> None:
    """is_ours: bin/vdelivermail is our script, so that its work is done in qmail-local; else it is run, and starts ours."""
    words = shlex.join(command("vdelivermail", os.fsencode(domain.q))).replace("from mta import runner", "import mta.runner as runner")
    script = domain.q / "bin/vdelivermail"
    script.write_text(f"#!/bin/sh\ntouch '{domain.q}/started'\nexec {words} \"$@\"\n")
    if is_ours:
        script.write_text(script.read_text() + "# from mta import runner\n")
    script.chmod(0o755)
    (domain.dir / ".qmail-default").write_bytes(b"| %b/bin/vdelivermail '' bounce-no-mailbox\n" % os.fsencode(domain.q))
    domain.mailbox(b'./Maildir/\n|echo "$PWD,$EXT,$RPLINE"\n')
    argv = [b"--", b"example.org", os.fsencode(domain.dir), b"example.org-joe", b"-", b"joe", b"example.org", b"s@x", b"./Maildir/"]
    with queued(MESSAGE) as fd:
        result = call("qmail-local", argv, domain.env, stdin_fd=fd)
    assert result == Result(0, os.fsencode(domain.dir) + b"/joe,joe,Return-Path: <s@x>\n\ndid 0+0+1\n", b"")
    assert (domain.q / "started").exists() is not is_ours
    assert mails(domain.maildir) == [HEAD + MESSAGE]
    argv[3], argv[5] = b"example.org-nobody", b"nobody"
    with queued(MESSAGE) as fd:
        result = call("qmail-local", argv, domain.env, stdin_fd=fd)
    assert (result.code, result.out + result.err) == (100, NO_MAILBOX)
