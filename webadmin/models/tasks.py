"""Runs of the tasks: when, how far, and what came of it."""

from __future__ import annotations

from django.db import models


class TaskRun(models.Model):
    """One run. Written by webadmin/runs."""

    class State(models.TextChoices):
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    name = models.CharField(max_length=64)
    who = models.CharField(max_length=150, blank=True)  # who asked for it; "": the timetable
    state = models.CharField(max_length=7, choices=State, default=State.RUNNING)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0)  # 0: not known
    summary = models.TextField(blank=True)
    details = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(fields=["name", "-started_at"], name="task_run_name")]
        ordering = ["-started_at", "-id"]

    def __str__(self) -> str:
        return f"{self.name} {self.started_at:%Y-%m-%d %H:%M:%S}: {self.state}"

    @property
    def percent(self) -> int | None:
        return min(100, 100 * self.done // self.total) if self.total else None


class TaskLock(models.Model):
    """Held by the one run of a task there may be. Void when its process (holder, as unix/alive names it) is gone, or at expires_at."""

    name = models.CharField(max_length=64, primary_key=True)
    run = models.ForeignKey(TaskRun, on_delete=models.CASCADE)
    holder = models.CharField(max_length=200)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
