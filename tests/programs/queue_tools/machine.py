"""A machine with users of its own: entries of the password database, and homes in a folder of the test's."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from tests.support.unprivileged import GID, UID


class Machine:
    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = path
        self.entries: list[pwd.struct_passwd] = []
        monkeypatch.setattr(pwd, "getpwall", lambda: list(self.entries))
        monkeypatch.setattr(pwd, "getpwnam", self._by_name)

    def _by_name(self, name: str) -> pwd.struct_passwd:
        for entry in self.entries:
            if entry.pw_name == name:
                return entry
        raise KeyError(name)

    def user(self, name: str, uid: int = UID, *, owner: int | None = None, has_home: bool = True) -> Path:
        """-> the home directory, made unless told otherwise."""
        home = self.path / name
        self.entries.append(pwd.struct_passwd((name, "x", uid, GID, "", str(home), "/bin/sh")))
        if has_home:
            home.mkdir()
            home.chmod(0o755)
            if os.geteuid() == 0:
                os.chown(home, uid if owner is None else owner, GID)
        return home
