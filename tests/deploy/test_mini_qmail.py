"""python -m deploy.mini_qmail. That it sends mail: tests/recipes/test_mini_qmail.py"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy import environment, mini_qmail
from deploy.environment import Environment, Wrong
from tests.conftest import ROOT


@pytest.fixture
def there(tmp_path: Path) -> Environment:
    return environment.read({"QMAIL_HOME": str(tmp_path / "q")}, is_root=False)


def test_doing_it_again_brings_bin_up_to_date_and_leaves_control_alone(there: Environment) -> None:
    mini_qmail.prepare(there, "desk.example.org", ["192.0.2.2"])
    inject, me = there.home / "bin/qmail-inject", there.home / "control/me"
    text = inject.read_text()
    inject.write_text("old")
    me.write_text("example.org\n")
    mini_qmail.prepare(there, "desk.example.org", ["192.0.2.2"])
    assert (inject.read_text(), me.read_text()) == (text, "example.org\n")
    assert os.readlink(there.home / "bin/qmail-queue") == "qmail-qmqpc"


def test_names_are_completed_as_on_any_machine_of_the_domain() -> None:
    found = mini_qmail.controls("desk.lab.example.org", ["192.0.2.2", "192.0.2.3"])
    assert (found["defaultdomain"], found["plusdomain"], found["idhost"]) == (
        "lab.example.org\n",
        "example.org\n",
        "desk.lab.example.org\n",
    )
    assert found["qmqpservers"] == "192.0.2.2\n192.0.2.3\n"


@pytest.mark.parametrize(
    ("why", "name", "server", "says"),
    [
        ("qmail-qmqpc would pass over it", "desk.example.org", "hub.example.org", "no IP address"),
        ("Message-IDs are made from it", "desk", "192.0.2.2", "no full name"),
    ],
)
def test_it_refuses(there: Environment, why: str, name: str, server: str, says: str) -> None:
    with pytest.raises(Wrong, match=says):
        mini_qmail.prepare(there, name, [server])
    assert not there.home.exists(), why


def test_an_instance_with_a_queue_stays_one(there: Environment) -> None:
    (there.home / "queue").mkdir(parents=True)
    with pytest.raises(Wrong, match="has a queue"):
        mini_qmail.prepare(there, "desk.example.org", ["192.0.2.2"])


@pytest.mark.parametrize("name", mini_qmail.PROGRAMS)
def test_every_program_runs_on_the_bare_interpreter(tmp_path: Path, name: str) -> None:
    """No packages: .venv is not on a mini-qmail."""
    bare = [os.path.realpath(sys.executable), "-I", "-S", "-c"]
    start = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); sys.argv = ['-', 'desk.example.org', '127.0.0.1']\nfrom deploy import mini_qmail"
    )
    subprocess.run([*bare, f"{start}; mini_qmail.main()"], env={"QMAIL_HOME": str(tmp_path / "q")}, check=True)
    program = tmp_path / "q/bin" / name
    assert program.read_text().startswith(f"#!{os.path.realpath(sys.executable)} -I")
    done = subprocess.run([program], stdin=subprocess.DEVNULL, capture_output=True, env={"PATH": "/nonexistent"}, timeout=20, check=False)
    assert b"Error" not in done.stderr, done.stderr
