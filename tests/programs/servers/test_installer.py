"""The installer as a real process, asked over its socket. (What it refuses is in test_installer_checking.py.)"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mta.formats import ask as ask_format
from mta.formats import cdb, install_call, manifest, tcprules, users_assign, vpasswd
from mta.formats.install_call import ABSENT, ANY, Line, Mailbox, Make, Put, Remove, Retire, RetireDomain, Step, digest
from mta.programs.servers.installer import discarding
from mta.unix.ask import ask
from tests.conftest import ROOT
from tests.support import unprivileged
from tests.support.instance import Instance, make_instance
from tests.support.process import Process, running

YES, NO, NOT_NOW = b"K", b"D", b"Z"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Instance, Process]]:
    instance = make_instance(tmp_path_factory.mktemp("installer"))
    with running(instance.home, "installer") as process:
        yield instance, process


@pytest.fixture
def instance(server: tuple[Instance, Process]) -> Instance:
    """The module's instance, its control files as at the start."""
    found = server[0]
    current = control(found)
    for path in current:
        if path not in (b"control/me", b"control/rcpthosts", b"users/assign"):
            install(found, Remove(path))
    install(found, Put(b"control/me", b"mail.example.org\n"), Put(b"control/rcpthosts", b"a\n"), Put(b"users/assign", b".\n"))
    return found


def control(instance: Instance) -> dict[bytes, bytes]:
    _, _, *words = ask(instance.socket, [b"read", b"control", b"bytes"])
    return {path: data for path, kind, data in zip(*(iter(words),) * 3, strict=True) if kind == b"text"}


def install(instance: Instance, *steps: Put | Remove) -> list[bytes]:
    return ask(instance.socket, install_call.install(b"ada", b"a test", list(steps)))


def domain(instance: Instance, name: str, *steps: Step) -> list[bytes]:
    return ask(instance.socket, install_call.domain(b"ada", name.encode(), directory(instance, name), list(steps)))


def directory(instance: Instance, name: str) -> bytes:
    return instance.octets + b"/domains/" + name.encode()


def line(instance: Instance, name: str, of: str) -> bytes:
    return b"%b:x:1:0:%b:%b/%b:NOQUOTA\n" % (name.encode(), name.encode(), directory(instance, of), name.encode())


# control/ and users/


def test_it_answers_with_number_and_manifest(instance: Instance) -> None:
    verdict, number, text = install(instance, Put(b"control/locals", b"example.org\n"))
    assert verdict == YES
    found = manifest.read(text)
    assert (b"%d" % found.number, found.who, found.why) == (number, b"ada", b"a test")
    assert found.digests[b"control/locals"] == digest(b"example.org\n")
    assert instance.read("control/locals") == b"example.org\n"


def test_nothing_changed_is_no_new_generation(instance: Instance) -> None:
    _, number, _ = install(instance, Put(b"control/locals", b"x\n"))
    assert install(instance, Put(b"control/locals", b"x\n"))[1] == number


def test_it_compiles_what_has_a_compiled_file(instance: Instance) -> None:
    assign = b"+example.org-:example.org:%d:%d:%b:-::\n.\n" % (os.getuid(), os.getgid(), directory(instance, "example.org"))
    rules = b'127.:allow,RELAYCLIENT=""\n:allow\n'
    install(instance, Put(b"users/assign", assign), Put(b"control/morercpthosts", b"B.example\n"), Put(b"control/tcp.smtp", rules))
    assert instance.read("users/cdb") == users_assign.compile_(assign)
    assert cdb.reader(instance.read("control/morercpthosts.cdb") or b"").get(b"b.example") == b""
    assert instance.read("control/tcp.smtp.cdb") == tcprules.compile_(rules)


def test_a_compiled_file_goes_with_its_text(instance: Instance) -> None:
    install(instance, Put(b"control/morercpthosts", b"b.example\n"))
    install(instance, Remove(b"control/morercpthosts"))
    assert instance.read("control/morercpthosts.cdb") is None


