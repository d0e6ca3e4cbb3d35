from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webadmin.webmail import flowed


@pytest.mark.parametrize(
    ("why", "text", "found"),
    [
        ("a paragraph", "one \ntwo \nthree\nfour", "one two three\nfour"),
        ("quoted", "> one \n> two\n>> deeper", "> one two\n>> deeper"),
        ("a depth that changes ends it", "> one \ntwo", "> one \ntwo"),
        ("stuffing", " >no quote\n From x\n  y", ">no quote\nFrom x\n y"),
        ("the signature stands alone", "a \n-- \nme", "a \n-- \nme"),
    ],
)
def test_it_joins_lines(why: str, text: str, found: str) -> None:
    assert flowed.unflow(text) == found, why


def test_delsp_takes_the_blank() -> None:
    assert flowed.unflow("日本 \n語", del_sp=True) == "日本語"


lines = st.text(st.sampled_from("ab >-.F\u00e9"), max_size=200).map(lambda t: t.rstrip(" "))


@given(st.lists(lines, max_size=8))
def test_what_was_cut_comes_together_again(given_: list[str]) -> None:
    text = "\n".join(line if not line.startswith(">") else "> " + line.lstrip("> ") for line in given_)
    cut = flowed.flow(text)
    rejoined = flowed.unflow(cut).split("\n")
    assert [r.rstrip(" ") for r in rejoined] == [t.rstrip(" ") for t in text.split("\n")]
    assert all(len(line) <= flowed.WIDTH + 1 or " " not in line.strip()[: flowed.WIDTH] for line in cut.split("\n"))


@pytest.mark.parametrize(("text", "quoted"), [("a\n\nb", "> a\n>\n> b"), ("> a", ">> a"), ("", ">")])
def test_it_quotes(text: str, quoted: str) -> None:
    assert flowed.quote(text) == quoted
