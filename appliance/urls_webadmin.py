"""Routes of the administration: one room of webadmin/ per first word of the URL."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver

urlpatterns: list[URLPattern | URLResolver] = []
