"""Celery's door: the worker (celery -A appliance worker), the clock (celery -A appliance beat), both in one process (appliance/worker),
and who asks for a task.

Reads    settings.CELERY_*; webadmin/tasks.py is found by itself
Writes   $QMAIL_HOME/webadmin/celery-worker.ready and celery-beat.ready once they work; removed at start and at the end
Limits   Celery watches the time limits of tasks only where it forks for them. With the pool "solo" the alarm clock of the process does: at
         the soft limit the task gets SoftTimeLimitExceeded, at the hard one the process ends and supervise starts another
Nothing in the path of mail waits for a task.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
from types import FrameType
from typing import Any, NoReturn

from celery import Celery, signals
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings

from appliance import broker

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "appliance.settings")
broker.register()
app = Celery("tawny")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

_solo_pid = 0


# -- ready files -------------------------------------------------------------------------------------------------------------------


def _ready_file(name: str) -> str:
    return f"{settings.STATE_DIR}/celery-{name}.ready"


def forget_ready(*names: str) -> None:
    """What an earlier process left behind after a crash says nothing of this one."""
    for name in names:
        try:
            os.unlink(_ready_file(name))
        except FileNotFoundError:
            pass


def _starting(**_: Any) -> None:
    """Both of Celery's own commands begin so."""
    if os.path.basename(sys.argv[0]) == "celery":
        forget_ready(*{"worker", "beat"}.intersection(sys.argv))


def _worker_is_ready(**_: Any) -> None:
    _say_ready("worker")


def _beat_is_ready(**_: Any) -> None:
    """It has read its timetable."""
    _say_ready("beat")


def _say_ready(name: str) -> None:
    with open(_ready_file(name), "w") as file:
        file.write(f"{os.getpid()}\n")
    atexit.register(forget_ready, name)


def _log_as_django_does(**_: Any) -> None:
    """A receiver is enough: Celery then leaves the settings of logging alone."""


# -- time limits of the pool "solo" --------------------------------------------------------------------------------------------------


def _worker_starts(sender: Any, **_: Any) -> None:
    global _solo_pid
    _solo_pid = os.getpid() if "solo" in str(sender.pool_cls) else 0


def _wind_alarm(task: Any, **_: Any) -> None:
    if os.getpid() != _solo_pid:
        return
    hard, soft = task.request.timelimit or (None, None)
    hard = hard or task.time_limit or app.conf.task_time_limit
    soft = soft or task.soft_time_limit or app.conf.task_soft_time_limit
    signal.signal(signal.SIGALRM, _time_is_up)
    signal.setitimer(signal.ITIMER_REAL, soft, max(1.0, hard - soft))


def _stop_alarm(**_: Any) -> None:
    if os.getpid() == _solo_pid:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _time_is_up(_number: int, _frame: FrameType | None) -> NoReturn:
    """The second alarm ends the process, even one that no longer comes back to Python."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    raise SoftTimeLimitExceeded


signals.import_modules.connect(_starting)
signals.worker_ready.connect(_worker_is_ready)
signals.beat_init.connect(_beat_is_ready)
signals.setup_logging.connect(_log_as_django_does)
signals.worker_init.connect(_worker_starts)
signals.task_prerun.connect(_wind_alarm)
signals.task_postrun.connect(_stop_alarm)
