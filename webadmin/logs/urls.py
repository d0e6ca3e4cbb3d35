from __future__ import annotations

from django.urls import path

from webadmin import converters  # noqa: F401 - registers them
from webadmin.logs import views

urlpatterns = [
    path("logs", views.log_search, name="log_search"),
    path("logs/refused", views.log_refused, name="log_refused"),
    path("logs/logins", views.log_logins, name="log_logins"),
    path("logs/messages/<number:key>", views.log_message, name="log_message"),
    path("logs/services", views.log_services, name="log_services"),
    path("logs/services/<str:name>", views.log_tail, name="log_tail"),
]
