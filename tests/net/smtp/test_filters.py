from __future__ import annotations

import os
from pathlib import Path

import pytest

from mta.decisions import smtp_rcpt
from mta.formats import cdb
from mta.net.smtp import filters
from mta.net.smtp.filters import NO_EXCEPTIONS, NO_FILTERS, Exceptions, Filters
from mta.unix.controls import ControlDir, Unreadable

BAD_HELO, BAD_RECIPIENT = smtp_rcpt.BAD_HELO, smtp_rcpt.BAD_RECIPIENT
MORE = cdb.reader(cdb.write([(b"more@x.y", b""), (b"@gone.example", b"")])).get


@pytest.mark.parametrize(
    ("why", "helo", "refusal"),
    [
        ("a name that is listed", b"localhost", BAD_HELO),
        ("in other letters", b"LocalHost", BAD_HELO),
        ("a name below a suffix", b"a.b.spam.example", BAD_HELO),
        ("the suffix itself", b"spam.example", None),
        ("another name", b"mail.example", None),
        ("no name was given", None, None),
        ("nothing was given", b"", None),
    ],
)
def test_badhelo(why: str, helo: bytes | None, refusal: str | None) -> None:
    listed = Filters(badhelo=frozenset((b"localhost", b".spam.example")))
    assert filters.refusal(listed, NO_EXCEPTIONS, helo=helo, recipient=b"a@b", is_relay_client=False) == refusal, why
    assert filters.refusal(listed, NO_EXCEPTIONS, helo=helo, recipient=b"a@b", is_relay_client=True) is None
    assert filters.refusal(listed, Exceptions(may_say_any_helo=True), helo=helo, recipient=b"a@b", is_relay_client=False) is None


@pytest.mark.parametrize(
    ("why", "recipient", "refusal"),
    [
        ("an address", b"Joe@X.y", BAD_RECIPIENT),
        ("a domain", b"anybody@OLD.example", BAD_RECIPIENT),
        ("an address of the cdb", b"more@x.Y", BAD_RECIPIENT),
        ("a domain of the cdb", b"a@gone.example", BAD_RECIPIENT),
        ("below a domain is another", b"a@b.old.example", None),
        ("another address", b"ann@x.y", None),
        ("no domain", b"joe", None),
        ("nothing", b"", None),
    ],
)
@pytest.mark.parametrize("is_relay_client", [False, True])
def test_badrcptto(why: str, recipient: bytes, refusal: str | None, is_relay_client: bool) -> None:
    listed = Filters(badrcptto=frozenset((b"joe@x.y", b"@old.example")), morebadrcptto=MORE)
    assert filters.refusal(listed, NO_EXCEPTIONS, helo=b"h", recipient=recipient, is_relay_client=is_relay_client) == refusal, why
    assert filters.refusal(NO_FILTERS, NO_EXCEPTIONS, helo=b"h", recipient=recipient, is_relay_client=is_relay_client) is None


@pytest.mark.parametrize(
    ("why", "files", "env", "delays"),
    [
        ("off", (0, 0), {}, [0, 0, 0, 0]),
        ("after two", (2, 5), {}, [0, 0, 5, 5]),
        ("a delay of nothing", (2, 0), {}, [0, 0, 0, 0]),
        ("longer than anybody waits", (3, 100_000), {}, [0, 0, 0, 600]),
        ("this client is trusted", (2, 5), {b"TARPITCOUNT": b"0"}, [0, 0, 0, 0]),
        ("this client is not", (0, 0), {b"TARPITCOUNT": b"1", b"TARPITDELAY": b"9"}, [0, 9, 9, 9]),
        ("no number is none", (2, 5), {b"TARPITDELAY": b"x"}, [0, 0, 0, 0]),
    ],
)
def test_tarpit(why: str, files: tuple[int, int], env: dict[bytes, bytes], delays: list[int]) -> None:
    set_ = Filters(tarpitcount=files[0], tarpitdelay_s=files[1])
    assert [filters.delay_s(set_, filters.exceptions(env), n) for n in (1, 2, 3, 4)] == delays, why


def test_they_are_read_from_control_files(tmp_path: Path) -> None:
    control = tmp_path / "control"
    control.mkdir()
    assert filters.load(ControlDir(os.fsencode(tmp_path))) == NO_FILTERS, "all are off"
    for name, text in (
        ("badhelo", "A\n"),
        ("badrcptto", "# no\nJ@x\n"),
        ("signatures", "TVqQ\n"),
        ("tarpitcount", "3"),
        ("tarpitdelay", "4"),
    ):
        (control / name).write_text(text)
    (control / "morebadrcptto.cdb").write_bytes(cdb.write([(b"m@x", b"")]))
    found = filters.load(ControlDir(os.fsencode(tmp_path)))
    assert found.morebadrcptto is not None and found.morebadrcptto(b"m@x") == b""
    assert found == Filters(frozenset((b"a",)), frozenset((b"j@x",)), found.morebadrcptto, (b"TVqQ",), 3, 4)
    (control / "badhelo").unlink()
    (control / "badhelo").mkdir()
    with pytest.raises(Unreadable):
        filters.load(ControlDir(os.fsencode(tmp_path)))


def test_nobadhelo_is_for_one_client() -> None:
    assert filters.exceptions({b"NOBADHELO": b""}).may_say_any_helo
    assert filters.exceptions({}) == NO_EXCEPTIONS
