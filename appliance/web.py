"""One half of the web (APPLIANCE_ROLE) in one process: gunicorn's worker with its threads, without gunicorn's master.

What the master is for, starting a worker again that ended, supervise does; and a worker that hangs ends itself, leaving in the log where.
Listens  on a Unix socket that only web-front can reach: who may connect is decided by its folder (run/ROLE, 2750, group tawnyd)
Limits   8 requests at a time, one a connection (docs/decisions/0006); a process that does not come to itself for 120 seconds ends
Exits    0 after TERM, with 3 seconds for the requests that are under way; 1 when it hung
Run as   python -m appliance.web
"""

# mypy: disable-error-code="misc"
# gunicorn has no types

from __future__ import annotations

import faulthandler
import os
import time
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.sock import create_sockets
from gunicorn.workers.gthread import ThreadWorker

HANG_S = 120


class Web(BaseApplication):
    """path: of the socket."""

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__()

    def load_config(self) -> None:
        settings = {
            "bind": f"unix:{self.path}",
            "umask": 0o077,
            "threads": 8,
            "keepalive": 0,  # web-front closes after each request
            "graceful_timeout": 3,
            "loglevel": "warning",
            "worker_tmp_dir": "/dev/shm",  # noqa: S108 - nobody reads it, but it must lie somewhere
            "forwarded_allow_ips": "*",  # the peer is web-front
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        from appliance.wsgi import application

        return application


class Worker(ThreadWorker):
    """notify() is called about once a second, whatever the threads do, as long as anything goes on at all."""

    _noted_s = 0.0

    def notify(self) -> None:
        now_s = time.monotonic()
        if now_s - self._noted_s >= 1:
            self._noted_s = now_s
            faulthandler.dump_traceback_later(HANG_S, exit=True)


def main() -> None:
    web = Web(f"{os.environ['QMAIL_HOME']}/run/{os.environ['APPLIANCE_ROLE']}/http")
    log = web.cfg.logger_class(web.cfg)
    sockets = create_sockets(web.cfg, log)
    os.chmod(web.path, 0o666)  # noqa: S103 - see the head; gunicorn gives the socket its own group
    worker = Worker(1, os.getppid(), sockets, web, web.cfg.timeout, web.cfg, log)
    worker.pid = os.getpid()
    worker.init_process()


if __name__ == "__main__":
    main()
