"""The app's name for Django."""

from __future__ import annotations

from django.apps import AppConfig


class WebadminConfig(AppConfig):
    name = "webadmin"
    default_auto_field = "django.db.models.BigAutoField"
