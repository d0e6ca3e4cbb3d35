"""Runs a page of docs/recipes: writes its files, runs its commands, and compares what they say with what stands below them.

File     a line "`/PATH`:" and a block behind it; a script when it begins with "#!"
Command  a line "$ COMMAND" of a console block, and below it what it says, on either descriptor: "..." is anything within a line.
         Commands that only look are run again until they say it, or for too long.
Hook     "<!-- NAME WORDS -->": a function of the test
Places   /var/qmail, /etc/tcp.smtp, /etc/relay-ctrl and /var/spool/relay-ctrl are folders of the test, port 25 and 110 are free ones; the
         users of qmail are nobody. Without root nothing becomes anybody.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import ROOT
from tests.support.process import PATIENCE_S, eventually, free_port
from tests.support.unprivileged import IS_ROOT

_STEP = re.compile(
    r"^`(?P<path>/\S+)`:\n\n```\w*\n(?P<file>.*?)^```$|^```console\n(?P<console>.*?)^```$|^<!-- (?P<hook>.*) -->$", re.M | re.S
)
_LOOKING = ("svstat", "tail", "tai64nlocal", "ls", "printf")

_AS_ROOT = {"qmaild": "nobody", "qmaill": "nobody"}
_WITHOUT_ROOT = {"envuidgid qmaild ": "", "setuidgid qmaill ": "", " -U ": " ", "-o qmaill ": ""}
_AT_PORT = {" 0 {} ": " 127.0.0.1 {} ", "127.0.0.1 {}": "127.0.0.1 {}", "127.0.0.1:{} ": "127.0.0.1:{} "}

Hook = Callable[[list[str]], None]


class Page:
    """folder: for all places of the page. bin/ is that of folder/qmail."""

    def __init__(self, name: str, folder: Path) -> None:
        self.text = (ROOT / "docs/recipes" / name).read_text()
        self.home = folder / "qmail"
        self.ports = {"25": str(free_port()), "110": str(free_port())}
        self.places = {
            "/var/qmail": str(self.home),
            "/etc/tcp.smtp": str(folder / "tcp.smtp"),
            "/etc/relay-ctrl": str(folder / "relay-ctrl"),
            "/var/spool/relay-ctrl": str(folder / "spool"),
            **(_AS_ROOT if IS_ROOT else _WITHOUT_ROOT),
        }
        for port, free in self.ports.items():
            self.places |= {before.format(port): after.format(free) for before, after in _AT_PORT.items()}
        self.env: dict[str, str] = {"PATH": f"{self.home}/bin:/usr/bin:/bin"}

    def here(self, text: str) -> str:
        for place, ours in self.places.items():
            text = text.replace(place, ours)
        return text

    def run(self, hooks: dict[str, Hook] | None = None) -> int:
        """-> how many commands there were."""
        commands = 0
        for step in _STEP.finditer(self.text):
            if step["path"]:
                self._write(Path(self.here(step["path"])), self.here(step["file"]))
            elif step["hook"]:
                name, *words = step["hook"].split()
                (hooks or {})[name](words)
            else:
                for command, said in _commands(step["console"]):
                    self._check(self.here(command), self.here(said))
                    commands += 1
        return commands

    def _write(self, path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755 if text.startswith("#!") else 0o644)

    def _check(self, command: str, wanted: str) -> None:
        pattern = re.compile(".*".join(map(re.escape, wanted.split("..."))))
        said: list[str] = []

        def is_so() -> bool:
            said.append(self._say(command))
            return pattern.fullmatch(said[-1]) is not None

        try:
            if command.startswith(_LOOKING):
                eventually(is_so, "")
            else:
                assert is_so()
        except AssertionError:
            raise AssertionError(f"{command}\n{said[-1]}\nand not\n{wanted}") from None

    def _say(self, command: str) -> str:
        words = ["sh", "-c", command]
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=self.env, timeout=PATIENCE_S, check=False)
        return done.stdout.decode().replace("\r\n", "\n")


def _commands(console: str) -> Iterator[tuple[str, str]]:
    for part in re.split(r"^\$ ", console, flags=re.M)[1:]:
        command, _, said = part.partition("\n")
        yield command, said


@contextmanager
def supervised(page: Page) -> Iterator[None]:
    """svscan, as the appliance runs it; everything it started ends with it."""
    (page.home / "service").mkdir()
    svscan = subprocess.Popen([page.home / "bin/svscan", page.home / "service"], env=page.env, start_new_session=True)
    try:
        yield
    finally:
        os.killpg(svscan.pid, 9)
        svscan.wait(PATIENCE_S)
