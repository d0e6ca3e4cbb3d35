"""A Celery application for tests: our transport, and tasks that leave a line in a file."""

from __future__ import annotations

import os
import time

from celery import Celery

from appliance import broker

broker.register()
app = Celery("tests", broker=os.environ["TEST_BROKER"])
app.conf.update(
    task_serializer="json",
    accept_content=["json"],
    task_ignore_result=True,
    task_acks_late=True,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
)


def _append(path: str, line: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, line.encode() + b"\n")
    os.close(fd)


@app.task
def note(path: str, line: str) -> None:
    _append(path, f"{line} {os.getpid()}")


@app.task
def note_between(path: str, may_end: str) -> None:
    """Two lines, and between them as long as it takes until may_end is there."""
    _append(path, f"begins {os.getpid()}")
    while not os.path.exists(may_end):
        time.sleep(0.01)
    _append(path, f"ends {os.getpid()}")
