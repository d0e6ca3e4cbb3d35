"""The parsers and sessions that strangers reach, each as a function of bytes, with what must be true whatever the bytes are."""

from __future__ import annotations

import functools
import io
import os
import struct
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from mta.decisions import inject
from mta.decisions.matchup import Matchup
from mta.errors import MailError, Temporary
from mta.formats import (
    address_list,
    aliases,
    ask,
    bounce,
    cdb,
    checkpassword,
    control,
    date_field,
    dns_message,
    dot_forward,
    dotqmail,
    envelope,
    folder_name,
    include_file,
    info,
    install_call,
    isoqlog_conf,
    local_job,
    login_call,
    maildirname,
    maildirsize,
    maillist,
    manifest,
    mbox_split,
    mess822,
    mess822_when,
    multilog_script,
    netstring,
    netstring_input,
    pop3_list,
    queue_call,
    quota_text,
    rcpthosts,
    recipients,
    relay_ctrl,
    run_script,
    serial,
    serverlog,
    setforward,
    smtp_path,
    smtproutes,
    spawn,
    stale_policy,
    supervise_status,
    tai64n,
    tcprules,
    tcpto,
    todo,
    token822,
    users_assign,
    utmp,
    virtualdomains,
    vpasswd,
)
from mta.formats.header822 import Splitter
from mta.formats.mime import parameters, structure, transfer
from mta.formats.mime.source import Bytes
from mta.formats.sendmail_list import Defaults
from mta.net.pop3 import lines as pop3_lines
from mta.net.pop3.state import CLASSIC, RFC
from mta.net.smtp import stdio
from mta.net.smtp.signatures import Scanner
from mta.net.smtp.state import Client, Controls, Profile, Session, Verify
from mta.net.smtp_client.reply import Replies
from mta.programs.qmail import qmail_qmqpd, qmail_qmtpd
from mta.unix.fds import Fds
from mta.unix.queue_call import QueueCall
from tests.fuzz.engine import Target
from tests.support.pop3_model import Model

Queued = list[tuple[bytes, bytes, tuple[bytes, ...]]]
DEFAULTS = Defaults(host=b"mx.test", domain=b"oracle.test", plus=b"plus.test")
SITE = inject.Site(default_domain=b"oracle.test", default_host=b"mx", plus_domain=b"plus.test", id_host=b"mx.test")


class Kept(QueueCall):
    """A queue in memory."""

    def __init__(self, queued: Queued) -> None:
        self._queued, self._text = queued, b""

    def write(self, data: bytes) -> None:
        self._text += data

    def _commit(self, envelope_: bytes) -> MailError | None:
        sender, found = envelope.read(envelope_)
        self._queued.append((self._text, sender, found))
        return None

    def abandon(self) -> None:
        self._text = b""


def is_clean(queued: Queued) -> bool:
    """No address can end its record or a line."""
    return not any(byte in address for _, sender, found in queued for address in (sender, *found) for byte in (b"\0", b"\r", b"\n"))


# -- SMTP --------------------------------------------------------------------------------------------------------------------------


