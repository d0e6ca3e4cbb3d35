"""Logins to the administration that failed: decisions/throttle's memory, kept where all workers see it and a restart does not lose it."""

from __future__ import annotations

from django.db import models


class LoginFailure(models.Model):
    key = models.CharField(max_length=200, unique=True)  # "name ada", "ip 192.0.2.1"
    count = models.PositiveIntegerField()
    last_s = models.BigIntegerField(db_index=True)

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return f"{self.key}: {self.count}"
