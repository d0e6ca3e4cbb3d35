"""Mailboxes, as the lines of domains/D/vpasswd have them."""

from __future__ import annotations

from django.db import models

from webadmin.models.domains import Domain
from webadmin.models.fields import OctetsOrNoneField


class Mailbox(models.Model):
    """One line of vpasswd, and the mailbox's own .qmail."""

    domain = models.ForeignKey(Domain, on_delete=models.CASCADE, related_name="mailboxes")
    name = models.CharField(max_length=255)
    crypt = models.TextField(blank=True)  # crypt(3) hash; empty: locked
    uid = models.BigIntegerField(default=1)  # 1 POP, 2 APOP
    flags = models.BigIntegerField(default=0)  # what the mailbox may not do: the gid field
    gecos = models.TextField(blank=True)
    directory = models.TextField()
    quota = models.CharField(max_length=255, default="NOQUOTA")
    clear = models.TextField(null=True, blank=True)  # null: the line has no such field
    position = models.BigIntegerField()  # in the file
    odd_line = OctetsOrNoneField(null=True)  # the line as it stood, where the columns would not give it back octet by octet
    dotqmail = OctetsOrNoneField(null=True)  # the mailbox's .qmail

    class Meta:
        constraints = [models.UniqueConstraint(fields=["domain", "name"], name="mailbox_name")]
        indexes = [models.Index(fields=["domain", "position"], name="mailbox_position")]
        ordering = ["domain", "name"]
        verbose_name_plural = "mailboxes"

    def __str__(self) -> str:
        return self.address

    @property
    def address(self) -> str:
        return f"{self.name}@{self.domain.name}"
