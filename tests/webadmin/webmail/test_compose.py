from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Callable
from email.message import EmailMessage
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.conftest import corpus
from tests.support.queue_program import QueueProgram
from tests.webadmin.webmail.conftest import Box
from webadmin.webmail import flowed

MARK = "0123456789abcdef"
GOOD = {"act": "send", "mark": MARK, "to": "Bo <bo@example.net>", "subject": "Hello", "body": "Dear Bo\n"}


def parse(data: bytes) -> EmailMessage:
    """The email package as a reader of what we have built."""
    found = email.message_from_bytes(data, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    return found


def text(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    return found[1] if found else ""


def body(page: str) -> str:
    found = re.search(r'<textarea[^>]*name="body"[^>]*>\n?(.*?)</textarea>', page, re.DOTALL)
    assert found is not None
    return found[1]


# ---- sending ----


def test_it_sends(cy: Client, box: Box, queue: QueueProgram) -> None:
    answer = cy.post("/mail/compose", {**GOOD, "cc": "c@example.net", "bcc": "d@example.net, e@example.net"}, follow=True)
    assert "Your message is on its way." in answer.text
    ((message, envelope),) = queue.queued()
    assert envelope == b"Fcy@example.org\0Tbo@example.net\0Tc@example.net\0Td@example.net\0Te@example.net\0\0"
    found = parse(message)
    assert (found["From"], found["To"], found["Cc"], found["Subject"]) == (
        "cy@example.org",
        "Bo <bo@example.net>",
        "c@example.net",
        "Hello",
    )
    assert "Bcc" not in found
    assert re.fullmatch(r"<[0-9]{14}\.[0-9a-f]{16}@example\.org>", found["Message-ID"])
    assert found["Date"].datetime is not None
    assert text(found) == "Dear Bo\n"
    assert b"\r" not in message


def test_it_keeps_one_copy(cy: Client, box: Box, queue: QueueProgram) -> None:
    cy.post("/mail/compose", {**GOOD, "bcc": "d@example.net"})
    (copy,) = box.messages(".Sent")
    ((message, _),) = queue.queued()
    assert parse(copy)["Bcc"] == "d@example.net"
    assert parse(copy)["Message-ID"] == parse(message)["Message-ID"]
    assert box.flags(".Sent") == ["S"]


def test_what_was_sent_is_not_sent_again(cy: Client, box: Box, queue: QueueProgram) -> None:
    cy.post("/mail/compose", GOOD)
    answer = cy.post("/mail/compose", GOOD, follow=True)
    assert "it was not sent again" in answer.text
    assert len(queue.queued()) == 1
    assert len(box.messages(".Sent")) == 1


def test_the_sender_is_always_the_mailbox(cy: Client, box: Box, queue: QueueProgram) -> None:
    cy.post("/mail/preferences", {"display_name": "Größe, Cy", "page_size": "50", "theme": "auto"})
    cy.post("/mail/compose", {**GOOD, "from": "ada@example.org", "sender": "ada@example.org"})
    ((message, envelope),) = queue.queued()
    assert envelope.startswith(b"Fcy@example.org\0")
    assert parse(message)["From"].addresses[0].addr_spec == "cy@example.org"
    assert parse(message)["From"].addresses[0].display_name == "Größe, Cy"
    assert parse(message)["Sender"] is None


@pytest.mark.parametrize(
    ("why", "subject"),
    [
        ("umlauts", "Grüße aus der Größe"),
        ("very long", "ä" * 400),
        ("an emoji", "🦉"),
        ("what looks encoded", "=?utf-8?q?x?="),
        ("long words", "x" * 300),
        ("brackets and quotes", 'a "b" <c>, (d) \\ ;'),
        ("empty", ""),
    ],
)
def test_subjects_arrive(cy: Client, box: Box, queue: QueueProgram, why: str, subject: str) -> None:
    assert cy.post("/mail/compose", {**GOOD, "subject": subject}).status_code == 302, why
    ((message, _),) = queue.queued()
    assert (parse(message)["Subject"] or "") == subject, why
    assert message.partition(b"\n\n")[0].isascii(), why
    assert max(map(len, message.split(b"\n"))) <= 998, why


@pytest.mark.parametrize(
    ("why", "written"),
    [
        ("umlauts", "Grüße\n"),
        ("a long line", "word " * 300 + "\n"),
        ("a word without end", "x" * 5000 + "\n"),
        ("dots and From", ".\n..\nFrom here\n From there\n> quoted\n"),
        ("blanks at the end", "a  \nb\n"),
        ("a signature", "a\n\n-- \nCy\n"),
        ("many line ends", "a\r\nb\rc\n"),
        ("controls", "a\x1b[2Jb\x07\n"),
    ],
)
def test_texts_arrive(cy: Client, box: Box, queue: QueueProgram, why: str, written: str) -> None:
    cy.post("/mail/compose", {**GOOD, "body": written})
    ((message, _),) = queue.queued()
    found = parse(message)
    assert found.get_param("format") == "flowed", why
    assert max(map(len, message.split(b"\n"))) <= 998, why
    wanted = re.sub("[\x00-\x08\x0b-\x1f]", "", written.replace("\r\n", "\n").replace("\r", "\n"))
    lines = [line if line == "-- " else line.rstrip(" ") for line in wanted.split("\n")]
    assert flowed.unflow(text(found)).split("\n") == lines, why


@pytest.mark.parametrize(
    ("why", "data", "says"),
    [
        ("nobody", {"to": ""}, "to whom the message should go"),
        ("no address", {"to": "joe"}, "it has no @"),
        ("half an address", {"to": "joe@"}, "not a full domain"),
        ("no dot", {"to": "joe@mac"}, "not a full domain"),
        ("no comma", {"to": "a@b.org c@d.org"}, "put a comma"),
        ("two in one", {"to": "Ann <a@b.org> <c@d.org>"}, "put a comma"),
        ("a program", {"to": '"|id"@x.test'}, "not a plain mailbox"),
        ("a file", {"to": "/etc/passwd"}, "it has no @"),
        ("letters no mail server takes", {"to": "jö@x.test"}, "not a plain mailbox"),
        ("a domain that cannot be", {"to": "a@-x-.test"}, "not a full domain"),
        ("a number", {"to": "a@127.0.0.1"}, "not a full domain"),
        ("in Cc", {"cc": "joe"}, "it has no @"),
        ("in Bcc", {"bcc": "joe"}, "it has no @"),
        ("a hundred and one", {"to": ", ".join(f"p{n}@x.test" for n in range(101))}, "100 recipients at most"),
        ("a line break in To", {"to": "a@b.org\r\nBcc: v@x.test"}, "Line breaks"),
        ("a line break in Subject", {"subject": "x\r\nBcc: v@x.test"}, "Line breaks"),
        ("a line separator in Subject", {"subject": "x\u2028Bcc: v@x.test"}, "Line breaks"),
        ("a NUL in To", {"to": "a@b.org\0"}, "ull characters"),
        ("an escape in Subject", {"subject": "\x1b[2J"}, "control characters"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field_and_nothing_is_lost(
    cy: Client, box: Box, queue: QueueProgram, why: str, data: dict[str, str], says: str
) -> None:
    answer = cy.post("/mail/compose", {**GOOD, "body": "My long text", **data})
    assert answer.status_code == 422, why
    assert says in answer.text, why
    assert "My long text" in answer.text, why
    assert queue.queued() == [], why
    assert box.messages(".Sent") == [], why


@pytest.mark.parametrize(
    ("why", "to", "envelope"),
    [
        ("a foreign domain travels in ASCII", "jg@münchen.de", b"jg@xn--mnchen-3ya.de"),
        ("a name in quotes", '"Doe, Joe" <joe@x.test>', b"joe@x.test"),
        ("a comment", "joe@x.test (Joe)", b"joe@x.test"),
        ("semicolons", "joe@x.test; joe@x.test", b"joe@x.test"),
        ("the name is the address", "joe@x.test <joe@x.test>", b"joe@x.test"),
        ("a group", "friends: joe@x.test;", b"joe@x.test"),
        ("every letter a box may have", "!#$%&'*+/=?^_`{|}~-.a@x.test", b"!#$%&'*+/=?^_`{|}~-.a@x.test"),
    ],
)
def test_addresses_as_people_write_them(cy: Client, box: Box, queue: QueueProgram, why: str, to: str, envelope: bytes) -> None:
    assert cy.post("/mail/compose", {**GOOD, "to": to}).status_code == 302, why
    assert queue.queued()[0][1] == b"Fcy@example.org\0T" + envelope + b"\0\0", why


def test_no_field_of_the_corpus_injects_a_line(cy: Client, box: Box, queue: QueueProgram) -> None:
    values = [c["value"] for c in corpus("hostile/webmail-text-and-forms")] + [
        "x\r\nBcc: victim@x.test",
        "x\nBcc: victim@x.test",
        "x\rBcc: victim@x.test",
    ]
    for number, value in enumerate(values):
        for name in ("to", "cc", "bcc", "subject", "body", "original", "draft"):
            mark = f"{number:012x}{len(name):04x}"
            file = SimpleUploadedFile("a.txt", b"x", content_type=value[:200])
            cy.post("/mail/compose", {**GOOD, "mark": mark, name: value, "attachments": file})
    assert len(queue.queued()) > len(values)
    for message, envelope in queue.queued():
        header = message.partition(b"\n\n")[0]
        assert not re.search(rb"^bcc:", header, re.IGNORECASE | re.MULTILINE)
        assert b"victim@x.test" not in envelope
        assert header.isascii()
        assert b"\r" not in header


# ---- attachments ----


def test_it_sends_attachments(cy: Client, box: Box, queue: QueueProgram) -> None:
    files = [
        SimpleUploadedFile("größe.txt", "é".encode(), content_type="text/plain"),
        SimpleUploadedFile("b.bin", bytes(range(256)) * 100, content_type="application/x-odd"),
        SimpleUploadedFile("x.html", b"<b>", content_type='text/html"\r\nX: y'),
    ]
    assert cy.post("/mail/compose", {**GOOD, "attachments": files}).status_code == 302
    ((message, _),) = queue.queued()
    found = parse(message)
    parts = list(found.iter_attachments())
    assert [(p.get_filename(), p.get_payload(decode=True)) for p in parts] == [
        ("größe.txt", "é".encode()),
        ("b.bin", bytes(range(256)) * 100),
        ("x.html", b"<b>"),
    ]
    assert all(p.get_content_disposition() == "attachment" for p in parts)
    assert text(found) == "Dear Bo\n"


def test_more_than_25_mb_are_refused_and_the_text_stays(cy: Client, box: Box, queue: QueueProgram) -> None:
    files = [SimpleUploadedFile(f"{n}.bin", b"x" * (9 << 20)) for n in range(3)]
    answer = cy.post("/mail/compose", {**GOOD, "attachments": files})
    assert answer.status_code == 422
    assert "25 MB; these have more" in answer.text
    assert "Dear Bo" in answer.text
    assert queue.queued() == []


def test_uploads_are_kept_when_something_else_is_wrong(cy: Client, box: Box, queue: QueueProgram) -> None:
    file = SimpleUploadedFile("plan.txt", b"the plan")
    page = cy.post("/mail/compose", {**GOOD, "to": "joe", "attachments": file})
    assert page.status_code == 422
    assert "plan.txt" in page.text
    keep = re.findall(r'name="keep" value="([^"]+)" checked', page.text)
    assert cy.post("/mail/compose", {**GOOD, "keep": keep}).status_code == 302
    (part,) = parse(queue.queued()[0][0]).iter_attachments()
    assert (part.get_filename(), part.get_payload(decode=True)) == ("plan.txt", b"the plan")
    assert box.names(".Drafts") == []


def test_an_attachment_that_is_gone_is_missed(cy: Client, box: Box, queue: QueueProgram) -> None:
    answer = cy.post("/mail/compose", {**GOOD, "keep": "d:0011223344556677"})
    assert answer.status_code == 422
    assert "attach the files again" in answer.text
    assert queue.queued() == []


# ---- the queue says no ----


@pytest.mark.parametrize(
    ("why", "code", "status", "says"),
    [
        ("for now", 53, 503, "could not be sent just now"),
        ("for good", 31, 422, "The server refused the message"),
        ("a crash", 81, 503, "could not be sent just now"),
    ],
)
def test_a_refusal_is_shown_and_the_message_kept(
    cy: Client, box: Box, refuse: Callable[[int], None], queue: QueueProgram, why: str, code: int, status: int, says: str
) -> None:
    refuse(code)
    file = SimpleUploadedFile("plan.txt", b"the plan")
    answer = cy.post("/mail/compose", {**GOOD, "attachments": file})
    assert answer.status_code == status, why
    assert says in answer.text, why
    assert "It is kept as a draft." in answer.text, why
    assert "Dear Bo" in answer.text, why
    assert "plan.txt" in answer.text, why
    assert box.messages(".Sent") == [], why
    assert len(box.messages(".Drafts")) == 1, why


def test_without_a_queue_it_says_so(cy: Client, box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QMAILQUEUE", "/nowhere/qmail-queue")
    answer = cy.post("/mail/compose", GOOD)
    assert answer.status_code == 503
    assert len(box.messages(".Drafts")) == 1


def test_a_copy_that_cannot_be_kept_does_not_make_one_send_again(cy: Client, box: Box, queue: QueueProgram) -> None:
    (box.maildir / ".Sent").write_text("in the way")
    answer = cy.post("/mail/compose", GOOD, follow=True)
    assert "no copy could be kept in Sent" in answer.text
    assert len(queue.queued()) == 1


# ---- drafts ----


def test_a_draft_may_lack_everything_and_comes_back_as_it_was(cy: Client, box: Box, queue: QueueProgram) -> None:
    data = {
        "act": "save",
        "mark": MARK,
        "to": 'joe, "Doe, Ann" <ann@x.test>, jö@münchen.de',
        "subject": "Grüße",
        "body": "one\n\ntwo " + "word " * 50 + "\n",
        "attachments": SimpleUploadedFile("a b.txt", b"x"),
    }
    assert cy.post("/mail/compose", data).headers["Location"] == "/mail/f/Drafts/"
    assert box.flags(".Drafts") == ["DS"]
    assert queue.queued() == []
    link = re.search(r"/mail/f/Drafts/([0-9a-f]{24})/", cy.get("/mail/f/Drafts/").text)
    assert link is not None
    page = cy.get(f"/mail/compose?draft={link[1]}").text
    assert field(page, "subject") == "Grüße"
    assert field(page, "mark") == MARK
    assert field(page, "to").startswith("joe, &quot;Doe, Ann&quot; &lt;ann@x.test&gt;")
    assert body(page).strip() == ("one\n\ntwo " + "word " * 50).strip()
    assert "a b.txt" in page


def test_a_new_version_takes_the_place_of_the_old_one(cy: Client, box: Box) -> None:
    for n in range(3):
        cy.post("/mail/compose", {**GOOD, "act": "save", "subject": f"Version {n}"})
    (draft,) = box.messages(".Drafts")
    assert b"Version 2" in draft


def test_a_draft_of_another_program_is_sent_and_gone(cy: Client, box: Box, queue: QueueProgram) -> None:
    other = (
        b"From: cy@example.org\nTo: bo@example.net\nSubject: Begun\nIn-Reply-To: <9@x>\nReferences: <8@x> <9@x>\n"
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nhalf\n"
        b"--b\nContent-Type: a/b\nContent-Disposition: attachment; filename=f\n\ndata\n--b--\n"
    )
    key = box.put(other, folder=".Drafts", flags="D")
    page = cy.get(f"/mail/compose?draft={key}").text
    names = ("to", "subject", "mark", "draft")
    data = {n: field(page, n) for n in names} | {
        "body": body(page),
        "keep": re.findall(r'name="keep" value="([^"]+)"', page),
        "act": "send",
    }
    assert cy.post("/mail/compose", data).status_code == 302
    sent = parse(queue.queued()[0][0])
    assert (sent["In-Reply-To"], sent["References"]) == ("<9@x>", "<8@x> <9@x>")
    assert [p.get_filename() for p in sent.iter_attachments()] == ["f"]
    assert box.names(".Drafts") == []


def test_the_draft_goes_when_the_message_is_sent(cy: Client, box: Box, queue: QueueProgram) -> None:
    cy.post("/mail/compose", {**GOOD, "act": "save"})
    cy.post("/mail/compose", GOOD)
    assert box.names(".Drafts") == []
    assert len(queue.queued()) == 1


def test_what_is_thrown_away_is_in_trash(cy: Client, box: Box) -> None:
    cy.post("/mail/compose", {**GOOD, "act": "save"})
    cy.post("/mail/compose", {"act": "discard", "mark": MARK})
    assert (box.names(".Drafts"), len(box.names(".Trash"))) == ([], 1)
    assert "thrown away" in cy.post("/mail/compose", {"act": "discard", "mark": MARK}, follow=True).text


def test_a_full_mailbox_takes_no_draft_and_says_so(cy: Client, box: Box, queue: QueueProgram) -> None:
    (box.maildir / "maildirsize").write_bytes(b"100S\n          99            1\n")
    answer = cy.post("/mail/compose", {**GOOD, "act": "save", "body": "My long text"})
    assert answer.status_code == 422
    assert "Your mailbox is full" in answer.text
    assert "My long text" in answer.text
    assert box.names(".Drafts") == []
    assert cy.post("/mail/compose", GOOD).status_code == 302  # sending is no matter of the mailbox
    assert len(queue.queued()) == 1


# ---- answers ----

ORIGINAL = (
    b'From: "Ada, L." <ada@example.net>\nReply-To: list@example.net\nTo: cy@example.org, bo@example.net\nCc: dee@example.net\n'
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\nMessage-ID: <2@x>\nReferences: <0@x> <1@x>\n"
    b"Date: Sat, 3 Jan 2026 01:05:34 +0000\n\nDear Cy\n> quoted\n"
)


@pytest.mark.parametrize(
    ("why", "mode", "to", "cc"),
    [
        ("to where answers go", "reply", "list@example.net", ""),
        ("to all but oneself", "all", "list@example.net", "bo@example.net, dee@example.net"),
    ],
)
def test_an_answer_begins_rightly(cy: Client, box: Box, why: str, mode: str, to: str, cc: str) -> None:
    key = box.put(ORIGINAL, flags="S")
    page = cy.get(f"/mail/compose?mode={mode}&folder=INBOX&key={key}").text
    assert (field(page, "to"), field(page, "cc"), field(page, "subject")) == (to, cc, "Re: Grüße"), why
    assert "On Sat, 3 Jan 2026 at 01:05, Ada, L. &lt;ada@example.net&gt; wrote:\n&gt; Dear Cy\n&gt;&gt; quoted" in body(page), why


def test_an_answer_to_ones_own_mail_goes_where_that_went(cy: Client, box: Box) -> None:
    key = box.put(b"From: cy@example.org\nTo: bo@example.net\nSubject: Re: x\n\ny\n", folder=".Sent", flags="S")
    page = cy.get(f"/mail/compose?mode=reply&folder=Sent&key={key}").text
    assert (field(page, "to"), field(page, "subject")) == ("bo@example.net", "Re: x")


def answer_to(cy: Client, key: str, mode: str, **data: Any) -> None:
    page = cy.get(f"/mail/compose?mode={mode}&folder=INBOX&key={key}").text
    form = {
        n: field(page, n).replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"')
        for n in ("to", "cc", "subject", "mark", "original")
    }
    form |= {"body": body(page), "keep": re.findall(r'name="keep" value="([^"]+)"', page), "act": "send"} | data
    answer = cy.post("/mail/compose", form)
    assert answer.status_code == 302, answer.text


def test_an_answer_keeps_the_thread_and_marks_the_original(cy: Client, box: Box, queue: QueueProgram) -> None:
    key = box.put(ORIGINAL, flags="S")
    answer_to(cy, key, "reply")
    sent = parse(queue.queued()[0][0])
    assert sent["In-Reply-To"] == "<2@x>"
    assert sent["References"].split() == ["<0@x>", "<1@x>", "<2@x>"]
    assert sent["X-Tawny-Original"] is None
    assert box.flags() == ["RS"]


def test_the_thread_survives_a_draft(cy: Client, box: Box, queue: QueueProgram) -> None:
    key = box.put(ORIGINAL, flags="S")
    answer_to(cy, key, "reply", act="save")
    link = re.search(r"/mail/f/Drafts/([0-9a-f]{24})/", cy.get("/mail/f/Drafts/").text)
    assert link is not None
    page = cy.get(f"/mail/compose?draft={link[1]}").text
    assert field(page, "original") == f"reply INBOX {key}"
    data = {n: field(page, n) for n in ("to", "subject", "mark", "original", "draft")} | {"act": "send", "body": "x"}
    cy.post("/mail/compose", data)
    assert parse(queue.queued()[0][0])["In-Reply-To"] == "<2@x>"
    assert box.flags() == ["RS"]


@pytest.mark.parametrize(
    ("why", "fields", "in_reply_to", "references"),
    [
        ("no id", b"", None, None),
        ("an id with a line end", b"Message-ID: <x>\r\n <a\r\n b@c>\n", "<x>", ["<x>"]),
        ("rubbish", b"Message-ID: x y z\nReferences: <ok@x> junk <a b>\n", None, ["<ok@x>"]),
        (
            "a thousand ancestors",
            b"Message-ID: <me@x>\nReferences: " + b" ".join(b"<%d@x>" % n for n in range(1000)) + b"\n",
            "<me@x>",
            None,
        ),
        ("only In-Reply-To", b"Message-ID: <2@x>\nIn-Reply-To: <1@x>\n", "<2@x>", ["<1@x>", "<2@x>"]),
    ],
)
def test_threads_of_odd_messages(
    cy: Client, box: Box, queue: QueueProgram, why: str, fields: bytes, in_reply_to: str | None, references: list[str] | None
) -> None:
    key = box.put(b"From: a@b.org\n" + fields + b"\nx\n", flags="S")
    answer_to(cy, key, "reply")
    sent = parse(queue.queued()[0][0])
    assert sent["In-Reply-To"] == in_reply_to, why
    found = (sent["References"] or "").split()
    assert len(found) <= 20, why
    if references is not None:
        assert found == references, why


WITH_FILES = (
    b"From: ada@example.net\nSubject: Plans\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nsee below\n"
    b"--b\nContent-Type: application/pdf\nContent-Disposition: attachment; filename=one.pdf\nContent-Transfer-Encoding: base64\n\nMQ==\n"
    b"--b\nContent-Type: a/b\nContent-Disposition: attachment; filename=two.bin\n\n2\n--b--\n"
)


def test_it_is_passed_on_with_its_files(cy: Client, box: Box, queue: QueueProgram) -> None:
    key = box.put(WITH_FILES, flags="S")
    answer_to(cy, key, "forward", to="bo@example.net")
    sent = parse(queue.queued()[0][0])
    assert sent["Subject"] == "Fwd: Plans"
    assert "Forwarded message" in text(sent)
    assert "see below" in text(sent)
    assert [(p.get_filename(), p.get_payload(decode=True)) for p in sent.iter_attachments()] == [("one.pdf", b"1"), ("two.bin", b"2")]
    assert box.flags() == ["PS"]
    assert "In-Reply-To" not in sent


def test_one_may_leave_files_out(cy: Client, box: Box, queue: QueueProgram) -> None:
    key = box.put(WITH_FILES, flags="S")
    answer_to(cy, key, "forward", to="bo@example.net", keep=["o:3"])
    assert [p.get_filename() for p in parse(queue.queued()[0][0]).iter_attachments()] == ["two.bin"]


def test_it_is_passed_on_whole(cy: Client, box: Box, queue: QueueProgram) -> None:
    key = box.put(WITH_FILES, flags="S")
    answer_to(cy, key, "attach", to="bo@example.net")
    (part,) = parse(queue.queued()[0][0]).iter_attachments()
    assert part.get_content_type() == "message/rfc822"
    assert part.get_filename() == "Plans.eml"
    assert WITH_FILES in queue.queued()[0][0]


@pytest.mark.parametrize(
    "query",
    ["mode=reply", "mode=reply&folder=INBOX&key=" + "0" * 24, "mode=odd&folder=INBOX&key=KEY", "mode=reply&folder=..&key=KEY", "draft=KEY"],
)
def test_there_is_no_answer_to_nothing(cy: Client, box: Box, query: str) -> None:
    key = box.put()
    assert cy.get(f"/mail/compose?{query.replace('KEY', key)}").status_code == 404


def test_links_fill_in_the_form_and_no_more(cy: Client) -> None:
    page = cy.get("/mail/compose", {"to": "a@x.test", "subject": "s\r\nX: y", "bcc": "v@x.test", "attach": "/etc/passwd"}).text
    assert (field(page, "to"), field(page, "subject"), field(page, "bcc")) == ("a@x.test", "s  X: y", "")
    assert "passwd" not in page


def test_every_odd_message_can_be_answered(cy: Client, box: Box) -> None:
    for data in (
        b"",
        b"\0\0\0",
        b"From: \n\n",
        b"no header",
        WITH_FILES,
        b"Content-Type: message/rfc822\n\n" * 150,
        b"From: =?utf-8?q?=0D=0AX:?= <a@b.org>\n\n",
    ):
        key = box.put(data, flags="S")
        for mode in ("reply", "all", "forward", "attach"):
            assert cy.get(f"/mail/compose?mode={mode}&folder=INBOX&key={key}").status_code == 200, data[:40]
