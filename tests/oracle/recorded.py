"""Every vector recorded from the original programs, and what ours make of the same input.

A vector's compare runs our program in an empty folder -> (ours, recorded), both without process ids, inodes and times. Where the originals
had a queue behind them, a program that keeps what it is given stands there: the first Received line and the first two records of the
envelope, qmail-queue's own, are left out of the recording.
"""

from __future__ import annotations

import base64
import calendar
import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from deploy import hier
from mta.formats import bounce, cdb, info, received, recipients
from tests.conftest import CORPORA, as_bytes, corpus
from tests.net.smtp_client.test_oracle import SILENT, saw_of, script_of
from tests.programs.qmail import (
    remote_home,
    test_qmail_inject,
    test_qmail_local,
    test_qmail_pop3d,
    test_qmail_popup,
    test_qmail_qmtpd,
    test_qmail_qread,
    test_qmail_smtpd,
)
from tests.programs.qmail.test_qmail_showctl import GIDS, UIDS, files_of
from tests.support import queue_program, unprivileged
from tests.support.call import Result, call, command, process
from tests.support.local_home import LocalHome, maildir, mails, with_permissions
from tests.support.qmail_home import QmailHome
from tests.support.smtp_sink import SmtpSink

Case = dict[str, Any]
Outcome = tuple[object, object]
HOME, TOOLS = b"QMAIL_HOME", "newu-newmrh-pw2u-tcprules-cdb-multilog-tai64n"


@dataclass(frozen=True)
class Vector:
    program: str
    name: str
    compare: Callable[[Path], Outcome]


def result_of(case: Case, out: str = "", err: str = "stderr") -> Result:
    return Result(case["rc"], as_bytes(case[out]) if out else b"", as_bytes(case[err]) if err else b"")


def file_of(case: Case) -> bytes | None:
    return None if case["cdb_b64"] is None else base64.b64decode(case["cdb_b64"])


