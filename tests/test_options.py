"""Every option, variable and control file of the originals stands in the code, or in the list of what is missing, with a reason."""

from __future__ import annotations

import re

import pytest

from deploy import docs, options
from mta import board
from mta.formats import multilog_script
from mta.formats.control_files import BY_NAME

HEADS = docs.heads()


@pytest.mark.parametrize("name", options.CONTROL)
def test_a_control_file_is_read_or_missing_on_purpose(name: str) -> None:
    is_here = name in BY_NAME and any(name == text or text.endswith(f"control/{name}") for text in options.constants())
    compiled = name in BY_NAME and name.endswith(".cdb")  # opened by the name of its source, or as a file
    assert (is_here or compiled) != (name in options.words(options.NO_CONTROL))


WRITERS = {"config", "config-fast", "installer", "qmail-newbrt", "qmail-newmrh"}


@pytest.mark.parametrize("name", sorted(BY_NAME.keys() - {"me"}))
def test_a_control_file_is_said_to_be_read_by_those_whose_heads_name_it(name: str) -> None:
    in_heads = {p for p, head in HEADS.items() if re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", head)}
    assert in_heads - WRITERS <= set(BY_NAME[name].used_by)


@pytest.mark.parametrize("name", options.USERS)
def test_a_file_of_users_is_read(name: str) -> None:
    assert any(text in (name, f"users/{name}") for text in options.constants())


@pytest.mark.parametrize("name", options.VARIABLES)
def test_a_variable_is_looked_at_or_missing_on_purpose(name: str) -> None:
    if name == "TZ":  # the C library's
        assert "TZ" in HEADS["predate"]
        return
    assert options.is_in_code(name) != (name in options.words(options.NO_VARIABLE))


@pytest.mark.parametrize("name", [name for name in options.VARIABLES if name not in options.words(options.NO_VARIABLE)])
def test_a_variable_stands_in_the_head_of_a_program(name: str) -> None:
    assert any(re.search(rf"(?<![A-Z_]){name}(?![A-Z_])", head) for head in HEADS.values())
    assert options.named_by(name, HEADS)


@pytest.mark.parametrize("name", options.OPTIONS)
def test_an_option_is_taken_or_missing_on_purpose(name: str) -> None:
    absent = frozenset(letter for some in options.NO_OPTION.get(name, {}) for letter in some)
    taken = options.taken(name)
    wanted = frozenset(options.OPTIONS[name])
    assert absent <= wanted and wanted - absent <= taken and not absent & taken


@pytest.mark.parametrize("name", sorted(board.PROGRAMS))
def test_an_option_is_in_the_head_of_its_program(name: str) -> None:
    if re.search(r"from mta.formats.sgetopt import", "".join(path.read_text() for path in options._room(name))):
        said = "".join(re.findall(r"(?<![\w])-([A-Za-z0-9/]+)", HEADS[name]))
        assert options.taken(name) - {"W"} <= set(said), "each letter stands behind a - somewhere"


def test_all_of_multilog_s_actions_are_known() -> None:
    script = multilog_script.read([b"t", b"-a", b"+b", b"e", b"=f", b"s5000", b"n3", b"!p", b"./d"])
    assert script is not None


def test_reasons_are_sentences() -> None:
    tables = [options.NO_CONTROL, options.NO_VARIABLE, options.NO_PROGRAM, *options.NO_OPTION.values()]
    assert all(reason.endswith(".") and len(reason) > 15 for table in tables for reason in table.values())
    assert set(options.words(options.NO_CONTROL)) <= set(options.CONTROL)
    assert set(options.words(options.NO_VARIABLE)) <= set(options.VARIABLES)


def test_a_program_that_is_not_there_is_not_there() -> None:
    missing = {word for names in options.NO_PROGRAM for word in re.findall(r"[\w@-]+", names)}
    assert missing & set(board.PROGRAMS) == set()
