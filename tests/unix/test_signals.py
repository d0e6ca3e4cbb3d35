"""Signals as something to wait for, and as children find them."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys

from mta.unix import signals
from tests.conftest import ROOT


def test_signals_are_told_in_order_and_none_is_lost() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGUSR1, signal.SIGUSR2)]
    wake = signals.Wakeup((signal.SIGUSR1, signal.SIGUSR2))
    try:
        assert wake.take() == b""
        for number in (signal.SIGUSR2, signal.SIGUSR1, signal.SIGUSR1):
            os.kill(os.getpid(), number)
        assert select.select([wake.fd], [], [], 20)[0] == [wake.fd]
        assert wake.take() == bytes([signal.SIGUSR2, signal.SIGUSR1, signal.SIGUSR1])
        assert wake.take() == b""
    finally:
        wake.close()
    assert [signal.getsignal(number) for number in (signal.SIGUSR1, signal.SIGUSR2)] == before
    assert signal.set_wakeup_fd(-1) == -1


def child(statement: str) -> str:
    """What SigIgn of /proc says after the statement, in an interpreter of its own."""
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); from mta.unix import signals; {statement}; print(open('/proc/self/status').read())"
    )
    out = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, check=True, text=True).stdout
    return next(text.split()[1] for text in out.splitlines() if text.startswith("SigIgn:"))


def test_a_child_does_not_inherit_what_python_ignores() -> None:
    ignored = 1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1
    assert int(child("pass"), 16) & ignored == ignored
    assert int(child("signals.to_default()"), 16) & ignored == 0


def test_the_interrupt_of_the_terminal_ends_a_process_without_a_trace() -> None:
    code = f"import os, sys; sys.path.insert(0, {str(ROOT)!r}); from mta.unix import signals; signals.die_of_interrupt(); os.kill(0, 2)"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, check=False, start_new_session=True)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, b"")