class Script(stdio.Wire):
    """Says pieces, hears replies."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        super().__init__(-1, -1, 1)
        self._pieces, self.heard = iter(pieces), b""

    def flush(self) -> None:
        self.heard, self._out = self.heard + self._out, b""

    def read(self) -> bytes:
        self.flush()
        piece = next(self._pieces, b"")
        if not piece:
            raise stdio.Gone
        return piece


SMTP_CONTROLS = Controls(
    greeting=b"mx.test", localiphost=b"mx.test", rcpthosts=frozenset((b"oracle.test",)), badmailfrom=frozenset((b"@bad.test",))
)
SMTP_CLIENT = Client(ip=b"192.0.2.7", local=b"mx.test", stamp=b"<1.2@mx.test>")
PLAIN, STRICT = Profile(), Profile(has_size=True, has_auth=True, auth_in_clear=True, recipients_max=3, errors_max=5)


def smtp_session(profile: Profile, pieces: Iterable[bytes]) -> tuple[bytes, Queued]:
    queued: Queued = []
    wire = Script(pieces)
    stdio.serve(Session(profile, SMTP_CLIENT, SMTP_CONTROLS), wire, lambda: Kept(queued), lambda: 0, _password)
    wire.flush()
    return wire.heard, queued


def _password(wanted: Verify) -> MailError | None:
    return None if wanted.password == b"right" else Temporary("no")


def in_pieces(data: bytes) -> Iterable[bytes]:
    """Of a few octets; of what is large, some hundred."""
    size = 1 + sum(data[:8]) % 7 + len(data) // 500
    return (data[i : i + size] for i in range(0, len(data), size))


def smtp(profile: Profile, data: bytes) -> None:
    """How it is cut changes nothing; replies are replies; without a login nothing goes elsewhere; messages end where their dot is."""
    heard, queued = smtp_session(profile, [data])
    assert (heard, queued) == smtp_session(profile, in_pieces(data))
    assert heard.endswith(b"\r\n") and all(len(line) >= 3 and line[:3].isdigit() for line in heard.split(b"\r\n")[:-1]), heard
    assert is_clean(queued) and len(queued) <= data.count(b"\r\n.\r\n")
    if b"\r\n235 " not in heard:
        assert all(b"@" not in r or r.lower().endswith(b"@oracle.test") or r.endswith(b"@mx.test") for _, _, found in queued for r in found)
    for text, _, _ in queued:
        assert text.startswith(b"Received: from ") and text.count(b"\r\n") <= data.count(b"\r\r\n")


def smtp_replies(data: bytes) -> None:
    """What a server says to qmail-remote."""
    replies = Replies()
    for piece in in_pieces(data):
        replies.feed(piece)
        while (reply := replies.next()) is not None:
            assert b"\0" not in reply.shown and reply.code <= 999


def signatures(data: bytes) -> None:
    listed = (b"TVqQAAMAA", b"UEsDBBQAA")
    whole, cut = Scanner(listed), Scanner(listed)
    whole.feed(data)
    for piece in in_pieces(data):
        cut.feed(piece)
    assert whole.is_hit == cut.is_hit


# -- POP3, QMTP, QMQP --------------------------------------------------------------------------------------------------------------


def pop3(data: bytes) -> None:
    for profile in (CLASSIC, RFC):
        session = Model(profile, [(b"1.a.h", b"S: 1\n\n.a\nb\n"), (b"2.b.h", b"S: 2\n\n"), (b"3.c.h", b"")])
        lines = pop3_lines.Lines(255)
        lines.feed(data)
        while not session.is_over and (line := lines.next()) is not None:
            said = session.say(line)
            assert said.endswith(b"\r\n") and said[:3] in (b"+OK", b"-ER")
            assert said.count(b"\n") == said.count(b"\r\n") or profile is CLASSIC


@functools.cache
def _home() -> bytes:
    folder = Path(tempfile.mkdtemp(prefix="tawny-fuzz-"))
    (folder / "control").mkdir()
    (folder / "control/me").write_text("mx.test\n")
    (folder / "control/rcpthosts").write_text("oracle.test\n")
    return os.fsencode(folder)


def netstring_daemon(module: object, data: bytes) -> None:
    """Messages for addresses that can be, or nothing; and never for a domain that is not ours (QMTP)."""
    queued: Queued = []
    kept = module.queue_call.open_  # type: ignore[attr-defined]
    module.queue_call.open_ = lambda *_: Kept(queued)  # type: ignore[attr-defined]
    try:
        with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as out:
            source.write(data)
            source.seek(0)
            code = module.main([], {b"QMAIL_HOME": _home()}, Fds({0: source.fileno(), 1: out.fileno()}))  # type: ignore[attr-defined]
            out.seek(0)
            answers = netstring.read_all(out.read())
    finally:
        module.queue_call.open_ = kept  # type: ignore[attr-defined]
    assert code in (0, 100, 111) and all(answer[:1] in (b"K", b"Z", b"D") for answer in answers)
    assert is_clean(queued)
    if module is qmail_qmtpd:
        assert all(b"@" not in r or r.lower().endswith(b"@oracle.test") for _, _, found in queued for r in found)


def netstrings(data: bytes) -> None:
    """The two readers agree."""
    stream = netstring_input.Input(io.BytesIO(data).read)
    found = netstring.read_all(data)
    for wanted in found:
        assert stream.take(stream.length()) == wanted
        stream.comma()
    assert netstring.read_all(b"".join(map(netstring.write, found))) == found


# -- files of control, users and queue -----------------------------------------------------------------------------------------------


def cdb_file(data: bytes) -> None:
    """A damaged file is told, or answers; what is written from its records reads back. The first octets are the key."""
    key, file = data[:4], data[4:]
    reader = cdb.reader(file)
    reader.get(key)
    list(reader.get_all(b""))
    found = list(cdb.records(file))
    assert list(cdb.records(cdb.write(found))) == found


def cdb_records(data: bytes) -> None:
    pairs = [(part[:3], part[3:]) for part in data.split(b"|")[:40]]
    reader = cdb.reader(cdb.write(pairs))
    for key, _ in pairs:
        assert list(reader.get_all(key)) == [value for other, value in pairs if other == key]


def controls(data: bytes) -> None:
    control.line(data), control.integer(data)
    lines = control.lines(data)
    assert control.lines(control.write_lines(lines)) == lines
    control.map_(lines), control.set_(lines)
    rcpthosts.compile_more(data)
    for host in (b"a.b.example", b"", data[:50]):
        smtproutes.find(smtproutes.read(data), host)
        virtualdomains.find(virtualdomains.read(data), b"joe@" + host)


def assign(data: bytes) -> None:
    """What is compiled can be looked up, and means the lines that were read."""
    compiled = users_assign.compile_(data)
    get = cdb.reader(compiled).get
    for entry in users_assign.read(data):
        users_assign.find(get, entry.user.user)


def rules(data: bytes) -> None:
    get = cdb.reader(tcprules.compile_(data)).get
    for ip, host, who in ((b"1.2.3.4", None, None), (b"127.0.0.1", b"a.example.org", b"joe"), (b"::1", b"", b"")):
        tcprules.find(get, ip, host, who)


def dot_qmail(data: bytes) -> None:
    dotqmail.read(data)
    assert b"." not in dotqmail.file_name(data)


def alias_files(data: bytes) -> None:
    """sendmail's: aliases, an :include: file, a .forward."""
    for read in (
        lambda: aliases.compile_(data, DEFAULTS),
        lambda: include_file.items(data, DEFAULTS),
        lambda: dot_forward.read(data, DEFAULTS, user=b"joe", host=b"h.org"),
    ):
        try:
            read()
        except (ValueError, MailError):
            pass


