"""The project's name for Django, and its system checks."""

from __future__ import annotations

from django.apps import AppConfig


class ApplianceConfig(AppConfig):
    name = "appliance"

    def ready(self) -> None:
        import appliance.checks  # noqa: F401 - registers them