def contents(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


# -- tools -------------------------------------------------------------------------------------------------------------------------


def compiler(folder: str, source: str, target: str, case: Case, path: Path) -> Outcome:
    """qmail-newu, qmail-newmrh."""
    (path / folder).mkdir()
    (path / folder / source).write_bytes(as_bytes(case["input"]))
    result = call(case["tool"], [], {HOME: os.fsencode(path)})
    return (result, contents(path / folder / target)), (result_of(case), file_of(case))


def pw2u(case: Case, path: Path) -> Outcome:
    """The recorded run looked at homes of its own machine: who owned them there is said here."""
    from mta.programs.qmail import qmail_pw2u

    owner, owners = qmail_pw2u._owner, {b"/home/joe": 7800, b"/home/ann": 7801, b"/root": 0}
    qmail_pw2u._owner = owners.get  # type: ignore[assignment]
    try:
        result = call("qmail-pw2u", [a.encode() for a in case["args"]], {HOME: os.fsencode(path)}, as_bytes(case["input"]))
    finally:
        qmail_pw2u._owner = owner
    return result, result_of(case, "stdout")


def tcprules(case: Case, path: Path) -> Outcome:
    """And what tcprulescheck says of the file."""
    file = path / "cdb"
    result = call("tcprules", [os.fsencode(file), os.fsencode(path / "tmp")], {}, as_bytes(case["input"]))
    ours: list[object] = [result, contents(file)]
    recorded: list[object] = [result_of(case), file_of(case)]
    for check in case["checks"]:
        env = {name.encode(): as_bytes(value) for name, value in check["env"].items() if value is not None}
        ours.append(call("tcprulescheck", [os.fsencode(file)], env))
        recorded.append(result_of(check, "stdout", ""))
    return ours, recorded


def cdbmake(case: Case, path: Path) -> Outcome:
    """We have no program of that name: the module all compilers write with."""
    text, records, start = as_bytes(case["input_latin1"]), [], 0
    while match := re.compile(rb"\+(\d+),(\d+):").match(text, start):
        key, data = match.end(), match.end() + int(match[1]) + 2
        records.append((text[key : data - 2], text[data : data + int(match[2])]))
        start = data + int(match[2]) + 1
    return cdb.write(records), file_of(case)


def multilog(case: Case, path: Path) -> Outcome:
    done = subprocess.run(
        [*command("multilog", b"/"), *case["script"]], input=as_bytes(case["input"]), cwd=path, capture_output=True, check=False
    )
    files = sorted(
        (label(str(p.relative_to(path))), f"{p.stat().st_mode & 0o777:#o}", p.read_bytes()) for p in path.rglob("*") if p.is_file()
    )
    recorded = sorted((label(name), mode, as_bytes(data)) for name, (mode, data) in case["files"].items())
    return (Result(done.returncode, done.stdout, done.stderr), files), (result_of(case), recorded)


def label(name: str) -> str:
    return re.sub("@[0-9a-f]{24}", "@", name)


def tai64nlocal(case: Case, path: Path) -> Outcome:
    line = as_bytes(case["name"])
    line = line if line.endswith(b"\n") else line + b" text\n"
    return process("tai64nlocal", [], {HOME: b"/", b"TZ": case["tz"].encode()}, line).out, as_bytes(case["output"])


TOOL: dict[str, Callable[[Case, Path], Outcome]] = {
    "qmail-newu": partial(compiler, "users", "assign", "cdb"),
    "qmail-newmrh": partial(compiler, "control", "morercpthosts", "morercpthosts.cdb"),
    "qmail-pw2u": pw2u,
    "tcprules": tcprules,
    "cdbmake": cdbmake,
    "multilog": multilog,
    "tai64nlocal": tai64nlocal,
}


# -- mail --------------------------------------------------------------------------------------------------------------------------


def local(case: Case, path: Path) -> Outcome:
    joe = LocalHome(path)
    maildir(joe.home / "Maildir")
    for name, text in case["files"].items():
        joe.dot(name, as_bytes(text))
    with_permissions(joe.home, case["perm"])
    dash, ext = as_bytes(case["dash"]), as_bytes(case["ext"])
    address = joe.address(host=b"oracle.test", sender=as_bytes(case["sender"]), default=as_bytes(case["aliasempty"]))
    address = replace(address, local=b"joe" + dash + ext, dash=dash, ext=ext)
    result = joe.deliver(as_bytes(case["message"]), () if case["real"] else (b"-n",), address)
    said = replace(result_of(case, "stdout"), out=undated(as_bytes(case["stdout"])))
    found = mails(joe.home / "Maildir")
    return (replace(result, out=undated(result.out)), found), (said, [as_bytes(text) for text in case["result"].values()])


def undated(text: bytes) -> bytes:
    return re.sub(test_qmail_local.DATE, b"DATE", text)


def delivered(case: Case, path: Path) -> Outcome:
    """The message without its two first lines, delivered to the recipient they name."""
    rpline, dtline, message = as_bytes(case["content"]).split(b"\n", 2)
    sender = rpline.removeprefix(b"Return-Path: <").removesuffix(b">")
    name, _, host = dtline.removeprefix(b"Delivered-To: ").rpartition(b"@")
    joe = LocalHome(path)
    maildir(joe.home / "Maildir")
    result = joe.deliver(message, address=replace(joe.address(host=host, sender=sender), local=name))
    return (result.code, mails(joe.home / "Maildir")), (0, [as_bytes(case["content"])])


def inject(case: Case, path: Path) -> Outcome:
    home = test_qmail_inject.Inject(path / "home", test_qmail_inject.ORACLE_CONTROL)
    env = {name: as_bytes(value) for name, value in case["env"].items()}
    result = home.run(as_bytes(case["input"]), b"-n", *(as_bytes(a) for a in case["args"]), **env)
    recorded = result_of(case, "output")
    mask = test_qmail_inject.masked
    return replace(result, out=mask(result.out)), replace(recorded, out=mask(recorded.out))


def kept(case: Case, mask: Callable[[bytes], bytes]) -> list[tuple[bytes, bytes]]:
    """What the recorded qmail-queue was given."""
    return sorted(
        (mask(as_bytes(entry["mess"]).partition(b"\n")[2]), as_bytes(entry["todo"]).split(b"\0", 2)[2] + b"\0") for entry in case["queue"]
    )


def smtpd(case: Case, path: Path) -> Outcome:
    session, mask = test_qmail_smtpd.Smtpd(path), test_qmail_smtpd.masked
    session.control(case["control"])
    env = {as_bytes(k): as_bytes(v) for k, v in case["env"].items()}
    if b"QMAILQUEUE" in env:
        env[b"QMAILQUEUE"] = queue_program.make(path / "refusing", int(env[b"QMAILQUEUE"].rpartition(b"q")[2])).path
    code, output = session.run(as_bytes(case["input"]), env)
    queued = sorted((mask(message), envelope) for message, envelope in session.queue.queued())
    return (code, mask(output), queued), (case["rc"], mask(as_bytes(case["output"])), kept(case, mask))


def qmtp(case: Case, path: Path) -> Outcome:
    """A process number of another length makes a netstring of another."""
    site, mask = test_qmail_qmtpd.Site(path), test_qmail_qmtpd.stamped
    env = {**site.env, **{k.encode(): v.encode() for k, v in case["env"].items()}}
    result = process(case["prog"], [], env, as_bytes(case["input"]))
    said, recorded = (re.sub(rb"\d+:K", b"K", mask(text)) for text in (result.out, as_bytes(case["output"])))
    queued = sorted((mask(message), envelope) for message, envelope in site.queue.queued())
    return (result.code, said, queued), (case["rc"], recorded, kept(case, mask))


def popup(case: Case, path: Path) -> Outcome:
    session, mask = test_qmail_popup.Popup(path), test_qmail_popup.masked
    session.install()
    code, output = session.run(b"".join(as_bytes(line) + b"\r\n" for line in case["input"]), "pop.oracle.test", "spy")
    handed_on = session.record.read_bytes() if session.record.exists() else b""
    recorded = (case["rc"], mask(as_bytes(case["output"])), mask(test_qmail_popup.od(case["fd3_od"])))
    return (code, output.removesuffix(b"[session of ]"), mask(handed_on)), recorded


def pop3d(case: Case, path: Path) -> Outcome:
    with unprivileged.folder() as home:
        session = test_qmail_pop3d.Pop3d(home)
        for n, (name, text) in enumerate(case["files"]):
            session.put(name, as_bytes(text), 1_000_000 + n)
        code, output, _ = session.run(test_qmail_pop3d.lines(*case["input"]))
        return (code, output, session.files()), (case["rc"], as_bytes(case["output"]), sorted(case["after"]))


def remote(case: Case, path: Path) -> Outcome:
    """The program as it is, which says EHLO where the original said HELO: that word apart, what the server saw and what was reported."""
    with SmtpSink(script=script_of(case)) as sink:
        limits = {"timeoutremote": "1"} if case["name"] in SILENT else {}
        home = remote_home.make(path, smtproutes=f":127.0.0.1:{sink.port}", helohost="mx.oracle.test", **limits)
        argv = [b"dest.test", as_bytes(case["sender"]), *(as_bytes(r) for r in case["rcpts"])]
        result = call("qmail-remote", argv, remote_home.environment(home), as_bytes(case["message"]))
        sink.wait(over=1)
    saw = [re.sub(rb"\AEHLO ", b"HELO ", line) for line in sink.connections[0].saw]
    return (result, saw), (Result(case["rc"], as_bytes(case["output"]), b""), saw_of(case))


# -- a whole system ----------------------------------------------------------------------------------------------------------------


def snapshot() -> Case | None:
    path = CORPORA / "oracle/qmail-system/snapshot.json"
    return json.loads(path.read_text()) if path.exists() else None


def listed(recorded: Case, name: str, path: Path) -> Outcome:
    """qmail-qread, qmail-qstat and qmail-tcpto over the recorded queue. The order within a directory is the file system's."""
    home = QmailHome(path / "qmail")
    test_qmail_qread.lay_out(home, recorded)
    result, wanted = call(name, [], {HOME: home.home}), as_bytes(recorded["snap"][name])
    if name == "qmail-qread":
        return (result.code, test_qmail_qread.blocks(result.out)), (0, test_qmail_qread.blocks(wanted))
    return result, Result(0, wanted, b"")


def showctl(recorded: Case, path: Path) -> Outcome:
    from mta.programs.qmail import qmail_showctl

    wanted, home, ids = as_bytes(recorded["snap"]["qmail-showctl"]), path / "qmail", qmail_showctl.ids
    for folder in ("control", "queue", "alias"):
        (home / folder).mkdir(parents=True)
    for name, text in files_of(wanted).items():
        (home / "control" / name).write_bytes(text)
    qmail_showctl.ids = lambda _: (UIDS, GIDS)  # type: ignore[assignment]
    try:
        result = call("qmail-showctl", [], {HOME: os.fsencode(home)})
    finally:
        qmail_showctl.ids = ids
    return result, Result(0, wanted.replace(b"/var/qmail", os.fsencode(home)), b"")


def rewritten(folder: str, data: bytes) -> bytes:
    """What our programs write for what they read in a queue file; of a message, its first line."""
    if folder == "mess":
        match = re.match(rb"Received: \(qmail (\d+) invoked (.*?)\); (.*) -0000\n", data)
        assert match is not None
        when = calendar.timegm(time.strptime(match[3].decode(), "%d %b %Y %H:%M:%S"))
        return received.queue_line(int(match[1]), match[2], when) + data[match.end() :]
    if folder == "info":
        return info.write(info.read(data))
    if folder == "bounce":
        (name,) = bounce.told(data)
        return bounce.paragraph(name, data.partition(b">:\n")[2].removesuffix(b"\n"))
    written, found = bytearray(recipients.write([r.address for r in recipients.read(data)])), recipients.read(data)
    for recipient in found:
        if recipient.is_done:
            written[recipient.offset : recipient.offset + 1] = recipients.DONE
    return bytes(written)


def queue_file(file: Case, path: Path) -> Outcome:
    """Where it lies and what is in it. Owners and modes are looked at where our programs make such files (tests of the queue)."""
    folder, number = file["path"].split("/")[0], int(file["path"].rpartition("/")[2])
    home = QmailHome(path / "qmail")
    place = home.queue / folder / str(number) if folder == "bounce" else home.split(folder, number)
    data = as_bytes(file["content"])
    return (str(place.relative_to(home.queue)), rewritten(folder, data)), (file["path"], data)


def lock(recorded: Case, name: str, path: Path) -> Outcome:
    """Mode and size of a file in lock/, as an instance is prepared with it."""
    home = path / "qmail"
    hier.make(home, hier.TABLE, is_single=True)
    status = (home / "queue/lock" / name).stat()
    return (oct(status.st_mode), status.st_size), (recorded["locks"][name]["mode"], recorded["locks"][name]["size"])


def system() -> Iterator[Vector]:
    recorded = snapshot()
    if recorded is None:
        return
    for name in ("qmail-qread", "qmail-qstat", "qmail-tcpto"):
        yield Vector(name, "snapshot", partial(listed, recorded, name))
    yield Vector("qmail-showctl", "snapshot", partial(showctl, recorded))
    for file in recorded["queue"]:
        yield Vector("queue files", file["path"], partial(queue_file, file))
    for name in recorded["locks"]:
        yield Vector("queue files", f"lock/{name}", partial(lock, recorded, name))


def vectors() -> Iterator[Vector]:
    for case in corpus(f"oracle/{TOOLS}"):
        name = f"{case['name'].strip()} {case['tz']}" if case["tool"] == "tai64nlocal" else str(case["name"])
        yield Vector(case["tool"], name, partial(TOOL[case["tool"]], case))
    for program, folder, compare in (
        ("qmail-local", "qmail-local", local),
        ("qmail-local", "qmail-delivered-mail", delivered),
        ("qmail-inject", "qmail-inject", inject),
        ("qmail-smtpd", "qmail-smtpd", smtpd),
        ("qmail-remote", "qmail-remote", remote),
    ):
        for case in corpus(f"oracle/{folder}"):
            yield Vector(program, case["name"], partial(compare, case))
    for case in corpus("oracle/qmail-qmtpd-qmqpd"):
        yield Vector(case["prog"], case["name"], partial(qmtp, case))
    for case in corpus("oracle/qmail-pop3d-popup"):
        is_popup = case["name"].startswith("popup")
        yield Vector("qmail-popup" if is_popup else "qmail-pop3d", case["name"], partial(popup if is_popup else pop3d, case))
    yield from system()
