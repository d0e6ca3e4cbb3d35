from __future__ import annotations

from django.urls import path

from webadmin import converters  # noqa: F401 - registers them
from webadmin.task import views

urlpatterns = [
    path("tasks", views.task_list, name="task_list"),
    path("tasks/runs/<number:key>", views.run_show, name="run_show"),
    path("tasks/<str:name>", views.task_show, name="task_show"),
    path("tasks/<str:name>/start", views.task_start, name="task_start"),
]
