from __future__ import annotations

from django.urls import path

from webadmin import converters  # noqa: F401 - registers them
from webadmin.queue import views

urlpatterns = [
    path("queue", views.queue_list, name="queue_list"),
    path("queue/retry-all", views.queue_retry_all, name="queue_retry_all"),
    path("queue/<number:messnum>", views.queue_show, name="queue_show"),
    path("queue/<number:messnum>/read", views.queue_head, name="queue_head"),
    path("queue/<number:messnum>/retry", views.queue_retry, name="queue_retry"),
    path("queue/<number:messnum>/bounce", views.queue_bounce, name="queue_bounce"),
    path("queue/<number:messnum>/delete", views.queue_delete, name="queue_delete"),
]