def test_an_edit_by_hand_is_not_overwritten_unseen(instance: Instance) -> None:
    install(instance, Put(b"control/locals", b"as the asker knows it\n"))
    (instance.home / "control/locals").write_bytes(b"by hand\n")
    verdict, text = install(instance, Put(b"control/locals", b"new\n", digest(b"as the asker knows it\n")))
    assert verdict == NO
    assert b"control/locals was changed by somebody else meanwhile" in text
    assert instance.read("control/locals") == b"by hand\n"
    assert install(instance, Put(b"control/locals", b"new\n", digest(b"by hand\n")))[0] == YES


def test_nothing_of_a_refused_installation_is_done(instance: Instance) -> None:
    assert install(instance, Put(b"control/locals", b"x\n"), Put(b"control/me", b"y\n", digest(b"not so")))[0] == NO
    assert instance.read("control/locals") is None
    assert instance.read("control/me") == b"mail.example.org\n"


def test_a_secret_never_leaves_and_never_changes(instance: Instance) -> None:
    secret = instance.home / "control/servercert.pem"
    secret.write_bytes(b"-----BEGIN PRIVATE KEY-----\n")
    secret.chmod(0o640)
    answer = ask(instance.socket, [b"read", b"control", b"bytes"])
    at = answer.index(b"control/servercert.pem")
    assert answer[at + 1 : at + 3] == [b"digest", digest(b"-----BEGIN PRIVATE KEY-----\n")]
    assert install(instance, Put(b"control/servercert.pem", b"mine\n"))[0] == NO
    assert install(instance, Put(b"control/locals", b"x\n"))[0] == YES
    assert instance.read("control/servercert.pem") == b"-----BEGIN PRIVATE KEY-----\n", "it goes along"
    assert (instance.home / "control/servercert.pem").stat().st_mode & 0o777 == 0o640
    secret.unlink()


def test_it_goes_back_to_an_older_generation(instance: Instance) -> None:
    _, old, _ = install(instance, Put(b"control/locals", b"old\n"), Put(b"control/databytes", b"1\n"))
    install(instance, Put(b"control/locals", b"new\n"), Remove(b"control/databytes"), Put(b"control/helohost", b"h\n"))
    verdict, number, text = ask(instance.socket, [b"rollback", b"ada", b"it was wrong", old])
    assert verdict == YES
    assert int(number) > int(old), "going back goes on: history is never rewritten"
    assert manifest.read(text).why == b"it was wrong"
    assert instance.read("control/locals") == b"old\n"
    assert instance.read("control/databytes") == b"1\n"
    assert instance.read("control/helohost") is None


def test_going_back_keeps_the_key_of_today(instance: Instance) -> None:
    secret = instance.home / "control/servercert.pem"
    secret.write_bytes(b"old key\n")
    secret.chmod(0o640)
    _, old, _ = install(instance, Put(b"control/locals", b"old\n"))
    (instance.home / "control/servercert.pem").write_bytes(b"new key\n")
    install(instance, Put(b"control/locals", b"new\n"))
    assert ask(instance.socket, [b"rollback", b"ada", b"back", old])[0] == YES
    assert instance.read("control/servercert.pem") == b"new key\n"
    (instance.home / "control/servercert.pem").unlink()


def test_it_lists_generations_with_their_reasons(instance: Instance) -> None:
    _, number, _ = install(instance, Put(b"control/locals", b"listed\n"))
    verdict, in_force, *words = ask(instance.socket, [b"generations"])
    assert (verdict, in_force) == (YES, number)
    assert manifest.read(words[-1]).why == b"a test"
    assert words[-2] == number


def test_an_older_generation_can_be_read(instance: Instance) -> None:
    _, old, _ = install(instance, Put(b"control/locals", b"then\n"))
    install(instance, Put(b"control/locals", b"now\n"))
    answer = ask(instance.socket, [b"read", b"control", b"bytes", old])
    assert answer[1] == old
    assert answer[answer.index(b"control/locals") + 2] == b"then\n"
    assert ask(instance.socket, [b"read", b"control", b"bytes", b"99999"]) == [NO, b"there is no generation 99999"]


