"""Names in a Maildir, and maildirsize."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import cdb, maildirname, maildirsize, vpasswd
from mta.formats.maildirsize import Quota, Usage
from tests.conftest import CORPORA

WHO = {"seconds": 1795218915, "microseconds": 504211, "inode": 0x27A1F8, "recipient": 0x1C, "host": b"mx", "size_bytes": 2174}


def test_a_name_to_the_byte() -> None:
    assert maildirname.unique(**WHO) == b"1795218915.I27a1f8M504211R1c.mx,S=2174"
    assert maildirname.fresh(seconds=1, microseconds=2, pid=3, serial=4, host=b"mx", size_bytes=5) == b"1.M2P3Q4.mx,S=5"


@pytest.mark.parametrize("field", ["seconds", "microseconds", "inode", "recipient", "size_bytes"])
def test_everything_that_makes_a_copy_another_one_is_in_its_name(field: str) -> None:
    assert maildirname.unique(**WHO) != maildirname.unique(**{**WHO, field: WHO[field] + 1})


def test_recipient_and_line_make_different_numbers() -> None:
    numbers = {maildirname.recipient_number(address, line) for address in (b"a@b", b"A@b", b"a@b1") for line in (1, 2, 12)}
    assert len(numbers) == 9
    assert maildirname.recipient_number(b"a@b", 1) == maildirname.recipient_number(b"a@b", 1) < 1 << 64


@given(st.binary(max_size=80), st.integers(0, 1 << 40))
def test_every_name_is_one_a_maildir_can_hold_and_tells_its_size(host: bytes, size_bytes: int) -> None:
    name = maildirname.unique(**{**WHO, "host": host.replace(b"\0", b""), "size_bytes": size_bytes})
    assert b"/" not in name and b":" not in name and not name.startswith(b".") and len(name) < 255
    base, flags = maildirname.split(maildirname.join(name, b"SR"))
    assert (base, flags) == (name, b"RS")
    if b"," not in host:
        assert maildirname.size(name) == size_bytes


@pytest.mark.parametrize(
    ("name", "base", "flags", "size"),
    [
        (b"1.h:2,S", b"1.h", b"S", None),
        (b"1.h,S=37:2,RS", b"1.h,S=37", b"RS", 37),
        (b"1.h,W=40,S=37", b"1.h,W=40,S=37", b"", 37),
        (b"1.h:1,x", b"1.h", b"", None),
        (b"1.h,S=abc", b"1.h,S=abc", b"", None),
        (b"1.h:2,S=37", b"1.h", b"S=37", None),
        (b"1.h,S=" + b"9" * 30, b"1.h,S=" + b"9" * 30, b"", None),
    ],
)
def test_names_of_others_are_read(name: bytes, base: bytes, flags: bytes, size: int | None) -> None:
    assert (maildirname.split(name), maildirname.size(name)) == ((base, flags), size)


# -- maildirsize -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        (b"10M", b"10485760S"),
        (b"5MS,100C", b"5242880S,100C"),
        (b"100C", b"100C"),
        (b"500KB", b"512000S"),
        (b"50MS", b"52428800S"),
        (b"3000S,10C", b"3000S,10C"),
        (b"10000000", b"10000000S"),
        (b"10mb", b"10485760S"),
        (b"1G", b"1073741824S"),
        (b"", b"NOQUOTA"),
        (b"NOQUOTA", b"NOQUOTA"),
    ],
)
def test_c43_quotas_have_one_form(text: bytes, canonical: bytes) -> None:
    assert maildirsize.write_quota(maildirsize.read_quota(text)) == canonical


@pytest.mark.parametrize("text", [b"abc", b"10X", b"-5S", b"10c", b"S", b"1,,2", b"10M,", b" 10M"])
def test_c43_what_is_no_quota_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError):
        maildirsize.read_quota(text)


def test_c41_lines_are_26_octets_and_their_sums_count() -> None:
    data = b"3000S,10C\n" + maildirsize.change(0, 0) + maildirsize.change(37, 1)
    assert [len(line) for line in data.splitlines(keepends=True)[1:]] == [26, 26]
    assert data == b"3000S,10C\n           0            0\n          37            1\n"
    assert maildirsize.read(data) == (b"3000S,10C", Usage(37, 1))
    assert maildirsize.read(data + maildirsize.change(-37, -1)) == (b"3000S,10C", Usage(0, 0))


@given(
    st.builds(Quota, st.integers(0, 1 << 50), st.integers(0, 1 << 30)), st.builds(Usage, st.integers(0, 1 << 50), st.integers(0, 1 << 30))
)
def test_it_reads_back_what_it_wrote(quota: Quota, usage: Usage) -> None:
    line, sum_ = maildirsize.read(maildirsize.write(maildirsize.write_quota(quota), usage))
    assert (maildirsize.read_quota(line), sum_) == (quota, usage)


@given(st.lists(st.sampled_from([b"3000S", b"NOQUOTA", b"\n", b"          37            1\n", b"-9 -1\n", b"x", b"1 2 3\n", b"\0", b"7 "])))
def test_reading_raises_only_value_error(parts: list[bytes]) -> None:
    try:
        _, usage = maildirsize.read(b"".join(parts))
    except ValueError:
        return
    assert usage.size_bytes >= 0 and usage.messages >= 0


@pytest.mark.parametrize(
    ("why", "data"),
    [
        ("nothing", b""),
        ("no line end", b"3000S"),
        ("three numbers", b"3000S\n1 2 3\n"),
        ("one number in a line, three in the next", b"3000S\n1\n2 3 4\n"),
        ("a word", b"3000S\nmany 1\n"),
        ("octets below nothing", b"3000S\n         -37            1\n"),
        ("messages below nothing", b"3000S\n          37           -1\n"),
    ],
)
def test_it_refuses_and_the_files_are_counted_afresh(why: str, data: bytes) -> None:
    with pytest.raises(ValueError):
        maildirsize.read(data)


def test_quota_lines_of_another_program_are_read_and_its_garbage_counted_afresh() -> None:
    folder = CORPORA / "maildir/exim-maildirsize"
    if not folder.exists():
        pytest.skip(f"{folder} is absent: sample files are not beside this checkout")
    quotas = set()
    for path in [folder / "5011.maildirsize", *folder.glob("*/maildirsize")]:
        data = path.read_bytes()
        quotas.add(maildirsize.read_quota(data.split(b"\n")[0]))
        with pytest.raises(ValueError, match="not two numbers"):
            maildirsize.read(data)
    assert quotas == {Quota(30, 1), Quota(500, 0), Quota(3 << 30, 0)}


# -- vpasswd -----------------------------------------------------------------------------------------------------------------------


def test_c36_a_line_becomes_key_and_the_rest() -> None:
    account = vpasswd.read_line(b"joe:$1$x:1:0:Joe:/d/joe:NOQUOTA:pw")
    assert (account.name, vpasswd.write_data(account)) == (b"joe", b"$1$x:1:0:Joe:/d/joe:NOQUOTA:pw")
    assert vpasswd.read_data(b"joe", b"$1$x:1:0:Joe:/d/joe:NOQUOTA:pw") == account


def test_c37_the_gid_field_is_a_mask_of_what_is_not_allowed() -> None:
    account = replace(vpasswd.read_line(b"joe:x:1:10:J:/d:NOQUOTA"))
    assert account.flags & vpasswd.NO_POP and account.flags & vpasswd.NO_IMAP
    assert not account.flags & (vpasswd.NO_SMTP | vpasswd.NO_WEBMAIL | vpasswd.BOUNCE_MAIL)


field = st.binary(max_size=4).filter(lambda f: not {0, 10, 58} & set(f))
number = st.sampled_from([b"0", b"1", b"007", b"12", b"x", b"", b"-1"])
vpasswd_rows = st.builds(lambda *fields: b":".join(fields), field, field, number, number, field, field, field) | st.binary(max_size=30)


@given(vpasswd_rows)
def test_the_quick_way_to_a_record_is_the_long_one(row: bytes) -> None:
    try:
        account = vpasswd.read_line(row)
        wanted = account.name, vpasswd.write_data(account)
    except ValueError:
        with pytest.raises(ValueError):
            vpasswd.record(row)
    else:
        assert vpasswd.record(row) == wanted


mailboxes = st.dictionaries(field.filter(bool), field, max_size=6)


@given(mailboxes, field.filter(bool), st.none() | field)
def test_an_edited_line_is_edited_in_both_files(known: dict[bytes, bytes], name: bytes, crypt: bytes | None) -> None:
    def text(accounts: dict[bytes, bytes]) -> bytes:
        return b"".join(b"%b:%b:1:0:%b:/d:NOQUOTA\n" % (n, c, n) for n, c in accounts.items())

    before = text(known)
    after = text({n: c for n, c in known.items() if n != name} if crypt is None else {**known, name: crypt})
    line = b"" if crypt is None else text({name: crypt})
    place = vpasswd.find(cdb.within(before), len(before), name)
    assert before[place.start : place.stop] == (text({name: known[name]}) if name in known else b"")
    assert joined(before, vpasswd.edited(line, place, len(before))) == after
    compiled = vpasswd.compile_(before)
    read_at, size = cdb.within(compiled), len(compiled)
    assert joined(compiled, vpasswd.recompiled(read_at, size, name, line)) == vpasswd.compile_(after)
    assert vpasswd.compiled_size(read_at, size) == len(before)


def joined(old: bytes, pieces: list[bytes | range]) -> bytes:
    return b"".join(piece if isinstance(piece, bytes) else old[piece.start : piece.stop] for piece in pieces)


@pytest.mark.parametrize("shift", range(8))
def test_a_line_is_found_wherever_a_piece_of_the_file_ends(shift: int) -> None:
    fill = b"a:" + b"x" * ((1 << 18) - 6 + shift) + b"\n"
    data = fill + b"joe:x\n" + fill
    assert vpasswd.find(cdb.within(data), len(data), b"joe") == range(len(fill), len(fill) + 6)
    assert vpasswd.find(cdb.within(data), len(data), b"oe") == range(len(data), len(data))