def forwards(data: bytes) -> None:
    """What setforward compiles printforward prints, and that compiles to the same."""
    found = setforward.read(data)
    assert setforward.read(setforward.write(iter(found))) == found


def mail_list(data: bytes) -> None:
    items = maillist.from_text(data)
    assert maillist.read(maillist.write(items)) == items
    maillist.to_text(data)


def queue_files(data: bytes) -> None:
    for read in (todo.read, info.read, recipients.read, envelope.read, bounce.told, tcpto.read, spawn.read_commands, spawn.read_reports):
        try:
            read(data)
        except (ValueError, MailError):
            pass
    try:
        sender, to = envelope.read(data)
    except ValueError:
        return
    assert envelope.read(envelope.write(sender, to)) == (sender, to)


def written_todo(data: bytes) -> None:
    found = todo.read(data)
    assert found.sender is None or todo.read(todo.write(found)) == found


def calls(data: bytes) -> None:
    """What programs of ours say to each other, some of them as root."""
    for read in (
        queue_call.read_frames,
        queue_call.read_result,
        ask.read,
        install_call.read_step,
        install_call.read_list,
        local_job.read_jobs,
        local_job.read_reports,
        login_call.read_request,
        login_call.read_answer,
        manifest.read,
        checkpassword.read,
        supervise_status.read,
    ):
        try:
            read(data)
        except (ValueError, MailError):
            pass