def test_qmail_send_is_told_of_locals_and_virtualdomains_alone(instance: Instance) -> None:
    supervise = instance.home / "service/qmail-send/supervise"
    supervise.mkdir(parents=True, exist_ok=True)
    os.mkfifo(supervise / "control")
    fifo = os.open(supervise / "control", os.O_RDONLY | os.O_NONBLOCK)
    try:
        install(instance, Put(b"control/databytes", b"7\n"))
        assert os.read(fifo, 10) == b""
        install(instance, Put(b"control/virtualdomains", b"example.org:example.org\n"))
        assert os.read(fifo, 10) == b"h"
        install(instance, Put(b"control/locals", b"x\n"))
        assert os.read(fifo, 10) == b"h"
    finally:
        os.close(fifo)
        (supervise / "control").unlink()


def test_many_questions_go_over_one_connection(instance: Instance) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(instance.socket)
        sock.sendall(ask_format.write([b"generations"]) + ask_format.write([b"nonsense"]) + ask_format.write([b"removed"]))
        sock.shutdown(socket.SHUT_WR)
        data = b""
        while piece := sock.recv(65536):
            data += piece
    verdicts = []
    while data:
        found = ask_format.read(data)
        assert found is not None
        verdicts.append(found[0][0])
        data = data[found[1] :]
    assert verdicts == [YES, NO, YES]


def test_what_is_no_question_ends_the_connection_alone(instance: Instance) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(instance.socket)
        sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert sock.recv(100) == b""
    assert ask(instance.socket, [b"removed"])[0] == YES


# below domains/


def test_it_makes_a_domain_with_a_mailbox(instance: Instance) -> None:
    data = line(instance, "joe", "made.example")
    steps = (Make(), Put(b"vpasswd", data), Put(b".qmail-default", b"| x\n"), Mailbox(b"joe"), Put(b"joe/.qmail", b"&a@b\n"))
    assert domain(instance, "made.example", *steps) == [YES]
    home = instance.home / "domains/made.example"
    assert instance.read("domains/made.example/vpasswd.cdb") == vpasswd.compile_(data)
    for path in (home, home / "joe", home / "joe/Maildir", *(home / "joe/Maildir" / sub for sub in ("new", "cur", "tmp"))):
        assert path.is_dir()
        assert path.stat().st_mode & 0o777 == 0o700
    for path in (home / "vpasswd", home / "vpasswd.cdb", home / ".qmail-default", home / "joe/.qmail"):
        assert path.stat().st_mode & 0o777 == 0o600


def test_it_reads_domains_and_tells_of_those_it_cannot(instance: Instance) -> None:
    data = line(instance, "joe", "read.example")
    domain(
        instance, "read.example", Make(), Put(b"vpasswd", data), Mailbox(b"joe"), Put(b"joe/.qmail", b"x\n"), Put(b".qmail-sales", b"&y\n")
    )
    places = [b"read.example", directory(instance, "read.example"), b"gone.example", directory(instance, "gone.example")]
    verdict, first, second = ask(instance.socket, [b"read", b"domain", b"bytes", *places])
    assert verdict == YES
    assert install_call.read_list(first) == [b"read.example", YES, b".qmail-sales", b"&y\n", b"vpasswd", data, b"joe/.qmail", b"x\n"]
    assert install_call.read_list(second) == [b"gone.example", NOT_NOW, b"there is no such directory"]
    _, digests = ask(instance.socket, [b"read", b"domain", b"digests", *places[:2]])
    assert install_call.read_list(digests)[-4:] == [b"vpasswd.cdb", digest(vpasswd.compile_(data)), b"joe/.qmail", digest(b"x\n")]


def test_it_reads_a_domain_of_more_mailboxes_than_it_may_have_files_open(instance: Instance) -> None:
    data = b"".join(line(instance, f"u{i}", "many.example") for i in range(2000))
    domain(instance, "many.example", Make(), Put(b"vpasswd", data), Mailbox(b"u1999"), Put(b"u1999/.qmail", b"x\n"))
    _, answer = ask(instance.socket, [b"read", b"domain", b"bytes", b"many.example", directory(instance, "many.example")])
    assert install_call.read_list(answer)[-2:] == [b"u1999/.qmail", b"x\n"]


