"""Shared by all tests: where the recorded behaviour of the original programs lies, and how a test says that it is not there."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# A machine that is busy with something else must not fail a property, and the suite says the same of the same code each time it runs;
# `make fuzz` looks further, with other values each time.
settings.register_profile("suite", deadline=None, derandomize=True)
settings.register_profile("fuzz", deadline=None, max_examples=int(os.environ.get("FUZZ_EXAMPLES", "3000")))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))

# Under nohup or in a shell's background some signals are ignored, and every program under test would inherit that.
for _number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, signal.default_int_handler if _number == signal.SIGINT else signal.SIG_DFL)

ROOT = Path(__file__).resolve().parent.parent
CORPORA = Path(os.environ.get("CORPORA", ROOT.parent / "shared" / "corpora"))


def corpus(name: str) -> Any:
    """Cases of a corpus, e.g. "oracle/qmail-local". Skips the test, with a word, where the corpora are not beside the project."""
    path = CORPORA / name / "cases.json"
    if not path.exists():
        pytest.skip(f"{path} is absent: recorded cases are not beside this checkout", allow_module_level=True)
    return json.loads(path.read_text())


def as_bytes(text: str) -> bytes:
    """Corpora hold bytes as the characters of Latin-1."""
    return text.encode("latin-1")
