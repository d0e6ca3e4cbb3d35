"""The project's name for Django, and its system checks."""

from __future__ import annotations

from django.apps import AppConfig
from django.conf import settings


class ApplianceConfig(AppConfig):
    name = "appliance"

    def ready(self) -> None:
        import appliance.checks  # registers them

        if settings.ROLE == "webadmin":
            import appliance.celery  # noqa: F401 - so that asking for a task finds the broker
