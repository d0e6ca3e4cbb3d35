"""svscan over services as the preparation of an instance writes them: they are forks, and nothing but their size tells so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mta.formats import run_script
from mta.formats.run_script import RunScript
from tests.conftest import ROOT
from tests.support.process import eventually
from tests.support.service import Service, end

ENV = {b"PATH": b"/usr/bin:/bin", b"PYTHONPATH": bytes(ROOT), b"WHO": "Jürgen".encode()}
MODULE = (os.fsencode(sys.executable), b"-m", b"tests.support.warm_module", b"a", b"b c")


class Instance:
    """bin/ with our programs, service/ with one service "d" and its log, both ours."""

    def __init__(self, home: Path) -> None:
        self.home = home
        (home / "bin").mkdir()
        for name in ("svscan", "multilog", "tai64nlocal"):
            self.put(name)
        self.service = Service(home / "service/d", None)
        self.log = Service(home / "service/d/log", None)
        self.run(self.log, RunScript((bytes(home / "bin/multilog"), b"./main")))
        self.run(self.service, RunScript(MODULE, joins=True, folder=b"/", env=ENV))

    def put(self, name: str) -> None:
        path = self.home / "bin" / name
        path.write_text(
            f"#!{sys.executable} -I\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom mta import runner\n"
            f"runner.run({name!r}, {os.fsencode(self.home)!r})\n"
        )
        path.chmod(0o755)

    def run(self, service: Service, script: RunScript) -> None:
        (service.path / "run").write_bytes(run_script.write(script))
        (service.path / "run").chmod(0o755)

    def start(self) -> None:
        with (self.home / "said").open("wb") as said:
            self.svscan = subprocess.Popen(
                [self.home / "bin/svscan", self.home / "service"], stdin=subprocess.DEVNULL, stdout=said, stderr=said
            )

    def lines(self) -> list[str]:
        try:
            return (self.log.path / "main/current").read_text().splitlines()
        except FileNotFoundError:
            return []

    def told(self, start: int = 0) -> dict[str, Any]:
        """What the service says of itself."""
        eventually(lambda: len(self.lines()) >= start + 2, (self.home / "said").read_text())
        assert self.lines()[start + 1] == "and descriptor 2"
        found: dict[str, Any] = json.loads(self.lines()[start])
        return found

    def end(self) -> None:
        end(self.svscan)
        self.service.end()
        self.log.end()


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    made = Instance(tmp_path)
    yield made
    made.end()


def is_fork(pid: int) -> bool:
    """A fork still maps the arguments that svscan was started with, however they read now."""
    return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0] in (b"python", b"multilog")


def test_a_module_finds_what_an_interpreter_of_its_own_would_give_it(instance: Instance) -> None:
    instance.start()
    told = instance.told()
    wanted = {name.decode(): value.decode() for name, value in ENV.items()}
    assert {name: value for name, value in told["env"].items() if name != "LC_CTYPE"} == wanted
    assert (told["argv"], told["cwd"], told["threads"]) == (["a", "b c"], "/", 1)
    assert (told["fds"], told["handled"]) == ([0, 1, 2], [])
    assert told["pid"] == instance.service.status().pid
    assert told["cmdline"][:3] == ["python", "-m", "tests.support.warm_module"]
    assert is_fork(instance.log.status().pid)


def test_it_ends_as_a_process_of_its_own_would(instance: Instance) -> None:
    instance.start()
    instance.told()
    instance.service.svc("d")
    eventually(lambda: instance.lines()[-1] == "over", "what was to be done at the end was not")
    assert instance.service.until(lambda status: status.pid == 0, "it did not end").want == b"d"


def test_a_service_that_is_started_again_after_an_update_is_the_new_one(instance: Instance) -> None:
    instance.start()
    assert is_fork(instance.told()["pid"])
    instance.run(instance.service, RunScript((*MODULE, b"new"), joins=True, folder=b"/", env=ENV))
    instance.service.svc("t")
    told = instance.told(3)
    assert told["argv"] == ["a", "b c", "new"]
    assert not is_fork(told["pid"])


def test_a_foreign_program_in_the_place_of_ours_is_what_runs(instance: Instance) -> None:
    (instance.home / "bin/multilog").write_text('#!/bin/sh\nmkdir -p main; sed -u "s/^and /foreign: and /" > main/current\n')
    instance.start()
    eventually(lambda: "foreign: and descriptor 2" in instance.lines(), (instance.home / "said").read_text())
    assert not is_fork(instance.log.status().pid)


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up its rights")
def test_rights_are_given_up_as_setuidgid_does(instance: Instance) -> None:
    instance.put("setuidgid")
    (instance.log.path / "main").mkdir()
    (instance.log.path / "main").chmod(0o777)
    script = RunScript((bytes(instance.home / "bin/multilog"), b"./main"), setuidgid=(bytes(instance.home / "bin/setuidgid"), b"nobody"))
    instance.run(instance.log, script)
    for path in (instance.home, *instance.home.parents[:-1]):
        path.chmod(path.stat().st_mode | 0o011)
    instance.start()
    instance.told()
    pid = instance.log.status().pid
    assert is_fork(pid)
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
    assert set(status["Uid"].split()) == {"65534"} and set(status["Gid"].split()) == {"65534"} == set(status["Groups"].split())
