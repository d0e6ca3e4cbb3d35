"""The page about mini-qmail, with a QMQP server on another instance."""

from __future__ import annotations

import os
import sys

import pytest

from tests.conftest import ROOT
from tests.recipes.conftest import World
from tests.recipes.page import Page
from tests.support.process import own_address, why_not_at

DOWN = "127.0.0.62"


def test_mini_qmail(world: World) -> None:
    reason = why_not_at(628)
    if reason:
        pytest.skip(reason)
    m = world.m
    m.start("queue-writer", "qmail-send")
    page = Page("mini-qmail.md", world.folder, m)
    page.env["PYTHONPATH"] = str(ROOT)
    # the checkout's own interpreter, without the packages of .venv
    page.places |= {" 0 628 ": f" {own_address()} 628 ", "python3 -m": f"{os.path.realpath(sys.executable)} -m"}
    page.places |= {"192.0.2.:": "127.0.0.:", "192.0.2.9": "127.0.0.1", "192.0.2.2": DOWN, "192.0.2.3": own_address()}

    def on(words: list[str]) -> None:
        page.be_at({"hub": m.home, "desk": world.folder / "desk"}[words[0]])

    assert page.run({"on": on, "stop": lambda _: m.power_off()}) == 13