def test_a_domains_edit_by_hand_is_not_overwritten_unseen(instance: Instance) -> None:
    domain(instance, "hand.example", Make(), Put(b"vpasswd", b""), Put(b".qmail-default", b"first\n"))
    (instance.home / "domains/hand.example/.qmail-default").write_bytes(b"by hand\n")
    verdict, text = domain(instance, "hand.example", Put(b"vpasswd", b"", ANY), Put(b".qmail-default", b"second\n", digest(b"first\n")))
    assert verdict == NO
    assert b".qmail-default was changed by somebody else meanwhile" in text
    assert instance.read("domains/hand.example/.qmail-default") == b"by hand\n"


def test_one_line_of_vpasswd_is_changed_added_and_taken_away(instance: Instance) -> None:
    lines = {name: line(instance, name, "lines.example") for name in ("joe", "bo", "cy")}
    domain(instance, "lines.example", Make(), Put(b"vpasswd", lines["joe"] + lines["bo"]))
    longer = lines["joe"].replace(b":NOQUOTA", b":1234567890S")
    for step, wanted in (
        (Line(b"joe", longer, digest(lines["joe"])), longer + lines["bo"]),
        (Line(b"cy", lines["cy"], ABSENT), longer + lines["bo"] + lines["cy"]),
        (Line(b"joe", b"", digest(longer)), lines["bo"] + lines["cy"]),
        (Line(b"nobody", b""), lines["bo"] + lines["cy"]),
    ):
        assert domain(instance, "lines.example", step) == [YES]
        assert instance.read("domains/lines.example/vpasswd") == wanted
        assert instance.read("domains/lines.example/vpasswd.cdb") == vpasswd.compile_(wanted)


def test_a_line_that_stands_otherwise_stays_and_so_does_all_else(instance: Instance) -> None:
    joe, bo = line(instance, "joe", "other.example"), line(instance, "bo", "other.example")
    domain(instance, "other.example", Make(), Put(b"vpasswd", joe))
    for step in (Line(b"joe", b"", digest(bo)), Line(b"joe", joe, ABSENT), Line(b"bo", bo, digest(bo))):
        verdict, text = domain(instance, "other.example", Put(b".qmail-default", b"x\n"), step)
        assert verdict == NO and b"was changed by somebody else meanwhile" in text
    assert instance.read("domains/other.example/vpasswd") == joe
    assert not (instance.home / "domains/other.example/.qmail-default").exists()


@pytest.mark.parametrize("spoil", ["missing", "damaged", "of another size", "edited by hand", "a stop between the two files"])
def test_a_line_among_others_that_are_not_compiled_has_all_compiled(instance: Instance, spoil: str) -> None:
    name = f"{spoil.replace(' ', '-')}.example"
    joe, bo = line(instance, "joe", name), line(instance, "bo", name)
    domain(instance, name, Make(), Put(b"vpasswd", joe + bo))
    folder = instance.home / "domains" / name
    file, compiled = folder / "vpasswd", folder / "vpasswd.cdb"
    match spoil:
        case "missing":
            compiled.unlink()
        case "damaged":
            compiled.write_bytes(compiled.read_bytes()[:2100])
        case "of another size":
            file.write_bytes(file.read_bytes().replace(b"bo:", b"bob:"))
            compiled.chmod(0o640)  # looks newer
        case "edited by hand":
            file.write_bytes(file.read_bytes().replace(b"bo:", b"by:"))
            os.utime(file, (1, 1))  # restored from a backup
        case "a stop between the two files":
            file.write_bytes(file.read_bytes().replace(b"bo:", b"by:"))
            (folder / ".vpasswd.cdb.new").touch()
            compiled.chmod(0o640)  # by a clock that went back
    rest = file.read_bytes().removeprefix(joe)
    assert domain(instance, name, Line(b"joe", b"", digest(joe))) == [YES]
    assert compiled.read_bytes() == vpasswd.compile_(rest)
    assert sorted(p.name for p in folder.iterdir()) == [".vpasswd.lock", "vpasswd", "vpasswd.cdb"]


