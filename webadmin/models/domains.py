"""Virtual domains, as users/assign and domains/D/ have them."""

from __future__ import annotations

from django.db import models

from webadmin.models.fields import OctetsOrNoneField


class Domain(models.Model):
    """A domain with mailboxes of its own, or another name for one."""

    class Kind(models.TextChoices):
        VIRTUAL = "virtual"
        ALIAS = "alias"

    name = models.CharField(max_length=253, unique=True)  # lower case, A-labels
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.VIRTUAL)
    real = models.ForeignKey("self", null=True, blank=True, on_delete=models.CASCADE, related_name="aliases_of")
    uid = models.BigIntegerField()
    gid = models.BigIntegerField()
    directory = models.TextField()
    default_qmail = OctetsOrNoneField(null=True)  # .qmail-default
    limits = OctetsOrNoneField(null=True)  # .qmailadmin-limits
    stale_mail = OctetsOrNoneField(null=True)  # .stale-mail; the next three are what it says, null: never
    unread_days = models.PositiveIntegerField(null=True)
    read_days = models.PositiveIntegerField(null=True)
    trash_days = models.PositiveIntegerField(null=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_alias(self) -> bool:
        return self.kind == self.Kind.ALIAS
