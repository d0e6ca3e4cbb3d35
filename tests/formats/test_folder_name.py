from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats import folder_name


@pytest.mark.parametrize(
    ("why", "directory", "levels"),
    [
        ("INBOX", b"", ()),
        ("one level", b".Sent", (b"Sent",)),
        ("two", b".Work.2024", (b"Work", b"2024")),
        ("an ampersand", b".R&-D", (b"R&D",)),
        ("umlauts", b".Entw&APw-rfe", ("Entwürfe".encode(),)),
        ("Japanese", b".&ZeVnLIqe-", ("日本語".encode(),)),
        ("outside the first plane", b".&2D7cXA-", ("🡜".encode(),)),
    ],
)
def test_it_reads_and_writes(why: str, directory: bytes, levels: tuple[bytes, ...]) -> None:
    assert folder_name.read(directory) == levels, why
    assert folder_name.write(levels) == directory, why


@pytest.mark.parametrize(
    ("why", "directory", "levels"),
    [
        ("UTF-8 as it stands", ".Entwürfe".encode(), ("Entwürfe".encode(),)),
        ("neither", b".\xe9t\xe9", ("été".encode(),)),
        ("a shift that does not end", b".A&B", (b"A&B",)),
        ("half a surrogate pair", b".&2D4-", (b"&2D4-",)),
        ("a slash in disguise", b".&AC8-", (b"&AC8-",)),
        ("a newline in disguise", b".&AAo-", (b"&AAo-",)),
        ("an empty level", b".a..b", (b"a", b"", b"b")),
    ],
)
def test_it_shows_what_others_have_made(why: str, directory: bytes, levels: tuple[bytes, ...]) -> None:
    assert folder_name.read(directory) == levels, why


@pytest.mark.parametrize(
    ("why", "levels"),
    [
        ("empty", (b"",)),
        ("blanks", (b"  ",)),
        ("blanks around", (b" a",)),
        ("a dot", (b".Trash.x",)),
        ("a slash", (b"a/b",)),
        ("the folder above", (b"..",)),
        ("a NUL", (b"a\0",)),
        ("a newline", (b"a\nb",)),
        ("not UTF-8", (b"\xff",)),
        ("too long", (b"x" * 255,)),
        ("too long once it is written", (("é" * 120).encode(),)),
    ],
)
def test_it_refuses(why: str, levels: tuple[bytes, ...]) -> None:
    with pytest.raises(ValueError):
        folder_name.write(levels)


names = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp"), exclude_characters="./"), min_size=1, max_size=20)


@given(st.lists(names.filter(lambda t: t == t.strip() and t), min_size=1, max_size=3))
def test_it_reads_back_what_it_wrote(levels: list[str]) -> None:
    wanted = tuple(level.encode() for level in levels)
    try:
        directory = folder_name.write(wanted)
    except ValueError:
        assert sum(map(len, wanted)) > 60
        return
    assert folder_name.read(directory) == wanted
    assert directory.isascii()


@given(st.binary(max_size=60))
def test_reading_never_raises(raw: bytes) -> None:
    for level in folder_name.read(b"." + raw):
        level.decode()
