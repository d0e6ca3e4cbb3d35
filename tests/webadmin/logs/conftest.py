"""An instance that has nothing but logs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mta.formats import tai64n
from webadmin.logs.analyse import Totals, analyse

START = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)


def label(at: datetime) -> bytes:
    return tai64n.write(int((at - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1)) * 1000)


class Logs:
    """Lines as multilog leaves them, a second apart unless said otherwise."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.now = START

    def folder(self, service: str) -> Path:
        return self.home / "service" / service / "log/main"

    def write(self, service: str, *lines: str | bytes, step_s: float = 1) -> None:
        self.folder(service).mkdir(parents=True, exist_ok=True)
        with (self.folder(service) / "current").open("ab") as file:
            for line in lines:
                self.now += timedelta(seconds=step_s)
                file.write(label(self.now) + b" " + (line.encode() if isinstance(line, str) else line) + b"\n")

    def mail(self, *lines: str | bytes) -> None:
        self.write("qmail-send", *lines)

    def raw(self, service: str, data: bytes) -> None:
        self.folder(service).mkdir(parents=True, exist_ok=True)
        with (self.folder(service) / "current").open("ab") as file:
            file.write(data)

    def rotate(self, service: str, ending: str = ".s") -> Path:
        self.now += timedelta(seconds=1)
        folder = self.folder(service)
        path = folder / (label(self.now).decode() + ending)
        (folder / "current").rename(path)
        (folder / "current").touch()
        return path

    def analyse(self) -> Totals:
        return analyse()


@pytest.fixture
def logs(tmp_path: Path, settings: pytest.FixtureRequest) -> Logs:
    settings.QMAIL_HOME = tmp_path  # type: ignore[attr-defined]
    return Logs(tmp_path)
