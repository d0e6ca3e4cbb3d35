from __future__ import annotations

from django.urls import path

from webadmin.logs import views

urlpatterns = [
    path("logs", views.log_search, name="log_search"),
    path("logs/services/<str:name>", views.log_tail, name="log_tail"),
]
