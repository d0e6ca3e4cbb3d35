from __future__ import annotations

from django.urls import path

from webadmin import converters  # noqa: F401 - registers them
from webadmin.audit import views

urlpatterns = [
    path("audit", views.audit_list, name="audit_list"),
    path("audit/<number:key>", views.audit_show, name="audit_show"),
]
