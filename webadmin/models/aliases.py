"""Aliases, as the files domains/D/.qmail-NAME have them."""

from __future__ import annotations

from django.db import models

from webadmin.models.domains import Domain
from webadmin.models.fields import OctetsField


class Alias(models.Model):
    """name is what follows ".qmail-" in the file's name, where a dot of the address is a colon."""

    domain = models.ForeignKey(Domain, on_delete=models.CASCADE, related_name="aliases")
    name = models.CharField(max_length=255)
    body = OctetsField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["domain", "name"], name="alias_name")]
        ordering = ["domain", "name"]
        verbose_name_plural = "aliases"

    def __str__(self) -> str:
        return self.address

    @property
    def local(self) -> str:
        return self.name.replace(":", ".")

    @property
    def address(self) -> str:
        return f"{self.local}@{self.domain.name}"