def boxes(data: bytes) -> None:
    """Files in mailboxes, which their users write as they like."""
    for read in (
        vpasswd.read,
        maildirsize.read,
        maildirsize.read_quota,
        quota_text.read,
        pop3_list.read,
        stale_policy.read,
        folder_name.read,
        folder_name.decode,
        run_script.read,
        isoqlog_conf.read,
        maildirname.split,
        maildirname.size,
        relay_ctrl.read,
        relay_ctrl.address,
    ):
        try:
            read(data)
        except ValueError:
            pass
    list(utmp.lines(data, b"joe"))
    b"".join(line for message in mbox_split.messages(io.BytesIO(data).readline) for line in message)


def logs(data: bytes) -> None:
    matchup = Matchup()
    for line in data.split(b"\n"):
        serverlog.read(line)
        matchup.feed(line + b"\n")
    matchup.pending()
    tai64n.local(data, time.gmtime)
    words = data.split(b"\n")
    script = multilog_script.read(words[:-1])
    for step in script.steps:
        step.pattern.matches(words[-1])


def dns(data: bytes) -> None:
    """Counts of records and what follows the question; the question is ours, else nothing would be read."""
    for kind in (dns_message.A, dns_message.TXT, dns_message.PTR):
        asked = dns_message.question(1, b"a.test", kind)
        answer = dns_message.read(asked[:2] + b"\x81\x80\0\1" + data[:6] + asked[12:] + data[6:], asked)
        assert all(isinstance(value, bytes) for value in answer.values)


# -- headers and bodies --------------------------------------------------------------------------------------------------------------


def header(data: bytes) -> None:
    """qmail-inject: however the message is cut, the same header, sender, recipients and body."""
    found = []
    for pieces in ([data] if data else [], in_pieces(data)):
        splitter, head, body = Splitter(), inject.Header(SITE, inject.Person({b"USER": b"joe"}), None), b""
        for fields, rest in (*map(splitter.feed, pieces), splitter.close()):
            for one in fields:
                head.field(one)
            body += rest
        found.append((head.finish(0, 1, frozenset()), head.sender, head.recipients(), body))
    assert found[0] == found[1]


def tokens(data: bytes) -> None:
    """What is written, before and after its addresses were completed, can be read again."""
    parsed = token822.parse(data)
    token822.plain(parsed)
    token822.parse(token822.write(parsed))
    token822.parse(token822.write(token822.rewrite(parsed, lambda address: inject.complete(SITE, address))))


def fields(data: bytes) -> None:
    entries = mess822.addresses(data)
    mess822.addresses(mess822.write_list(entries))
    mess822_when.read(data)
    date_field.read(data)
    address_list.read(data)
    smtp_path.parameters(smtp_path.read(data)[1])


def mime(data: bytes) -> None:
    """No text makes the scanner leave the message, or dig without end."""
    found = structure.scan(Bytes(data))
    assert len(found.parts) <= structure.PARTS_MAX
    parameters.read(data)
    for encoding in (b"base64", b"quoted-printable", b"x-uuencode"):
        transfer.decode(encoding, data)


def serial_answers(data: bytes) -> None:
    lines = data.split(b"\n")
    serial.envelope(lines[0] + b"\n", (lines[1] if len(lines) > 1 else b"") + b"\n")


