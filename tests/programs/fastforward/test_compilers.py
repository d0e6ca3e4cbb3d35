"""setforward, printforward, setmaillist, printmaillist, newinclude, newaliases: programs around formats of their own."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from mta.formats import cdb
from tests.support.call import Result, call, command, process

OLD = b"the old one"
NOT_OPEN = 9999
READ = [("setforward", b"o.cdb"), ("setmaillist", b"o.bin")]
PRINTED = ["printforward", "printmaillist"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the programs run; also their instance."""
    (tmp_path / "control").mkdir()
    (tmp_path / "control/me").write_bytes(b"mail.example.com\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(name: str, *argv: bytes, stdin: bytes = b"", env: dict[bytes, bytes] | None = None) -> Result:
    return call(name, list(argv), {b"QMAIL_HOME": os.getcwdb(), **(env or {})}, stdin)


def records(path: Path) -> list[tuple[bytes, bytes]]:
    return list(cdb.records(path.read_bytes()))


# ---- setforward, printforward ----


def test_c22_blanks_of_a_command_are_dropped(folder: Path) -> None:
    assert run("setforward", b"o.cdb", b"o.tmp", stdin=b"t@h: |prog x;") == Result(0, b"", b"")
    assert records(folder / "o.cdb") == [(b":t@h", b"|progx\0")]


def test_c23_without_the_last_semicolon_there_is_no_new_database(folder: Path) -> None:
    complaint = b"setforward: fatal: final instruction must end with semicolon\n"
    assert run("setforward", b"o.cdb", b"o.tmp", stdin=b"t@h: &a@b") == Result(100, b"", complaint)
    assert os.listdir(folder) == ["control"]


def test_what_printforward_prints_gives_the_same_database(folder: Path) -> None:
    run("setforward", b"o.cdb", b"o.tmp", stdin=b"list@h: ?own@h, &a@b, |prog x, -foo;")
    database = (folder / "o.cdb").read_bytes()
    printed = run("printforward", stdin=database)
    assert printed == Result(0, b"list@h: ?own@h;\nlist@h:\n, &a@b\n, |progx\n, &-foo\n;\n", b"")
    run("setforward", b"p.cdb", b"p.tmp", stdin=printed.out)
    assert (folder / "p.cdb").read_bytes() == database


@pytest.mark.parametrize("damage", [b"", b"short", cdb.write([(b"=joe", b"x")]), cdb.write([(b":joe", b"&x")])])
def test_printforward_prints_no_other_database(damage: bytes) -> None:
    result = call("printforward", [], {}, damage)
    assert result == Result(100, b"", b"printforward: fatal: bad database format\n")


# ---- setmaillist, printmaillist ----


def test_a_mailing_list(folder: Path) -> None:
    assert run("setmaillist", b"l.bin", b"l.tmp", stdin=b"a@b\n# c\n\n&d@e  \n./more.bin\n  f@g") == Result(0, b"", b"")
    assert (folder / "l.bin").read_bytes() == b"&a@b\0&d@e\0./more.bin\0&  f@g\0"
    assert stat.S_IMODE((folder / "l.bin").stat().st_mode) == 0o644
    assert run("printmaillist", stdin=(folder / "l.bin").read_bytes()) == Result(0, b"&a@b\n&d@e\n./more.bin\n&  f@g\n", b"")


def test_setmaillist_refuses_a_nul(folder: Path) -> None:
    (folder / "l.bin").write_bytes(OLD)
    assert run("setmaillist", b"l.bin", b"l.tmp", stdin=b"a\0\n") == Result(111, b"", b"setmaillist: fatal: NUL in input\n")
    assert (folder / "l.bin").read_bytes() == OLD and not (folder / "l.tmp").exists()


def test_printmaillist_prints_no_other_file() -> None:
    assert call("printmaillist", [], {}, b"a@b\0") == Result(100, b"", b"printmaillist: fatal: bad mailing list format\n")


# ---- newinclude ----


def test_an_include_file(folder: Path) -> None:
    (folder / "l").write_bytes(b"a, b@X.org\n# c\n:include:more.bin\n")
    assert run("newinclude", b"l") == Result(0, b"", b"")
    assert (folder / "l.bin").read_bytes() == b"&b@X.org\0&a@mail.example.com\0./more.bin\0"
    assert sorted(os.listdir(folder)) == ["control", "l", "l.bin"]


def test_the_owner_of_an_include_file_may_have_another_host(folder: Path) -> None:
    (folder / "l").write_bytes(b"a, b@c, d@e+\n")
    env = {b"QMAILDEFAULTHOST": b"h.x", b"QMAILDEFAULTDOMAIN": b"d.x", b"QMAILPLUSDOMAIN": b"p.x"}
    assert run("newinclude", b"l", env=env) == Result(0, b"", b"")
    assert (folder / "l.bin").read_bytes() == b"&d@e.p.x\0&b@c.d.x\0&a@h.x\0"


def test_a_program_in_an_include_file(folder: Path) -> None:
    (folder / "l").write_bytes(b'a\n"|prog x"\n')
    (folder / "l.bin").write_bytes(OLD)
    assert run("newinclude", b"l") == Result(111, b"", b"newinclude: fatal: program delivery |prog x not supported\n")
    assert (folder / "l.bin").read_bytes() == OLD and not (folder / "l.tmp").exists()


def test_no_include_file(folder: Path) -> None:
    assert run("newinclude", b"l") == Result(111, b"", b"newinclude: fatal: unable to read l: file does not exist\n")


# ---- newaliases ----


def test_c24_c25_a_table_of_aliases(folder: Path) -> None:
    (folder / "aliases").write_bytes(b'list: a, b@X.org, c\nPost: "|prog x", :include:/l/y\nowner-list: Bob\n')
    assert run("newaliases", b"aliases") == Result(0, b"", b"")
    assert records(folder / "aliases.cdb") == [
        (b":list@", b"&c@mail.example.com\0&b@X.org\0&a@mail.example.com\0"),
        (b":post@", b"/l/y.bin\0!prog x\0"),
        (b"?list@", b"owner-list@mail.example.com"),
        (b":owner-list@", b"&Bob@mail.example.com\0"),
    ]
    assert stat.S_IMODE((folder / "aliases.cdb").stat().st_mode) == 0o644


def test_c26_a_file_leaves_the_old_database(folder: Path) -> None:
    (folder / "aliases").write_bytes(b"ok: a@x.y\nf: /var/mail/x\n")
    (folder / "aliases.cdb").write_bytes(OLD)
    assert run("newaliases", b"aliases") == Result(111, b"", b"newaliases: fatal: file delivery /var/mail/x not supported\n")
    assert (folder / "aliases.cdb").read_bytes() == OLD and not (folder / "aliases.tmp").exists()


def test_an_address_too_long_is_for_good(folder: Path) -> None:
    (folder / "aliases").write_bytes(b"a: " + b"b" * 900 + b"@x.y\n")
    assert run("newaliases", b"aliases") == Result(100, b"", b"newaliases: fatal: addresses over 800 bytes are not permitted\n")


def test_control_files_complete_addresses(folder: Path) -> None:
    for name, value in (("defaulthost", b"dh.x"), ("defaultdomain", b"dd.x"), ("plusdomain", b"pd.x")):
        (folder / "control" / name).write_bytes(value + b"\n")
    (folder / "aliases").write_bytes(b"a: b, c@d, e@f+\n")
    env = {b"QMAILDEFAULTHOST": b"not.used"}
    assert run("newaliases", b"-v", b"aliases", env=env) == Result(0, b"", b"")
    assert records(folder / "aliases.cdb") == [(b":a@", b"&e@f.pd.x\0&c@d.dd.x\0&b@dh.x\0")]


def test_without_control_me_the_name_is_me(folder: Path) -> None:
    (folder / "control/me").unlink()
    (folder / "aliases").write_bytes(b"a: b\n")
    assert run("newaliases", b"aliases") == Result(0, b"", b"")
    assert records(folder / "aliases.cdb") == [(b":a@", b"&b@me.me\0")]


def test_it_reads_the_systems_table_unless_told_otherwise(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "aliases").write_bytes(b"a: b@x.y\n")
    monkeypatch.setattr("mta.programs.fastforward.newaliases.TABLE", b"aliases")
    assert run("newaliases") == Result(0, b"", b"")
    assert records(folder / "aliases.cdb") == [(b":a@", b"&b@x.y\0")]


def test_no_table(folder: Path) -> None:
    assert run("newaliases", b"aliases") == Result(111, b"", b"newaliases: fatal: unable to read aliases: file does not exist\n")
    assert run("newaliases", b"no/aliases") == Result(111, b"", b"newaliases: fatal: unable to read no/aliases: file does not exist\n")


def test_two_tables(folder: Path) -> None:
    assert run("newaliases", b"a", b"b") == Result(100, b"", b"newaliases: usage: newaliases [ file ]\n")


# ---- all of them ----


@pytest.mark.parametrize("name", ["newinclude", "newaliases"])
def test_control_files_that_cannot_be_read(folder: Path, name: str) -> None:
    (folder / "control/me").unlink()
    (folder / "control/me").mkdir()
    (folder / "l").write_bytes(b"a: b\n")
    result = run(name, b"l")
    assert result == Result(111, b"", b"%b: fatal: unable to read control/me: Is a directory\n" % name.encode())
    assert sorted(os.listdir(folder)) == ["control", "l"]


@pytest.mark.parametrize(
    ("name", "argv", "usage"),
    [
        ("setforward", [], b"setforward data.cdb data.tmp"),
        ("setforward", [b"a"], b"setforward data.cdb data.tmp"),
        ("setmaillist", [], b"setmaillist list.bin list.tmp"),
        ("setmaillist", [b"a"], b"setmaillist list.bin list.tmp"),
        ("newinclude", [], b"newinclude list"),
    ],
)
def test_without_names_they_say_how_they_are_called(name: str, argv: list[bytes], usage: bytes) -> None:
    assert call(name, argv, {}) == Result(100, b"", b"%b: usage: %b\n" % (name.encode(), usage))


@pytest.mark.parametrize(("name", "path"), READ)
def test_an_input_that_cannot_be_read(folder: Path, name: str, path: bytes) -> None:
    (folder / os.fsdecode(path)).write_bytes(OLD)
    fd = os.open(folder, os.O_RDONLY)
    try:
        result = call(name, [path, b"o.tmp"], {}, stdin_fd=fd)
    finally:
        os.close(fd)
    assert result == Result(111, b"", b"%b: fatal: unable to read input: is a directory\n" % name.encode())
    assert (folder / os.fsdecode(path)).read_bytes() == OLD and not (folder / "o.tmp").exists()


@pytest.mark.parametrize("name", [*(name for name, _ in READ), *PRINTED])
def test_no_input_at_all(folder: Path, name: str) -> None:
    result = call(name, [b"o", b"t"], {}, stdin_fd=NOT_OPEN)
    assert result == Result(111, b"", b"%b: fatal: unable to read input: file descriptor not open\n" % name.encode())
    assert os.listdir(folder) == ["control"]


@pytest.mark.parametrize(("name", "path"), READ)
def test_a_place_that_is_no_place(folder: Path, name: str, path: bytes) -> None:
    complaint = b"%b: fatal: unable to create no/t: file does not exist\n" % name.encode()
    assert run(name, path, b"no/t") == Result(111, b"", complaint)


@pytest.mark.parametrize(("name", "data"), [("printforward", cdb.write([(b":a", b"&b\0")])), ("printmaillist", b"&b\0")])
def test_a_full_disk_for_what_is_printed(tmp_path: Path, name: str, data: bytes) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command(name, os.fsencode(tmp_path)), input=data, stdout=full, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (111, b"%b: fatal: unable to write output: out of disk space\n" % name.encode())


def test_the_program_behind_bin(folder: Path) -> None:
    (folder / "aliases").write_bytes(b"a: b\n")
    assert process("newaliases", [b"aliases"], {b"QMAIL_HOME": os.fsencode(folder)}) == Result(0, b"", b"")
    assert records(folder / "aliases.cdb") == [(b":a@", b"&b@mail.example.com\0")]
