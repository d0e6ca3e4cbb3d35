"""bin/ of an instance, as `make prepare` makes it: every program under its own name, and a site's own programs left where they are."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from deploy import environment, prepare
from deploy.environment import Environment
from mta import board
from mta.unix import queue_call, warm


@pytest.fixture
def instance(tmp_path: Path) -> Environment:
    (tmp_path / "q/bin").mkdir(parents=True)
    return environment.read({"QMAIL_HOME": str(tmp_path / "q")}, is_root=False)


def test_every_program_is_there_under_its_own_name_and_mailq_beside_them(instance: Environment) -> None:
    prepare.programs(instance)
    assert {path.name for path in (instance.home / "bin").iterdir()} == {*board.PROGRAMS, "mailq"}
    home = os.fsencode(instance.home)
    assert [name for name in board.PROGRAMS if warm.foreign_program(home, name.encode()) is not None] == []
    assert queue_call.replacement(home) is None


def test_a_program_of_bin_is_run_by_its_path(instance: Environment) -> None:
    prepare.programs(instance)
    done = subprocess.run([instance.home / "bin/bouncesaying", "not here"], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (100, b"not here\n")


def test_doing_it_again_brings_ours_up_to_date_and_leaves_a_site_s_own_alone(instance: Environment) -> None:
    prepare.programs(instance)
    folder = instance.home / "bin"
    old, own = folder / "qmail-inject", folder / "qmail-local"
    text = old.read_text()
    old.write_text("#!/usr/bin/python2\nfrom mta import runner\n")
    own.write_text("#!/bin/sh\n")
    prepare.programs(instance)
    assert (old.read_text(), own.read_text()) == (text, "#!/bin/sh\n")


def test_a_link_in_the_place_of_a_program_stays_and_so_does_what_it_leads_to(instance: Environment) -> None:
    """mini-qmail: qmail-queue is a link to qmail-qmqpc."""
    prepare.programs(instance)
    folder = instance.home / "bin"
    client = (folder / "qmail-qmqpc").read_text()
    (folder / "qmail-queue").unlink()
    (folder / "qmail-queue").symlink_to("qmail-qmqpc")
    prepare.programs(instance)
    assert (folder / "qmail-queue").is_symlink()
    assert (folder / "qmail-qmqpc").read_text() == client
    assert queue_call.replacement(os.fsencode(instance.home)) == os.fsencode(folder / "qmail-queue")
