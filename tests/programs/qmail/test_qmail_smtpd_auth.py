"""AUTH of qmail-smtpd, with any checkpassword program: mechanisms, replies, and what the program is given."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import sys
from base64 import b64decode, b64encode
from pathlib import Path

import pytest

from mta.programs.qmail import qmail_smtpd
from mta.unix import checkpassword
from mta.unix.fds import Fds
from tests.support import queue_program

# knows joe with "s p", by password and by digest; keeps what it was given
PROGRAM = """#!{python} -IS
import hashlib, hmac, os, sys
data = os.read(3, 1000)
open({kept!r}, "ab").write(data + b"\\n")
name, secret, stamp, rest = data.split(b"\\0")
if name == b"crash":
    os.kill(os.getpid(), 9)
if name.startswith(b"exit"):
    os._exit(int(name[4:]))
print("noise")
right = hmac.new(b"s p", stamp, hashlib.md5).hexdigest().encode() if stamp else b"s p"
if name != b"joe" or secret != right:
    os._exit(1)
os.execv(sys.argv[1], sys.argv[1:])
"""
MAIL, RCPT = "MAIL FROM:<joe@x.y>", "RCPT TO:<u@elsewhere.test>"
OK, FAILED = "235 ok, go ahead (#2.0.0)", "535 authentication failed (#5.7.1)"
LATER = "454 oops, unable to check that now (#4.3.0)"
FIRST = "530 Authorization required (#5.7.1)"
ASK_USER, ASK_PASSWORD = "334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"


def b64(text: bytes) -> str:
    return b64encode(text).decode()


PLAIN = b64(b"\0joe\0s p")


class Smtpd:
    def __init__(self, path: Path) -> None:
        (path / "control").mkdir()
        (path / "control/me").write_text("mx.oracle.test\n")
        (path / "control/rcpthosts").write_text("oracle.test\n")
        self.path = path
        self.kept = path / "given"
        program = path / "check"
        program.write_text(PROGRAM.format(python=os.path.realpath(sys.executable), kept=str(self.kept)))
        program.chmod(0o755)
        self.argv = [os.fsencode(program), b"/bin/true"]
        self.queue = queue_program.make(path / "queued")

    def say(self, *lines: str, smtpauth: str | None = "") -> list[str]:
        """Replies, the greeting and the answer to QUIT left out."""
        (self.path / "in").write_bytes("".join(line + "\r\n" for line in (*lines, "QUIT")).encode())
        env = {b"QMAIL_HOME": os.fsencode(self.path), b"QMAILQUEUE": self.queue.path, b"PATH": b"/usr/bin:/bin"}
        if smtpauth is not None:
            env[b"SMTPAUTH"] = smtpauth.encode()
        with (self.path / "in").open("rb") as source, (self.path / "out").open("wb") as out:
            assert qmail_smtpd.main(self.argv, env, Fds({0: source.fileno(), 1: out.fileno()})) == 0
        return (self.path / "out").read_bytes().decode().split("\r\n")[1:-2]

    def given(self) -> list[bytes]:
        return self.kept.read_bytes().split(b"\n")[:-1] if self.kept.exists() else []


@pytest.fixture
def smtpd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Smtpd:
    monkeypatch.chdir(tmp_path)
    return Smtpd(tmp_path)


@pytest.mark.parametrize(
    ("smtpauth", "words", "is_required"),
    [
        ("", "LOGIN PLAIN", False),
        ("!", "LOGIN PLAIN", True),
        ("+cram", "LOGIN PLAIN CRAM-MD5", False),
        ("!+cram", "LOGIN PLAIN CRAM-MD5", True),
        ("cram", "CRAM-MD5", False),
        ("!cram", "CRAM-MD5", True),
        ("1", "LOGIN PLAIN", False),
    ],
)
def test_smtpauth_chooses_the_mechanisms(smtpd: Smtpd, smtpauth: str, words: str, is_required: bool) -> None:
    said = smtpd.say("EHLO x", MAIL, smtpauth=smtpauth)
    assert said[:-1] == [
        "250-mx.oracle.test", "250-PIPELINING", "250-SIZE 0", f"250-AUTH {words}", f"250-AUTH={words}", "250 8BITMIME",
    ]  # fmt: skip
    assert said[-1] == (FIRST if is_required else "250 ok")


@pytest.mark.parametrize("smtpauth", [None, "-", "0"])
def test_without_smtpauth_there_is_none(smtpd: Smtpd, smtpauth: str | None) -> None:
    said = smtpd.say("EHLO x", f"AUTH PLAIN {PLAIN}", smtpauth=smtpauth)
    assert said == ["250-mx.oracle.test", "250-PIPELINING", "250 8BITMIME", "503 auth not available (#5.3.3)"]


def test_without_a_program_there_is_none(smtpd: Smtpd) -> None:
    smtpd.argv = []
    assert smtpd.say(f"AUTH PLAIN {PLAIN}") == ["503 auth not available (#5.3.3)"]


@pytest.mark.parametrize(
    ("why", "lines", "replies", "record"),
    [
        ("PLAIN at once", [f"AUTH PLAIN {PLAIN}"], [OK], b"joe\0s p\0\0"),
        ("PLAIN when asked", ["auth plain", PLAIN], ["334 ", OK], b"joe\0s p\0\0"),
        ("PLAIN with an identity", [f"AUTH PLAIN {b64(b'ann' + bytes(1) + b'joe' + bytes(1) + b's p')}"], [OK], b"joe\0s p\0\0"),
        ("LOGIN", ["AUTH LOGIN", b64(b"joe"), b64(b"s p")], [ASK_USER, ASK_PASSWORD, OK], b"joe\0s p\0\0"),
        ("LOGIN with its name", [f"AUTH LOGIN {b64(b'joe')}", b64(b"s p")], [ASK_PASSWORD, OK], b"joe\0s p\0\0"),
        ("another password", [f"AUTH PLAIN {b64(bytes(1) + b'joe' + bytes(1) + b'x')}"], [FAILED], b"joe\0x\0\0"),
        ("somebody unknown", [f"AUTH PLAIN {b64(bytes(1) + b'bo' + bytes(1) + b's p')}"], [FAILED], b"bo\0s p\0\0"),
    ],
)
def test_the_program_decides(smtpd: Smtpd, why: str, lines: list[str], replies: list[str], record: bytes) -> None:
    assert smtpd.say(*lines) == replies, why
    assert smtpd.given() == [record]


@pytest.mark.parametrize(
    ("why", "user", "reply"),
    [
        ("a wrong password", b"exit1", FAILED),
        ("any other number is a no", b"exit3", FAILED),
        ("misused", b"exit2", LATER),
        ("it cannot tell now", b"exit111", LATER),
        ("a signal ends it", b"crash", LATER),
    ],
)
def test_what_it_exits_with(smtpd: Smtpd, why: str, user: bytes, reply: str) -> None:
    assert smtpd.say(f"AUTH PLAIN {b64(bytes(1) + user + bytes(1) + b'x')}", MAIL, RCPT)[0] == reply, why


def test_a_program_that_is_not_there_is_tried_again(smtpd: Smtpd) -> None:
    smtpd.argv = [b"/nowhere/check", b"/bin/true"]
    assert smtpd.say(f"AUTH PLAIN {PLAIN}") == [LATER]


def test_a_record_longer_than_the_interface_has_room_for_is_nobody_s(smtpd: Smtpd) -> None:
    assert smtpd.say(f"AUTH PLAIN {b64(bytes(1) + b'joe' + bytes(1) + b'x' * 600)}") == [FAILED]
    assert smtpd.given() == []
    longest = checkpassword.record(b"joe", b"x" * 506)
    assert len(longest) == 512
    assert smtpd.say(f"AUTH PLAIN {b64(bytes(1) + b'joe' + bytes(1) + b'x' * 506)}") == [FAILED]
    assert smtpd.given() == [longest]


@pytest.mark.parametrize(
    ("why", "lines", "replies"),
    [
        ("no such mechanism", ["AUTH GSSAPI"], ["504 auth type unimplemented (#5.5.1)"]),
        ("CRAM-MD5 was not offered", ["AUTH CRAM-MD5"], ["504 auth type unimplemented (#5.5.1)"]),
        ("cancelled", ["AUTH LOGIN", "*"], [ASK_USER, "501 auth exchange canceled (#5.0.0)"]),
        ("no base64", ["AUTH PLAIN ???"], ["501 malformed auth input (#5.5.4)"]),
        ("no password", [f"AUTH PLAIN {b64(bytes(1) + b'joe' + bytes(1))}"], ["501 malformed auth input (#5.5.4)"]),
        ("twice", [f"AUTH PLAIN {PLAIN}", f"AUTH PLAIN {PLAIN}"], [OK, "503 you're already authenticated (#5.5.0)"]),
        ("in a transaction", [MAIL, f"AUTH PLAIN {PLAIN}"], ["250 ok", "503 no auth during mail transaction (#5.5.0)"]),
    ],
)
def test_refusals(smtpd: Smtpd, why: str, lines: list[str], replies: list[str]) -> None:
    assert smtpd.say(*lines) == replies, why


def test_who_has_logged_in_may_send_anywhere(smtpd: Smtpd) -> None:
    assert smtpd.say(MAIL, RCPT)[1].startswith("553 sorry, that domain")
    said = smtpd.say("EHLO me", f"AUTH PLAIN {PLAIN}", MAIL, RCPT, "DATA", "Subject: x", ".", smtpauth="!")
    assert said[6:11] == [OK, "250 ok", "250 ok", "354 go ahead", said[10]] and said[10].startswith("250 ok ")
    ((message, envelope),) = smtpd.queue.queued()
    assert message.startswith(b"Received: from unknown (HELO me) (joe@unknown)\n  by unknown with ESMTPA; ")
    assert envelope == b"Fjoe@x.y\0Tu@elsewhere.test\0\0"


def test_the_queue_program_is_told_who_sends(smtpd: Smtpd) -> None:
    script = smtpd.path / "tell"
    script.write_text(
        f'#!/bin/sh\necho "$TCPREMOTEINFO.${{RELAYCLIENT-unset}}" > {smtpd.path}/told\nexec {os.fsdecode(smtpd.queue.path)}\n'
    )
    script.chmod(0o755)
    smtpd.queue = queue_program.QueueProgram(os.fsencode(script), smtpd.queue.folder)
    smtpd.say(f"AUTH PLAIN {PLAIN}", MAIL, RCPT, "DATA", "", ".")
    assert (smtpd.path / "told").read_text() == "joe.\n"


# -- CRAM-MD5 ----------------------------------------------------------------------------------------------------------------------


def cram(smtpd: Smtpd, secret: bytes, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str, bytes]:
    """-> (challenge, reply, stamp). The session's stamp is made known beforehand by fixing clock and process."""
    monkeypatch.setattr("mta.unix.clock.now_s", lambda: 1_000_000_000)
    stamp = b"<%d.1000000000@mx.oracle.test>" % os.getpid()
    digest = hmac.new(secret, stamp, hashlib.md5).hexdigest().encode()
    challenge, reply = smtpd.say("AUTH CRAM-MD5", b64(b"joe " + digest), smtpauth="+cram")
    return challenge, reply, stamp


def test_cram_md5_never_sends_the_password(smtpd: Smtpd, monkeypatch: pytest.MonkeyPatch) -> None:
    challenge, reply, stamp = cram(smtpd, b"s p", monkeypatch)
    assert b64decode(challenge.removeprefix("334 ")) == stamp
    assert reply == OK
    name, digest, given_stamp, _ = smtpd.given()[0].split(b"\0")
    assert (name, given_stamp) == (b"joe", stamp) and re.fullmatch(rb"[0-9a-f]{32}", digest)


def test_cram_md5_with_another_password(smtpd: Smtpd, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cram(smtpd, b"x", monkeypatch)[1] == FAILED


def test_cram_md5_wants_a_name_and_a_digest(smtpd: Smtpd) -> None:
    said = smtpd.say("AUTH CRAM-MD5", b64(b"joe"), "AUTH CRAM-MD5", "*", smtpauth="cram")
    assert said[1::2] == ["501 malformed auth input (#5.5.4)", "501 auth exchange canceled (#5.0.0)"]