_SMTP = (
    b"HELO me\r\n",
    b"EHLO me\r\n",
    b"MAIL FROM:<a@b>\r\n",
    b"RCPT TO:<joe@oracle.test>\r\n",
    b"DATA\r\n",
    b"\r\n.\r\n",
    b"RSET\r\n",
    b"QUIT\r\n",
    b"\n.\n",
    b"\n.\r\n",
    b"\r.\r\n",
    b"@elsewhere.test",
    b"@oracle.test",
    b"AUTH PLAIN AGpvZQByaWdodA==\r\n",
    b"AUTH LOGIN\r\n",
    b"BDAT 9\r\n",
    b"SIZE=",
    b"<",
    b">",
    b"@r1:",
    b"%",
    b"!",
    b'"',
    b"\\",
)
_MAIL = (
    b"From: ",
    b"To: ",
    b"Cc: ",
    b"Bcc: ",
    b"Resent-To: ",
    b"Return-Path: ",
    b"a@b",
    b"<a@b>",
    b"group: a, b;",
    b"(c)",
    b'"q"',
    b"\n ",
    b"\n\n",
    b"\\",
    b"[1.2.3.4]",
    b"@r:",
    b"=?utf-8?q?x?=",
    b"Content-Type: multipart/mixed; boundary=x\n\n",
    b"--x\n",
    b"--x--\n",
    b"Content-Type: message/rfc822\n\n",
    b"Content-Transfer-Encoding: base64\n",
)
_NET = (b"0:,", b"1:a,", b"3:a@b,", b"5:\nhi\n,", b"18:15:joe@oracle.test,,", b"\n", b"\r", b"200000001:", b"99999999999999999999:")
_LINES = (
    b"=joe:joe:1:1:/h:::\n",
    b"+joe-:joe:1:1:/h:-::\n",
    b".\n",
    b"1.2.3.4:allow\n",
    b'127.:allow,RELAYCLIENT=""\n',
    b":deny\n",
    b"|cmd\n",
    b"&a@b\n",
    b"./Maildir/\n",
    b"#c\n",
    b"a: b, c\n",
    b":include:/x",
    b'"|cmd"',
    b"t@h: &a@b;",
    b"\\",
)
_RECORDS = (
    b"u1\0p2\0",
    b"Fa@b\0",
    b"Tc@d\0",
    b"D",
    b"\0",
    struct.pack("<II", 2048, 0),
    b"\0\0\0\1",
    b"3:put,",
    b"@4000000037c219bf2ef02e94 ",
)
_LOG = (
    b"1.0 new msg 7\n",
    b"1.0 info msg 7: bytes 9 from <a@b> qp 2 uid 3\n",
    b"2.0 starting delivery 3: msg 7 to local a@b\n",
    b"3.0 delivery 3: success: did_1+0+0/\n",
    b"4.0 end msg 7\n",
    b"smtpd: ok: ",
    b"smtpd: deny: ",
    b"-*",
    b"+*: *",
    b"s99",
    b"./d",
)


def _target(name: str, try_: Callable[[bytes], object], words: tuple[bytes, ...] = (), *more: type[BaseException]) -> Target:
    return Target(name, try_, (ValueError, *more), words)


TARGETS = {
    target.name: target
    for target in (
        Target("smtp", functools.partial(smtp, PLAIN), (), _SMTP),
        Target("smtp-auth", functools.partial(smtp, STRICT), (), _SMTP),
        Target("smtp-replies", smtp_replies, (ValueError,), (b"250-", b"250 ", b"550", b"\r\n", b"\n")),
        Target("signatures", signatures, (), (*_MAIL, b"TVqQAAMAAA\r\n", b"\r\n\r\n")),
        Target(
            "pop3",
            pop3,
            (),
            (b"STAT\r\n", b"LIST ", b"RETR 1\r\n", b"TOP 1 ", b"DELE 2\r\n", b"UIDL ", b"RSET\r\n", b"QUIT\r\n", b"99999999999"),
        ),
        Target("qmtp", functools.partial(netstring_daemon, qmail_qmtpd), (), _NET),
        Target("qmqp", functools.partial(netstring_daemon, qmail_qmqpd), (), _NET),
        _target("netstring", netstrings, _NET),
        _target("cdb", cdb_file, _RECORDS),
        _target("cdb-records", cdb_records, (b"|",)),
        _target("control", controls, _LINES),
        _target("assign", assign, _LINES),
        _target("tcprules", rules, _LINES),
        _target("dotqmail", dot_qmail, _LINES, MailError),
        Target("aliases", alias_files, (), _LINES),
        _target("setforward", forwards, _LINES),
        _target("maillist", mail_list, _LINES),
        Target("queue-files", queue_files, (), _RECORDS),
        _target("todo", written_todo, _RECORDS, MailError),
        Target("calls", calls, (), _RECORDS),
        Target("boxes", boxes, (), _LINES),
        _target("logs", logs, _LOG),
        _target("dns", dns, (b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4", b"\xc0\x0c", b"\0\x10", b"\0\x0c", b"\1a\0", b"\3txt")),
        _target("header", header, _MAIL),
        _target("tokens", tokens, _MAIL),
        _target("fields", fields, _MAIL),
        Target("mime", mime, (), _MAIL),
        _target("serial", serial_answers, (b"Return-Path: <a@b>\n", b"Delivered-To: p-joe@h\n")),
    )
}
