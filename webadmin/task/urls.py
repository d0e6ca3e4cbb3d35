from __future__ import annotations

from django.urls import path

from webadmin.task import views

urlpatterns = [path("tasks", views.task_list, name="task_list")]
