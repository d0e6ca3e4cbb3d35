"""Tasks and their timetable in one process: Celery's worker, and its clock (celery beat) as a thread beside it.

A site that wants more runs `celery -A appliance worker` as often as it likes; there must be one clock.
Writes   what appliance/celery says; celery-worker.ready comes first, celery-beat.ready last
Exits    as the worker. When the clock stops, the worker ends after the task it is at, so that supervise starts both again
Run as   python -m appliance.worker
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading

os.environ.setdefault("CELERY_SKIP_CHECKS", "1")  # they load every screen; the preparation of the instance makes them

import django
from celery import Celery, signals
from celery.beat import Service

_log = logging.getLogger(__name__)


def main() -> None:
    django.setup()
    from appliance.celery import app, forget_ready  # needs the settings

    forget_ready("worker", "beat")
    clock = threading.Thread(target=_clock, args=(app,), name="clock", daemon=True)
    signals.worker_ready.connect(lambda **_: clock.start(), weak=False)
    worker = app.Worker(pool="solo", loglevel="WARNING", without_gossip=True, without_mingle=True, quiet=True)
    worker.start()
    sys.exit(worker.exitcode)


def _clock(app: Celery) -> None:
    try:
        app.set_current()
        Service(app, scheduler_cls=app.conf.beat_scheduler).start()
    finally:
        _log.error("the clock has stopped")
        os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
