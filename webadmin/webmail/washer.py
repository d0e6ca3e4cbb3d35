"""wash.py in a process of its own, for each message: with limits on time and memory, and nothing left behind for the next.

A new process costs about 30 ms, which no reader notices in the frame it fills. What does not finish in time is shown as text.
Reads    descriptor 0: {"act": "wash" or "text", "html": ..., "pictures": {cid: data URL}, "compose_url": ...}
Writes   descriptor 1: {"html": ..., "blocked": n, "is_cut": ...}
Limits   3 s, 1 GiB of address space
Source   spec reliability 8 rule 7
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from webadmin.webmail.wash import INPUT_MAX, Washed, to_text
from webadmin.webmail.wash import wash as wash_here

TIME_S = 3
MEMORY_BYTES = 1 << 30
_BASE = Path(__file__).resolve().parent.parent.parent
_COMMAND = f"import sys; sys.path.insert(0, {str(_BASE)!r}); from webadmin.webmail.washer import main; main()"


class Unwashable(Exception):
    """The HTML took too long, or too much memory."""


def wash(html: str, *, pictures: dict[str, str], compose_url: str) -> Washed:
    """Raises Unwashable."""
    answer = _ask({"act": "wash", "html": html[: INPUT_MAX + 1], "pictures": pictures, "compose_url": compose_url})
    return Washed(**answer)


def text(html: str) -> str:
    """The words of the HTML. Raises Unwashable."""
    return str(_ask({"act": "text", "html": html[:INPUT_MAX]})["html"])


def _ask(question: dict[str, Any]) -> dict[str, Any]:
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-c", _COMMAND],
            input=json.dumps(question).encode(),
            capture_output=True,
            timeout=TIME_S,
            check=True,
            env={},
        )
        answer = json.loads(done.stdout)
    except (subprocess.SubprocessError, ValueError) as error:
        raise Unwashable(str(error)) from error
    return dict(answer)


def main() -> None:
    """Be the process."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (TIME_S + 1, TIME_S + 1))
    question = json.loads(sys.stdin.buffer.read())
    answer: dict[str, Any]
    if question["act"] == "text":
        answer = {"html": to_text(question["html"])}
    else:
        answer = asdict(wash_here(question["html"], pictures=question["pictures"], compose_url=question["compose_url"]))
    sys.stdout.buffer.write(json.dumps(answer).encode())
