"""When a service may be started as a fork, and when only exec will do."""

from __future__ import annotations

import os
import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest

from mta.formats import run_script
from mta.formats.run_script import RunScript
from mta.unix import warm_start

PYTHON = os.fsencode(sys.executable)


class Site:
    """An instance with bin/ and one service."""

    def __init__(self, home: Path) -> None:
        self.home = home
        (home / "bin").mkdir()
        self.folder = home / "service/d"
        self.folder.mkdir(parents=True)
        for name in ("svscan", "smtpd"):
            self.put(name)
        self.put("setuidgid", f"#!{os.path.realpath(sys.executable)} -IS")
        self.run(RunScript((bytes(home / "bin/smtpd"), b"--listen", b"*:25")))

    def put(self, name: str, interpreter: str = f"#!{sys.executable} -I") -> None:
        text = f"{interpreter}\nimport sys\nsys.path.insert(0, '/x')\nfrom mta import runner\nrunner.run({name!r}, b'/q')\n"
        (self.home / "bin" / name).write_text(text)

    def run(self, script: RunScript) -> None:
        (self.folder / "run").write_bytes(run_script.write(script))

    def plan(self) -> RunScript | None:
        return warm_start.plan(os.fsencode(self.folder), os.fsencode(self.home))

    def planned(self) -> RunScript | None:
        return warm_start.planned(os.fsencode(self.folder))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setattr(warm_start, "_loaded", b"")
    monkeypatch.setattr(warm_start, "_plans", {})
    monkeypatch.setattr(sys, "modules", {"os": os})
    return Site(tmp_path)


def test_a_program_of_ours_is_planned_once_something_is_loaded(site: Site) -> None:
    script = site.plan()
    assert script is not None and warm_start.name(script) == "smtpd" and warm_start.module(script) == ""
    assert site.planned() is None
    warm_start.note()
    assert site.planned() == script


def test_what_was_never_planned_is_not(site: Site) -> None:
    warm_start.note()
    assert site.planned() is None


def test_a_module_needs_the_interpreter_that_runs_us(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.run(RunScript((PYTHON, b"-m", b"appliance.web"), env={b"A": b"b"}))
    script = site.plan()
    assert script is not None and warm_start.module(script) == "appliance.web"
    site.run(RunScript((b"/usr/bin/another", b"-m", b"appliance.web")))
    assert site.plan() is None
    site.run(RunScript((PYTHON, b"manage.py")))
    assert site.plan() is None
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: "iso-8859-1")
    site.run(RunScript((PYTHON, b"-m", b"appliance.web")))
    assert site.plan() is None


def test_setuidgid_may_be_a_thin_program(site: Site) -> None:
    site.run(RunScript((bytes(site.home / "bin/smtpd"),), setuidgid=(bytes(site.home / "bin/setuidgid"), b"root")))
    assert site.plan() is not None
    site.run(RunScript((bytes(site.home / "bin/smtpd"),), setuidgid=(bytes(site.home / "bin/setuidgid"), b"no-such-user")))
    assert site.plan() is None


@pytest.mark.parametrize(
    ("why", "spoil"),
    [
        ("a run script of somebody's own", lambda s: (s.folder / "run").write_text("#!/bin/sh\nulimit -n 10\nexec /q/bin/smtpd\n")),
        ("no run script", lambda s: (s.folder / "run").unlink()),
        ("a program of somebody else", lambda s: (s.home / "bin/smtpd").write_text("#!/bin/sh\nexec original-smtpd\n")),
        ("another interpreter", lambda s: s.put("smtpd", "#!/usr/bin/pypy3")),
        ("ours under another name", lambda s: s.put("pop3d") or (s.home / "bin/pop3d").rename(s.home / "bin/smtpd")),
        ("no program", lambda s: (s.home / "bin/smtpd").unlink()),
        ("a program elsewhere", lambda s: s.run(RunScript((b"/usr/sbin/smtpd",)))),
        ("no svscan of ours to compare with", lambda s: (s.home / "bin/svscan").write_text("#!/bin/sh\n")),
    ],
)
def test_anything_else_is_for_exec(site: Site, why: str, spoil: Callable[[Site], object]) -> None:
    spoil(site)
    assert site.plan() is None


@pytest.mark.parametrize(
    ("why", "change"),
    [
        ("an edited run script", lambda s: s.run(RunScript((bytes(s.home / "bin/smtpd"), b"--listen", b"*:26")))),
        ("the program was replaced", lambda s: (s.home / "bin/smtpd").write_text("#!/bin/sh\n")),
        ("a module was replaced by a newer one", lambda s: (s.home / "module.py").write_text("x = 2222\n")),
        ("a module is gone", lambda s: (s.home / "module.py").unlink()),
    ],
)
def test_what_changed_since_is_for_exec(site: Site, why: str, change: Callable[[Site], object]) -> None:
    (site.home / "module.py").write_text("x = 1\n")
    module = types.ModuleType("module")
    module.__file__ = str(site.home / "module.py")
    sys.modules["module"] = module
    site.plan()
    warm_start.note()
    assert site.planned() is not None
    change(site)
    assert site.planned() is None


def test_modules_loaded_later_are_noted_too(site: Site) -> None:
    site.plan()
    warm_start.note()
    (site.home / "module.py").write_text("x = 1\n")
    module = types.ModuleType("module")
    module.__file__ = str(site.home / "module.py")
    sys.modules["module"] = module
    warm_start.note()
    assert site.planned() is not None
    (site.home / "module.py").write_text("x = 2222\n")
    assert site.planned() is None


def test_the_library_is_there() -> None:
    warm_start.load_library()
    assert set(warm_start.LIBRARY) <= set(sys.modules)
    assert {name.partition(".")[0] for name in warm_start.LIBRARY} <= sys.stdlib_module_names
