"""config-fast and config."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import host_name
from mta.unix import interfaces
from tests.support.call import Result, call, process


@pytest.fixture
def home(tmp_path: Path) -> dict[bytes, bytes]:
    (tmp_path / "control").mkdir()
    return {b"QMAIL_HOME": os.fsencode(tmp_path)}


def control(home: dict[bytes, bytes]) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted((Path(os.fsdecode(home[b"QMAIL_HOME"])) / "control").iterdir())}


@pytest.mark.parametrize(
    ("name", "defaultdomain", "plusdomain"),
    [
        (b"mail.example.org", b"example.org", b"example.org"),
        (b"a.b.c.example", b"b.c.example", b"c.example"),
        (b"example.org", b"example.org", b"example.org"),
        (b"localhost", b"localhost", b"localhost"),
    ],
)
def test_a_name_becomes_a_control_directory(home: dict[bytes, bytes], name: bytes, defaultdomain: bytes, plusdomain: bytes) -> None:
    result = call("config-fast", [name], home)
    assert (result.code, result.err) == (0, b"")
    assert b"control/me: %b\n" % name in result.out
    assert control(home) == {
        "defaultdomain": defaultdomain + b"\n",
        "locals": name + b"\n",
        "me": name + b"\n",
        "plusdomain": plusdomain + b"\n",
        "rcpthosts": name + b"\n",
    }


def test_lists_are_added_to(home: dict[bytes, bytes], tmp_path: Path) -> None:
    (tmp_path / "control/locals").write_bytes(b"old.example")
    (tmp_path / "control/rcpthosts").write_bytes(b"old.example\n")
    (tmp_path / "control/me").write_bytes(b"old.example\n")
    assert process("config-fast", [b"new.example"], home).code == 0
    found = control(home)
    assert (found["me"], found["locals"], found["rcpthosts"]) == (b"new.example\n", *[b"old.example\nnew.example\n"] * 2)
    assert (tmp_path / "control/me").stat().st_mode & 0o777 == 0o644


def test_a_control_directory_that_is_a_link_stays_one(home: dict[bytes, bytes], tmp_path: Path) -> None:
    (tmp_path / "control").rename(tmp_path / "generation")
    (tmp_path / "control").symlink_to("generation")
    assert call("config-fast", [b"h.example"], home).code == 0
    assert (tmp_path / "control").is_symlink() and (tmp_path / "generation/me").read_bytes() == b"h.example\n"


@pytest.mark.parametrize("argv", [[], [b"a.example", b"b.example"]])
def test_it_wants_one_name(home: dict[bytes, bytes], argv: list[bytes]) -> None:
    assert call("config-fast", argv, home) == Result(100, b"", b"config-fast: usage: config-fast fqdn\n")


@pytest.mark.parametrize("name", [b"", b"a b", b"a..b", b".a", b"a.", b"a\nb", b"a/b", b"x" * 64 + b".org", b"a.b." * 80 + b"c"])
def test_what_is_no_name_changes_nothing(home: dict[bytes, bytes], name: bytes) -> None:
    assert call("config-fast", [name], home) == Result(100, b"", b"config-fast: fatal: that is no host name\n")
    assert control(home) == {}


def test_a_directory_that_is_not_there(home: dict[bytes, bytes], tmp_path: Path) -> None:
    (tmp_path / "control").rmdir()
    assert call("config-fast", [b"a.example"], home) == Result(
        111, b"", b"config-fast: fatal: unable to write control/me: file does not exist\n"
    )


def test_a_file_that_cannot_be_replaced(home: dict[bytes, bytes], tmp_path: Path) -> None:
    (tmp_path / "control/locals").mkdir()
    result = call("config-fast", [b"a.example"], home)
    assert (result.code, result.err) == (111, b"config-fast: fatal: unable to write control/locals: is a directory\n")
    assert sorted(p.name for p in (tmp_path / "control").iterdir()) == ["defaultdomain", "locals", "me", "plusdomain"], (
        "and no temporary file"
    )


@given(st.lists(st.text("abc-09", min_size=1, max_size=5), min_size=1, max_size=6))
def test_domains_are_ends_of_the_name(labels: list[str]) -> None:
    name = ".".join(labels).encode()
    assert host_name.is_name(name)
    for domain in (host_name.default_domain(name), host_name.plus_domain(name)):
        assert name == domain or name.endswith(b"." + domain)


# -- config ------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> dict[str, str | None]:
    """What the name service says of addresses; and one host, which it calls Mail.Example.Org."""
    names: dict[str, str | None] = {
        "127.0.0.1": "localhost",
        "192.0.2.1": "Mail.Example.Org",
        "192.0.2.2": "other.example",
        "192.0.2.3": None,
    }

    def getaddrinfo(host: object, port: object, flags: int = 0) -> list[tuple[object, ...]]:
        if names.get("host") == "unknown":
            raise socket.gaierror(-2, "no such host")
        return [(2, 1, 6, names.get("host", "Mail.Example.Org"), ("192.0.2.1", 0))]

    def getnameinfo(address: tuple[str, int], flags: int) -> tuple[str, str]:
        name = names.get(address[0])
        if name is None:
            raise socket.gaierror(-2, "no name")
        return name, "0"

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(socket, "getnameinfo", getnameinfo)
    monkeypatch.setattr(interfaces, "own_addresses", lambda: frozenset(("127.0.0.1", "192.0.2.2", "192.0.2.3", "0.0.0.0", "::")))
    return names


def test_the_name_service_fills_it(home: dict[bytes, bytes], world: object) -> None:
    result = call("config", [], home)
    assert (result.code, result.err) == (0, b"")
    assert b"192.0.2.3 has no name.\n" in result.out and b"0.0.0.0" not in result.out
    names = b"localhost\nmail.example.org\nother.example\n"
    assert control(home) == {
        "defaultdomain": b"example.org\n",
        "locals": names,
        "me": b"mail.example.org\n",
        "plusdomain": b"example.org\n",
        "rcpthosts": names,
    }


@pytest.mark.parametrize("host", ["unknown", "short", "bad name.example", "b\xfccher.example"])
def test_a_host_without_a_full_name(home: dict[bytes, bytes], world: dict[str, str | None], host: str) -> None:
    world["host"] = host
    result = call("config", [], home)
    assert (result.code, result.out) == (111, b"")
    assert result.err.startswith(b"config: fatal: the DNS knows no host ") and result.err.endswith(
        b"run config-fast with the full name of this one\n"
    )
    assert control(home) == {}


def test_a_control_directory_that_is_missing(home: dict[bytes, bytes], world: object, tmp_path: Path) -> None:
    (tmp_path / "control").rmdir()
    result = call("config", [], home)
    assert (result.code, result.err) == (111, b"config: fatal: unable to write control/me: file does not exist\n")
