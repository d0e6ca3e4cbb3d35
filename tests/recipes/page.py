"""Runs a page of docs/recipes: writes its files, runs its commands, and compares what they say with what stands below them.

File     a line "`/PATH`:" and a block behind it; a script when it begins with "#!"
Command  a line "$ COMMAND" of a console block, or "joe$ COMMAND" for one that the owner of /home/joe runs there, and below it what it says,
         on either descriptor: "..." is anything within a line, and any number of lines where it stands alone. Commands that only look are
         run again until they say it, or for too long.
Hook     "<!-- NAME WORDS -->": a function of the test
Places   /var/qmail, what the page has in /etc, /home and /var/spool/relay-ctrl are folders of the test, ports are free ones. Without a
         machine the users of qmail are nobody. Without root nothing becomes anybody.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import ROOT
from tests.support import unprivileged
from tests.support.machine import Machine
from tests.support.process import PATIENCE_S, eventually, free_port
from tests.support.unprivileged import IS_ROOT

_STEP = re.compile(
    r"^`(?P<path>/\S+)`:\n\n```\w*\n(?P<file>.*?)^```$|^```console\n(?P<console>.*?)^```$|^<!-- (?P<hook>[^\n]*) -->$", re.M | re.S
)
_PROMPT = re.compile(r"^([a-z]*)\$ ", re.M)
_LOOKING = ("cat", "cd", "grep", "head", "ls", "printf", "qmail-qread", "qmail-qstat", "svok", "svstat", "tail", "tai64nlocal", "tcpclient")
_OWN_IN_ETC = ("tcp.smtp", "relay-ctrl", "aliases", "qmqp", "qfilter", "ppp", "autoturn", "rc.local")

_AS_ROOT = {"qmaild": "nobody", "qmaill": "nobody"}
_WITHOUT_ROOT = {
    "envuidgid qmaild ": "",
    "setuidgid qmaill ": "",
    "setuidgid qmaild ": "",
    "setuidgid alias ": "",
    " -U ": " ",
    "-o qmaill ": "",
}
_AT_PORT = {" 0 {} ": " 127.0.0.1 {} ", "127.0.0.1 {}": "127.0.0.1 {}", "127.0.0.1:{} ": "127.0.0.1:{} "}

Hook = Callable[[list[str]], None]


class Page:
    """folder: for all places of the page. bin/ is that of folder/qmail. machine: has qmail's own users."""

    def __init__(self, name: str, folder: Path, machine: Machine | None = None) -> None:
        self.text = (ROOT / "docs/recipes" / name).read_text()
        self.folder = folder
        self.home = folder / "qmail"
        self.ports = {"25": str(free_port()), "110": str(free_port())}
        self.places = {
            "/var/qmail": str(self.home),
            **{f"/etc/{name}": str(folder / name) for name in _OWN_IN_ETC},
            "/home/": f"{folder}/home/",
            "/var/spool/relay-ctrl": str(folder / "spool"),
            **(_WITHOUT_ROOT if not IS_ROOT else {} if machine else _AS_ROOT),
        }
        for port, free in self.ports.items():
            self.places |= {before.format(port): after.format(free) for before, after in _AT_PORT.items()}
        self.env: dict[str, str] = {"PATH": f"{self.home}/bin:/usr/bin:/bin"}

    def be_at(self, home: Path) -> None:
        """From here on the page is about another instance."""
        self.home = home
        self.places["/var/qmail"] = str(home)
        self.env["PATH"] = f"{home}/bin:/usr/bin:/bin"

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
                for user, command, said in _commands(step["console"]):
                    self._check(user, self.here(command), self.here(said))
                    commands += 1
        assert commands == len(_PROMPT.findall(self.text)), "a command stands in no console block"
        return commands

    def _write(self, path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755 if text.startswith("#!") else 0o644)
        if path.is_relative_to(self.folder / "home"):
            unprivileged.give(path)

    def _check(self, user: str, command: str, wanted: str) -> None:
        pattern = pattern_of(wanted)
        said: list[str] = []

        def is_so() -> bool:
            said.append(self._say(user, command))
            return pattern.fullmatch(said[-1]) is not None

        try:
            if command.startswith(_LOOKING):
                eventually(is_so, "")
            else:
                assert is_so()
        except AssertionError:
            raise AssertionError(f"{command}\n{said[-1]}\nand not\n{wanted}") from None

    def _say(self, user: str, command: str) -> str:
        home = self.folder / "home" / user
        done = subprocess.run(
            ["sh", "-c", command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**self.env, "USER": user, "HOME": str(home)} if user else self.env,
            cwd=home if user else self.folder,
            timeout=PATIENCE_S,
            check=False,
            **(unprivileged.become() if user else {}),  # type: ignore[call-overload]
        )
        return done.stdout.decode().replace("\r\n", "\n")


def age(maildir: Path, *texts: bytes) -> None:
    """Make its new messages old, in the order of the texts that they hold, one each."""
    for path in (maildir / "new").iterdir():
        (n,) = (n for n, text in enumerate(texts) if text in path.read_bytes())
        os.utime(path, (1_700_000_000 + n, 1_700_000_000 + n))


def pattern_of(wanted: str) -> re.Pattern[str]:
    lines = [".*".join(map(re.escape, line.split("..."))) + "\n" for line in wanted.splitlines()]
    return re.compile("".join("(?:.*\n)*" if line == ".*\n" else line for line in lines))


def _commands(console: str) -> Iterator[tuple[str, str, str]]:
    """-> user, command, what it says."""
    _, *parts = _PROMPT.split(console)
    for user, part in zip(parts[::2], parts[1::2], strict=True):
        command, _, said = part.partition("\n")
        while command.endswith("\\"):
            more, _, said = said.partition("\n")
            command += "\n" + more
        yield user, command, said


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