def test_a_line_beside_one_that_cannot_be_read_is_not_changed(instance: Instance) -> None:
    joe = line(instance, "joe", "broken.example")
    domain(instance, "broken.example", Make(), Put(b"vpasswd", joe))
    file = instance.home / "domains/broken.example/vpasswd"
    file.write_bytes(joe + b"bo:x\n")
    assert domain(instance, "broken.example", Line(b"joe", b"", digest(joe))) == [
        NO,
        b"vpasswd line 1: not name:crypt:uid:gid:gecos:dir:quota",
    ]
    assert file.read_bytes() == joe + b"bo:x\n"


def test_what_was_removed_goes_for_good_in_pieces(tmp_path: Path) -> None:
    kept = b"20200101000000-a.example"
    for path in ("joe/Maildir/new", "joe/Maildir/cur", "sue"):
        (tmp_path / os.fsdecode(kept) / path).mkdir(parents=True)
    (tmp_path / os.fsdecode(kept) / "joe/Maildir/new/1").write_bytes(b"x")
    assert discarding.discard(bytes(tmp_path), kept, piece_s=-1) == install_call.write_list([YES, b"more"])
    assert [path.name for path in tmp_path.iterdir()] == [".discard-20200101000000-a.example"]
    assert discarding.discard(bytes(tmp_path), kept) == install_call.write_list([YES])
    assert list(tmp_path.iterdir()) == []
    assert discarding.discard(bytes(tmp_path), kept)[:4] == b"1:Z,"


def test_a_mailbox_goes_and_comes_back_with_mail_and_password(instance: Instance) -> None:
    data = line(instance, "joe", "back.example")
    domain(instance, "back.example", Make(), Put(b"vpasswd", data), Mailbox(b"joe"))
    (instance.home / "domains/back.example/joe/Maildir/new/1").write_bytes(b"a message\n")
    (instance.home / "domains/back.example/joe/.qmail").write_bytes(b"&x@y\n")
    verdict, kept = domain(instance, "back.example", Put(b"vpasswd", b"", digest(data)), Retire(b"joe", data))
    assert verdict == YES
    assert kept.endswith(b"-joe@back.example")
    assert not (instance.home / "domains/back.example/joe").exists()
    assert kept in ask(instance.socket, [b"removed"])
    restore = [b"restore", b"ada", kept, directory(instance, "back.example") + b"/joe"]
    assert ask(instance.socket, restore) == [YES, data, b"&x@y\n"]
    assert instance.read("domains/back.example/joe/Maildir/new/1") == b"a message\n"
    assert kept not in ask(instance.socket, [b"removed"])
    assert not (instance.home / "removed" / (kept.decode() + ".line")).exists()


def test_two_that_go_in_one_second_keep_apart(instance: Instance) -> None:
    domain(instance, "twice.example", Make(), Put(b"vpasswd", b""))
    kept = []
    for _ in range(3):
        domain(instance, "twice.example", Mailbox(b"joe"))
        kept += domain(instance, "twice.example", Retire(b"joe", b"line\n"))[1:]
    assert len(set(kept)) == 3


def test_a_mailbox_without_a_directory_can_go_too(instance: Instance) -> None:
    domain(instance, "bare.example", Make(), Put(b"vpasswd", b""))
    assert domain(instance, "bare.example", Retire(b"nobody", b"line\n")) == [YES, b""]


def test_a_new_mailbox_never_gets_the_mail_of_an_old_one(instance: Instance) -> None:
    domain(instance, "old.example", Make(), Put(b"vpasswd", b""), Mailbox(b"joe"))
    assert domain(instance, "old.example", Mailbox(b"joe")) == [YES], "an empty one is as good as new: a second try after a crash"
    (instance.home / "domains/old.example/joe/Maildir/cur/1:2,S").write_bytes(b"secret\n")
    assert domain(instance, "old.example", Mailbox(b"joe"))[0] == NO
    (instance.home / "domains/old.example/joe/Maildir/cur/1:2,S").unlink()
    (instance.home / "domains/old.example/joe/.qmail").write_bytes(b"&old@owner.example\n")
    assert domain(instance, "old.example", Mailbox(b"joe"))[0] == NO


