"""The dialogs recorded with notqmail's qmail-remote: what the server saw and what was reported must be the same, byte for byte.

Profile ORIGINAL says HELO, as it did. Where the original waited for its time-out we wait for a shorter one.
"""

from __future__ import annotations

from typing import Any

import pytest

from mta.net.smtp_client.state import ORIGINAL
from tests.conftest import as_bytes, corpus
from tests.net.smtp_client.conftest import CourierOf, run
from tests.support.smtp_sink import SmtpSink

CASES = corpus("oracle/qmail-remote")
SILENT = ("greet-timeout", "mail-451")  # nothing more comes from the server: the time-out ends it


def script_of(case: dict[str, Any]) -> list[tuple[Any, ...]]:
    """The recorded script; where it slept, or waited for a line that never came, the server now says nothing until we have gone."""
    acts: list[tuple[Any, ...]] = []
    for act, argument in case["script"]:
        if act == "sleep" or case["name"] in SILENT and acts[-1:] == [("line",)] and act == "line":
            return [*acts, ("hang",)]
        acts.append((act, as_bytes(argument)) if argument is not None else (act,))
    return acts


def saw_of(case: dict[str, Any]) -> list[bytes]:
    return [as_bytes(line) for line in case["server_saw"] if not line.startswith("!!")]


@pytest.mark.parametrize("case", CASES, ids=[c["name"] for c in CASES])
def test_it_speaks_and_reports_as_recorded(case: dict[str, Any], courier: CourierOf) -> None:
    with SmtpSink(script=script_of(case)) as sink:
        to = [as_bytes(r) for r in case["rcpts"]]
        timeout_s = 0.2 if case["name"] in SILENT else 30.0
        remote = courier(routes=[b":127.0.0.1:%d" % sink.port], profile=ORIGINAL, timeoutremote_s=timeout_s)
        output = run(remote, message=as_bytes(case["message"]), sender=as_bytes(case["sender"]), to=to)
        sink.wait(over=1)
    assert output == as_bytes(case["output"])
    assert sink.connections[0].saw == saw_of(case)
