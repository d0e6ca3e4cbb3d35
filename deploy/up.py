"""Start everything in the foreground: prepare, start svscan, wait until every service answers, stop all of them at SIGINT or SIGTERM.

Prints   the URL, the first operator's password (once, when there is no operator yet), and a line "ready: ..." when every service answers
Exits    0 after a signal; 111 when the start failed, with one line that says why
Run as   python -m deploy.up
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from deploy import probe, services
from deploy.environment import Environment, Wrong, read
from mta.formats import supervise_status

READY_S = 60.0
STOP_S = 4.5
FIRST_OPERATOR = "operator"


class Stopped(Exception):
    """A signal asked us to end."""


def main() -> None:
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    try:
        e = read(os.environ)
        _not_running(e)
        _say(f"preparing {e.home}" + (" (not root: everything runs as one user)" if e.is_single else ""))
        code = _run(e, *_apart(lambda: _prepared(e)))
    except Wrong as error:
        sys.exit(f"up: {error}")
    except Stopped:
        code = 0
    sys.exit(code)


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise Stopped


def _say(line: str) -> None:
    print(line, flush=True)


def _not_running(e: Environment) -> None:
    running = [s.name for s in services.table(e) if probe.is_supervised(services.folder(e, s))]
    if running:
        raise Wrong(f"already running in {e.home}: {', '.join(running)}. Stop it first: `make stop`")


def _apart(work: Callable[[], str]) -> list[str]:
    """The lines of what work returns, done in a child: what it loads is not needed while the instance runs. Raises Wrong, as work does."""
    told, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.write(tell, work().encode())
            code = 0
        except Wrong as error:
            os.write(tell, str(error).encode())
        except Stopped:
            pass
        finally:
            os._exit(code)
    os.close(tell)
    try:
        with open(told) as file:
            text = file.read()
        if os.waitpid(pid, 0)[1]:
            raise Wrong(text or "the preparation ended before its time")
    except Stopped:
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)
        raise
    return text.split("\n")


def _prepared(e: Environment) -> str:
    """-> the password of the first operator, if there was none before; "empty" where the files are still to be taken into the database."""
    from deploy import prepare

    state = prepare.prepare(e)
    password = ""
    if not state.operators:
        import secrets

        password = secrets.token_urlsafe(12)
        prepare.manage(e, "webadmin", ["operator", FIRST_OPERATOR], given=password + "\n")
    return f"{password}\n{'empty' if state.is_empty else 'filled'}"


def _imported(e: Environment) -> str:
    from deploy import prepare

    return prepare.manage(e, "webadmin", ["import_tree", "--first"])


def _run(e: Environment, password: str, filled: str) -> int:
    svscan = subprocess.Popen([str(e.home / "bin/svscan"), str(e.home / "service")], cwd=e.home / "service", start_new_session=True)
    (e.home / "run/svscan.pid").write_text(f"{svscan.pid}\n")
    try:
        _say(f"web: {e.url}")
        if password:
            _say(f"first operator: {FIRST_OPERATOR}   password: {password}   (shown only this once)")
        missing = _wait_ready(e, svscan)
        if filled == "empty":
            _apart(lambda: _imported(e))
        if missing:
            _say("up: no answer from " + ", ".join(f"{s.name} (see {services.folder(e, s)}/log/main/current)" for s in missing))
        else:
            _say(f"ready: {len(services.table(e))} services, smtp {e.smtp_port}, submission {e.submission_port} and {e.smtps_port}, "
                 f"pop3 {e.pop3_port} and {e.pop3s_port}, web {e.url}")  # fmt: skip
        svscan.wait()
        _say("up: svscan ended by itself")
        return 111
    except Stopped:
        _say("stopping")
        return 0
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        stop(e, svscan)


def _wait_ready(e: Environment, svscan: subprocess.Popen[bytes]) -> list[services.Service]:
    """-> the services that do not answer, none when all is well."""
    deadline = time.monotonic() + READY_S
    waiting = list(services.table(e))
    while waiting and time.monotonic() < deadline and svscan.poll() is None:
        waiting = [s for s in waiting if not probe.answers(s)]
        if waiting:
            time.sleep(0.05)
    return waiting


def stop(e: Environment, svscan: subprocess.Popen[bytes] | None) -> None:
    """End svscan, then every service and its log, by force what does not end in time."""
    if svscan is not None and svscan.poll() is None:
        svscan.terminate()
        svscan.wait()
    folders = [services.folder(e, s) for s in services.table(e)]
    for folder in folders:
        probe.order(folder, b"dx")
    deadline = time.monotonic() + STOP_S
    logs_told = False
    while time.monotonic() < deadline:
        if not any(probe.is_supervised(f) for f in folders):
            if not logs_told:
                # a log ends by itself once nobody writes to it any more
                for folder in folders:
                    probe.order(folder / "log", b"dx")
                logs_told = True
            if not any(probe.is_supervised(f / "log") for f in folders):
                return
        time.sleep(0.02)
    for folder in [*folders, *(f / "log" for f in folders)]:
        probe.order(folder, b"dx")  # a log may not have been told yet, and what is killed must not be started again
        _kill(folder)


def _kill(folder: Path) -> None:
    """What did not end by itself: the service, as its own supervise names it."""
    try:
        status = supervise_status.read((folder / "supervise/status").read_bytes())
    except (OSError, ValueError):
        return
    if status.pid and probe.is_supervised(folder):
        try:
            os.kill(status.pid, signal.SIGKILL)
        except OSError:  # it ended meanwhile, or is not ours to kill
            return


if __name__ == "__main__":
    main()
