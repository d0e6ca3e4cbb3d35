"""The walk of messages through the whole appliance, with the clients people use: swaks, curl, fetchmail, sendmail."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from mta.formats import supervise_status
from tests.end_to_end.conftest import World
from tests.support.process import eventually

PASSWORD = "correct-horse-7"
ADA = "ada@far.example"


@pytest.fixture(scope="session")
def mail(world: World) -> World:
    """example.org with joe and sue."""
    a = world.a
    a.manage("vadddomain", "example.org", PASSWORD)
    for name in ("joe", "sue"):
        a.manage("vadduser", f"{name}@example.org", PASSWORD)
    return world


def need(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is not installed")
    return path


def swaks(world: World, *words: str, port: str = "SMTP") -> subprocess.CompletedProcess[str]:
    command = [need("swaks"), "--server", "127.0.0.1", "--port", str(world.a.ports[port]), *words]
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)


def inbox(world: World, name: str) -> list[bytes]:
    return world.a.messages("example.org", name)


def wait_for(world: World, name: str, text: bytes) -> bytes:
    """The message of a mailbox that holds text, once it is there."""
    eventually(lambda: any(text in m for m in inbox(world, name)), f"{text!r} never came to {name}: {world.a.logs()}")
    return next(m for m in inbox(world, name) if text in m)


BODY = b"Subject: first light\r\nFrom: ada@far.example\r\nTo: joe@example.org\r\n\r\n.a dot\r\n..two\r\n\xc3\xbc and \xff\r\nlast\r\n"


def test_swaks_delivers_and_curl_and_fetchmail_get_the_same_bytes(mail: World, tmp_path: Path) -> None:
    (tmp_path / "message").write_bytes(BODY.removesuffix(b"\r\n"))  # swaks adds the last line's end
    done = swaks(mail, "--from", ADA, "--to", "joe@example.org", "--data", f"@{tmp_path}/message")
    assert done.returncode == 0, done.stdout
    stored = wait_for(mail, "joe", b"first light")
    trace, _, rest = stored.partition(b"Subject: first light")
    assert b"Subject: first light" + rest == BODY.replace(b"\r\n", b"\n")
    assert trace.startswith(b"Return-Path: <ada@far.example>\nDelivered-To: joe@example.org\nReceived: (qmail ")

    url = f"pop3://127.0.0.1:{mail.a.ports['POP3']}/1"
    fetched = subprocess.run([need("curl"), "-s", url, "-u", f"joe@example.org:{PASSWORD}"], capture_output=True, check=True).stdout
    assert fetched.replace(b"\r\n", b"\n").rstrip(b"\n") == stored.rstrip(b"\n")

    rc = tmp_path / "fetchmailrc"
    rc.write_text(
        f'poll 127.0.0.1 service {mail.a.ports["POP3"]} protocol POP3 username "joe@example.org" password "{PASSWORD}"\n'
        f'keep sslproto "" mda "cat > {tmp_path}/fetched"\n'
    )
    rc.chmod(0o600)
    done = subprocess.run(
        [need("fetchmail"), "-f", rc, "--norewrite", "--invisible", "--pidfile", tmp_path / "pid", "-i", tmp_path / "ids"],
        capture_output=True,
        text=True,
        check=False,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "fetched").read_bytes().rstrip(b"\n") == stored.rstrip(b"\n")


def test_pop3s_and_stls(mail: World) -> None:
    for url in (f"pop3s://127.0.0.1:{mail.a.ports['POP3S']}/", f"pop3://127.0.0.1:{mail.a.ports['POP3']}/"):
        command = [need("curl"), "-s", "-k", "--ssl-reqd", url, "-u", f"sue@example.org:{PASSWORD}"]
        subprocess.run(command, capture_output=True, check=True)


@pytest.mark.parametrize(
    ("why", "recipient", "reply"),
    [
        ("nobody's mailbox", "nobody@example.org", "550 sorry, no mailbox here by that name (#5.1.1)"),
        ("relaying", "someone@elsewhere.example", "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)"),
    ],
)
def test_refused_at_rcpt(mail: World, why: str, recipient: str, reply: str) -> None:
    done = swaks(mail, "--from", ADA, "--to", recipient)
    assert done.returncode == 24 and reply in done.stdout, why


def test_submission_wants_a_password_over_tls_and_sends_far_away(mail: World) -> None:
    words = ["--from", "joe@example.org", "--to", "friend@far.example", "--header", "Subject: out you go"]
    assert swaks(mail, *words, port="SUBMISSION").returncode != 0
    bad = swaks(mail, *words, "--tls", "--auth", "PLAIN", "--auth-user", "joe@example.org", "--auth-password", "wrong", port="SUBMISSION")
    assert "535 authentication failed" in bad.stdout
    for auth, port in (("PLAIN", "SUBMISSION"), ("LOGIN", "SMTPS")):
        tls = "--tls" if port == "SUBMISSION" else "--tls-on-connect"
        login = ["--auth", auth, "--auth-user", "joe@example.org", "--auth-password", PASSWORD]
        done = swaks(mail, *words, tls, *login, port=port)
        assert done.returncode == 0, done.stdout
    eventually(lambda: sum(b"out you go" in m.data for m in mail.far.messages) == 2, mail.a.logs())
    received = next(m for m in mail.far.messages if b"out you go" in m.data)
    assert received.recipients == [b"<friend@far.example>"]
    assert b"(joe@example.org@127.0.0.1)\r\n  by mx.example.net with ESMTPSA; " in received.data


@pytest.mark.parametrize("domain", ["far.example", "routed.example"], ids=["by MX", "by smtproutes"])
def test_an_alias_forwards_to_another_host(mail: World, domain: str, tmp_path: Path) -> None:
    alias = mail.a.home / "domains/example.org" / f".qmail-to-{domain.replace('.', ':')}"
    alias.write_text(f"&friend@{domain}\n")
    subject = f"for {domain}"
    done = swaks(mail, "--from", ADA, "--to", f"to-{domain}@example.org", "--header", f"Subject: {subject}")
    assert done.returncode == 0, done.stdout
    eventually(lambda: any(subject.encode() in m.data for m in mail.far.messages), mail.a.logs())
    message = next(m for m in mail.far.messages if subject.encode() in m.data)
    assert message.sender.partition(b" ")[0] == b"<ada@far.example>"
    assert message.recipients == [f"<friend@{domain}>".encode()]


def test_a_permanent_failure_comes_back_as_a_bounce(mail: World) -> None:
    mail.far.replies["RCPT"] = [b"550 5.1.1 no such user here\r\n"]
    try:
        login = ["--tls", "--auth", "PLAIN", "--auth-user", "joe@example.org", "--auth-password", PASSWORD]
        words = ["--from", "joe@example.org", "--to", "gone@far.example", "--header", "Subject: will bounce"]
        assert swaks(mail, *words, *login, port="SUBMISSION").returncode == 0
        bounce = wait_for(mail, "joe", b"failure notice")
    finally:
        del mail.far.replies["RCPT"]
    text = bounce.decode("latin-1")
    assert "Return-Path: <>\nDelivered-To: joe@example.org\n" in text
    assert "From: MAILER-DAEMON@mx.example.net\nTo: joe@example.org\nSubject: failure notice\n" in text
    said = (
        "<gone@far.example>:\n127.0.0.2 does not like recipient.\nRemote host said: 550 5.1.1 no such user here\nGiving up on 127.0.0.2.\n"
    )
    assert "Hi. This is the qmail-send program at mx.example.net.\n" in text and said in text
    assert "--- Below this line is a copy of the message.\n\nReturn-Path: <joe@example.org>\n" in text


def test_a_temporary_failure_is_tried_again_when_told_to(mail: World) -> None:
    mail.far.replies["RCPT"] = [b"451 4.7.1 greylisted, try again\r\n"]
    login = ["--tls", "--auth", "PLAIN", "--auth-user", "joe@example.org", "--auth-password", PASSWORD]
    words = ["--from", "joe@example.org", "--to", "later@far.example", "--header", "Subject: patience"]
    assert swaks(mail, *words, *login, port="SUBMISSION").returncode == 0
    eventually(lambda: "deferral: 127.0.0.2_does_not_like_recipient" in mail.a.log("qmail-send"), mail.a.logs())
    assert "later@far.example" in mail.a.manage("qread")
    del mail.far.replies["RCPT"]
    mail.a.send(b"a")  # ALRM
    eventually(lambda: any(b"patience" in m.data for m in mail.far.messages), mail.a.logs())
    eventually(lambda: "later@far.example" not in mail.a.manage("qread"), "it stayed in the queue")


def test_sendmail_and_qmail_inject_send_from_this_machine(mail: World) -> None:
    for name, words in (("sendmail", ["-t"]), ("qmail-inject", [])):
        message = f"To: sue@example.org\nSubject: by {name}\n\nhello\n"
        subprocess.run([mail.a.home / "bin" / name, *words], input=message.encode(), check=True, env={"USER": "root"})
        assert b"hello\n" in wait_for(mail, "sue", f"by {name}".encode())


def test_a_message_for_many_is_delivered_to_each_once(mail: World) -> None:
    swaks(mail, "--from", ADA, "--to", "joe@example.org,sue@example.org,postmaster@example.org", "--header", "Subject: all of you")
    for name in ("joe", "sue", "postmaster"):
        wait_for(mail, name, b"all of you")
        assert sum(b"all of you" in m for m in inbox(mail, name)) == 1


def test_explain_and_the_log_tell_the_same_path(mail: World) -> None:
    done = swaks(mail, "--from", ADA, "--to", "joe@example.org", "--header", "Subject: traced")
    qp = re.search(r"250 ok \d+ qp (\d+)", done.stdout)
    assert qp is not None
    wait_for(mail, "joe", b"traced")
    said = mail.a.manage("explain", "joe@example.org")
    assert "control/virtualdomains:1" in said and "example.org/joe/Maildir/" in said
    log = mail.a.log("qmail-send")
    info = re.search(rf"info msg (\d+): bytes \d+ from <ada@far\.example> qp {qp[1]} uid", log)
    assert info is not None
    start = re.search(rf"starting delivery (\d+): msg {info[1]} to local example\.org-joe@example\.org", log)
    assert start is not None
    eventually(lambda: f"delivery {start[1]}: success: " in mail.a.log("qmail-send"), "no success in the log")
    assert f"qp {qp[1]} from <ada@far.example>" in mail.a.log("smtpd")


def test_a_service_that_dies_is_started_again(mail: World) -> None:
    status = mail.a.home / "service/queue-writer/supervise/status"
    before = supervise_status.read(status.read_bytes()).pid
    os.kill(before, signal.SIGKILL)
    eventually(lambda: supervise_status.read(status.read_bytes()).pid not in (0, before), "it was not started again")

    def goes_through() -> bool:
        return swaks(mail, "--from", ADA, "--to", "sue@example.org", "--header", "Subject: after the fall").returncode == 0

    eventually(goes_through, "no mail is taken any more")
    wait_for(mail, "sue", b"after the fall")


def test_a_wrong_password_says_the_same_for_everybody(mail: World) -> None:
    replies = set()
    for name in ("joe@example.org", "nobody@example.org", "joe@nowhere.example"):
        command = [need("curl"), "-sv", f"pop3://127.0.0.1:{mail.a.ports['POP3']}/", "-u", f"{name}:wrong"]
        said = subprocess.run(command, capture_output=True, text=True, check=False)
        assert said.returncode == 67  # login denied
        replies.add(next(line for line in said.stderr.splitlines() if line.startswith("< -ERR")))
    assert len(replies) == 1


def test_every_process_runs_as_who_it_should(mail: World) -> None:
    if os.geteuid() != 0:
        pytest.skip("without root everything runs as one user")
    wanted = {
        "smtpd": "qmaild",
        "submission": "qmaild",
        "queue-writer": "qmailq",
        "vmaild": "vpopmail",
        "pop3d": "tawnyd",
        "web-front": "tawnyd",
        "webmail": "vpopmail",
        "webadmin": "tawny",
        "celery-worker": "tawny",
        "qmail-send": "qmails",
        "login-broker": "root",
        "installer": "root",
    }
    for name, user in wanted.items():
        pid = supervise_status.read((mail.a.home / "service" / name / "supervise/status").read_bytes()).pid
        assert pwd.getpwuid(Path(f"/proc/{pid}").stat().st_uid).pw_name == user, name
    queue = mail.a.home / "queue"
    assert (queue.stat().st_mode & 0o777, queue.owner()) == (0o750, "qmailq")


def test_the_queue_is_empty_when_all_is_said(mail: World) -> None:
    eventually(lambda: not mail.a.manage("qread").strip(), "something stays in the queue")
    assert mail.a.manage("qstat").startswith("messages in queue: 0\n")


def test_z_it_stops_within_five_seconds_and_starts_again_with_its_mail(mail: World) -> None:
    code, seconds = mail.a.stop()
    assert code == 0
    assert seconds < 5.5, "a stop takes too long"
    mail.a.start()
    assert mail.a.password and "first operator" not in mail.a.said()
    swaks(mail, "--from", ADA, "--to", "joe@example.org", "--header", "Subject: morning")
    wait_for(mail, "joe", b"morning")
