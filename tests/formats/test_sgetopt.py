from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.formats.sgetopt import BadOption, Options

KNOWN = "ntf:E?"


def read(argv: list[bytes]) -> tuple[list[tuple[bytes, bytes]], list[bytes]]:
    options = Options(argv, KNOWN)
    return list(options), options.operands


@pytest.mark.parametrize(
    ("why", "argv", "found", "operands"),
    [
        ("nothing at all", [], [], []),
        ("one letter", [b"-n"], [(b"n", b"")], []),
        ("letters in a group", [b"-nt", b"x"], [(b"n", b""), (b"t", b"")], [b"x"]),
        ("argument glued on", [b"-fada", b"x"], [(b"f", b"ada")], [b"x"]),
        ("argument in the next word", [b"-f", b"ada", b"x"], [(b"f", b"ada")], [b"x"]),
        ("argument at the end of a group", [b"-nf", b"-t"], [(b"n", b""), (b"f", b"-t")], []),
        ("empty argument", [b"-f", b"", b"x"], [(b"f", b"")], [b"x"]),
        ("rest of the word, if any", [b"-E", b"-Etn", b"-t"], [(b"E", b""), (b"E", b"tn"), (b"t", b"")], []),
        ("an operand ends the options", [b"x", b"-n"], [], [b"x", b"-n"]),
        ("a dash is an operand", [b"-n", b"-", b"-n"], [(b"n", b"")], [b"-", b"-n"]),
        ("two dashes are left out", [b"--", b"-n"], [], [b"-n"]),
        ("and so is what follows them in the word", [b"--help", b"-n"], [], [b"-n"]),
        ("an empty word is an operand", [b"", b"-n"], [], [b"", b"-n"]),
    ],
)
def test_it_reads_options(why: str, argv: list[bytes], found: list[tuple[bytes, bytes]], operands: list[bytes]) -> None:
    assert read(argv) == (found, operands), why


@pytest.mark.parametrize(
    ("why", "argv", "text"),
    [
        ("unknown letter", [b"-nq"], b"illegal option -- q"),
        ("a colon is no letter", [b"-:"], b"illegal option -- :"),
        ("argument missing", [b"-nf"], b"option requires an argument -- f"),
    ],
)
def test_it_refuses(why: str, argv: list[bytes], text: bytes) -> None:
    with pytest.raises(BadOption) as caught:
        read(argv)
    assert caught.value.text == text, why


def test_it_hands_out_what_stands_before_a_bad_letter() -> None:
    found = []
    with pytest.raises(BadOption):
        for option in Options([b"-n", b"-tq"], KNOWN):
            found.append(option)
    assert found == [(b"n", b""), (b"t", b"")]


@given(st.lists(st.text("ntfE-x", max_size=4).map(str.encode), max_size=6))
def test_operands_are_always_the_end_of_the_command_line(argv: list[bytes]) -> None:
    options = Options(argv, KNOWN)
    try:
        list(options)
    except BadOption:
        return
    assert options.operands == argv[len(argv) - len(options.operands) :]
