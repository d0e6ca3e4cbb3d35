"""manage.py, run as root: nothing it does may leave a file of root's in the database's directory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.support import unprivileged
from tests.support.instance import make_instance

_WHO = """
import os, sys
sys.path.insert(0, {root!r})
import manage
manage.give_up_root(sys.argv[1].encode())
print(os.getresuid(), os.getgroups())
"""


def who_it_is(home: Path) -> str:
    command = [sys.executable, "-c", _WHO.format(root=str(ROOT)), str(home)]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()


def test_without_an_instance_nothing_is_given_up(tmp_path: Path) -> None:
    assert who_it_is(tmp_path / "none") == f"{os.getresuid()} {os.getgroups()}"


@pytest.mark.root
def test_it_becomes_the_one_user_of_the_instance() -> None:
    if not unprivileged.IS_ROOT:
        pytest.skip("needs root to give up")
    with unprivileged.folder() as folder:
        instance = make_instance(folder)
        unprivileged.give(folder)
        uid = unprivileged.UID
        assert who_it_is(instance.home).startswith(f"({uid}, {uid}, {uid}) ")
        assert " [0" not in who_it_is(instance.home)


@pytest.mark.root
def test_a_missing_user_stops_it() -> None:
    if not unprivileged.IS_ROOT:
        pytest.skip("needs root to give up")
    with unprivileged.folder() as folder:
        home = folder / "qmail"
        for name, uid in (("queue", 60001), ("alias", 60002)):
            (home / name).mkdir(parents=True)
            os.chown(home / name, uid, uid)
        command = [sys.executable, "-c", _WHO.format(root=str(ROOT)), str(home)]
        done = subprocess.run(command, capture_output=True, check=False, text=True)
        # where an appliance is installed the users are there, and it becomes one of them
        assert (done.returncode, "unable to find user" in done.stderr) == (1, True) or not done.stdout.startswith("(0, ")


@pytest.mark.parametrize("words", [[], ["help"], ["--help"]])
def test_it_lists_its_own_commands_even_without_an_instance(words: list[str], tmp_path: Path) -> None:
    env = {"PATH": "/usr/bin:/bin", "QMAIL_HOME": str(tmp_path / "none")}
    done = subprocess.run([str(ROOT / "manage.py"), *words], env=env, capture_output=True, check=True, text=True)
    assert "vadduser [-q quota]" in done.stdout and "add a mailbox\n" in done.stdout
    assert "flush" not in done.stdout
