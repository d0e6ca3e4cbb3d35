"""Who changed what, when, and from where: one row for each act."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class AuditRow(models.Model):
    """Written once by webadmin/audit/record, never changed. Passwords and their hashes do not stand here."""

    when = models.DateTimeField(default=timezone.now, db_index=True)
    who = models.CharField(max_length=150, db_index=True)
    origin = models.CharField(max_length=64)  # an IP address, or "command line"
    act = models.CharField(max_length=64, db_index=True)
    kind = models.CharField(max_length=32)  # of the object: domain, mailbox, alias, file, generation
    name = models.CharField(max_length=320)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    words = models.TextField()  # all of it in lower case, to search in

    class Meta:
        indexes = [models.Index(fields=["kind", "name"], name="audit_object")]
        ordering = ["-when", "-id"]

    def __str__(self) -> str:
        return f"{self.when:%Y-%m-%d %H:%M:%S} {self.who}: {self.act} {self.name}"
