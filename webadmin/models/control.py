"""control/ and users/: the files as they are, and the generations in which they were put in force."""

from __future__ import annotations

from django.db import models

from webadmin.models.fields import OctetsField


class ConfigFile(models.Model):
    """One file of control/ or users/. value is the truth, comments and all."""

    class Folder(models.TextChoices):
        CONTROL = "control"
        USERS = "users"

    folder = models.CharField(max_length=8, choices=Folder)
    name = models.CharField(max_length=64)
    value = OctetsField()
    changed_at = models.DateTimeField(auto_now=True)
    changed_by = models.CharField(max_length=150)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["folder", "name"], name="config_file_path")]
        ordering = ["folder", "name"]

    def __str__(self) -> str:
        return self.path

    @property
    def path(self) -> str:
        return f"{self.folder}/{self.name}"


class Generation(models.Model):
    """One line for each configuration that was put in force."""

    number = models.PositiveIntegerField(unique=True)
    when = models.DateTimeField()
    who = models.CharField(max_length=200)
    why = models.CharField(max_length=200)
    manifest = models.TextField()  # formats/manifest: path and SHA-256 of each file

    class Meta:
        ordering = ["-number"]

    def __str__(self) -> str:
        return f"generation {self.number}"