def test_a_domain_goes_and_comes_back(instance: Instance) -> None:
    domain(instance, "whole.example", Make(), Put(b"vpasswd", b""), Mailbox(b"joe"))
    verdict, kept = domain(instance, "whole.example", RetireDomain())
    assert verdict == YES
    assert not (instance.home / "domains/whole.example").exists()
    restore = [b"restore", b"ada", kept, directory(instance, "whole.example")]
    assert ask(instance.socket, restore)[0] == YES
    assert (instance.home / "domains/whole.example/joe/Maildir/new").is_dir()
    domain(instance, "whole.example", RetireDomain())
    domain(instance, "whole.example", Make(), Put(b"vpasswd", b""))
    again = ask(instance.socket, [b"removed"])[1:]
    there = next(name for name in again if name.endswith(b"whole.example"))
    assert ask(instance.socket, [b"restore", b"ada", there, directory(instance, "whole.example")])[0] == NO, "the name is taken"


def test_a_directory_with_something_in_it_is_no_new_domain(instance: Instance) -> None:
    (instance.home / "domains/taken.example/someone").mkdir(parents=True)
    verdict, text = domain(instance, "taken.example", Make(), Put(b"vpasswd", b""))
    assert verdict == NO
    assert b"move it away first" in text


def test_links_are_never_followed(instance: Instance, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (instance.home / "domains/link.example").symlink_to(tmp_path / "elsewhere")
    assert domain(instance, "link.example", Put(b"vpasswd", b""))[0] == NOT_NOW
    domain(instance, "honest.example", Make(), Put(b"vpasswd", b""), Mailbox(b"joe"))
    (instance.home / "domains/honest.example/eve").symlink_to(tmp_path / "elsewhere")
    assert domain(instance, "honest.example", Put(b"eve/.qmail", b"x\n"))[0] == NOT_NOW
    assert domain(instance, "honest.example", Mailbox(b"eve"))[0] != YES
    (instance.home / "domains/honest.example/.qmail-x").symlink_to(tmp_path / "target")
    assert domain(instance, "honest.example", Put(b".qmail-x", b"x\n"))[0] != YES
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert not (tmp_path / "target").exists()
    (instance.home / "domains/link.example").unlink()


def test_its_log_tells_who_did_what(server: tuple[Instance, Process], instance: Instance) -> None:
    ask(instance.socket, install_call.install(b"ada\nfake: line", b"control_set", [Put(b"control/locals", b"logged\n")]))
    domain(instance, "log.example", Make(), Put(b"vpasswd", b""), Mailbox(b"joe"))
    said = server[1].said()
    assert "in force: ada?fake: line: control_set\n" in said
    assert "installer: status: domain log.example: ada: make, put vpasswd, mailbox joe\n" in said


# rights


def test_root_imports_nothing_that_parses() -> None:
    script = "import sys; import mta.programs.servers.installer; print(' '.join(sorted(m for m in sys.modules if m.startswith('mta.'))))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=True, text=True)
    formats = {name for name in done.stdout.split() if name.startswith("mta.formats.")}
    assert formats == {"mta.formats.ask", "mta.formats.install_call", "mta.formats.manifest", "mta.formats.netstring"}


_WITH_USERS = """
import os, sys
sys.path.insert(0, {root!r})
from mta.programs.servers import installer
from mta.programs.servers.installer import session
from mta.unix import accounts, ask
from mta.unix.fds import Fds
numbers = dict(zip(accounts.ALL_USERS, range(60001, 60100)))
who = accounts.Accounts(False, {{name: accounts.Account(name, uid, uid) for name, uid in numbers.items()}})
home = os.fsencode(sys.argv[1])
os.umask(0o022)
service = session.Service(home, who, Fds())
for folder in (b"/domains", b"/removed"):
    os.chown(home + folder, numbers["vpopmail"], numbers["vpopmail"])
sock = ask.listen(home + b"/run/installer", mode=0o660, owner=service.socket_owner())
Fds().say(b"installer: status: ready\\n")
installer.serve(sock, service)
"""
_ASK = "import sys; sys.path.insert(0, {root!r}); from mta.unix.ask import ask; print(ask(sys.argv[1].encode(), [b'removed']))"
VPOPMAIL, TAWNY, STRANGER = 60008, 60009, 60050  # as numbered above; a stranger


@pytest.fixture
def with_users() -> Iterator[Instance]:
    """An installer of an instance with a user for each part (users by number: none of them need exist)."""
    if not unprivileged.IS_ROOT:
        pytest.skip("needs root: it gives up rights for users of its own")
    with unprivileged.folder() as folder:
        folder.chmod(0o755)
        instance = make_instance(folder)
        command = [sys.executable, "-c", _WITH_USERS.format(root=str(ROOT)), str(instance.home)]
        process = subprocess.Popen(command, stderr=subprocess.PIPE)
        assert process.stderr is not None
        assert process.stderr.readline() == b"installer: status: ready\n"
        yield instance
        process.terminate()
        process.wait()
        process.stderr.close()


@pytest.mark.root
def test_what_lies_below_domains_belongs_to_its_owner(with_users: Instance) -> None:
    assert domain(with_users, "example.org", Make(), Put(b"vpasswd", b""), Mailbox(b"joe"), Put(b".qmail-x", b"y\n")) == [YES]
    paths = [with_users.home / "domains/example.org", *(with_users.home / "domains/example.org").rglob("*")]
    assert {path.stat().st_uid for path in paths} == {VPOPMAIL}
    assert len(paths) > 8
    assert domain(with_users, "example.org", Retire(b"joe", b"line\n"))[0] == YES
    assert {path.stat().st_uid for path in (with_users.home / "removed").iterdir()} == {VPOPMAIL}


@pytest.mark.root
def test_control_files_stay_roots(with_users: Instance) -> None:
    assert install(with_users, Put(b"control/locals", b"x\n"))[0] == YES
    st = (with_users.home / "control/locals").stat()
    assert (st.st_uid, st.st_mode & 0o777) == (0, 0o644)


@pytest.mark.root
def test_a_directory_of_roots_is_left_alone(with_users: Instance) -> None:
    (with_users.home / "domains/root.example").mkdir()
    verdict, text = domain(with_users, "root.example", Put(b"vpasswd", b""))
    assert verdict == NO
    assert b"belongs to root" in text


@pytest.mark.root
def test_assignments_bring_in_nobody_new(with_users: Instance) -> None:
    assign = b"=joe:joe:0:0:/root:::\n.\n"
    assert install(with_users, Put(b"users/assign", assign)) == [NO, b"users/assign line 1: mail is never delivered as root"]
    verdict, text = install(with_users, Put(b"users/assign", b"=joe:joe:1000:1000:/home/joe:::\n.\n"))
    assert verdict == NO
    assert b"only root may bring it in" in text
    good = b"+e.example-:e.example:%d:%d:%b:-::\n.\n" % (VPOPMAIL, VPOPMAIL, directory(with_users, "e.example"))
    assert install(with_users, Put(b"users/assign", good))[0] == YES


@pytest.mark.root
@pytest.mark.parametrize(
    ("why", "uid", "gid", "heard"),
    [
        ("the control plane", TAWNY, TAWNY, "b'K'"),
        ("somebody who got into its group", STRANGER, TAWNY, "only the control plane may ask for this"),
        ("a stranger cannot even connect", STRANGER, STRANGER, "Permission denied"),
    ],
)
def test_it_hears_the_control_plane_alone(with_users: Instance, why: str, uid: int, gid: int, heard: str) -> None:
    command = [sys.executable, "-c", _ASK.format(root=str(ROOT)), os.fsdecode(with_users.socket)]
    done = subprocess.run(command, user=uid, group=gid, extra_groups=[], capture_output=True, check=False, text=True)
    assert heard in done.stdout + done.stderr, why
