from __future__ import annotations

from django.urls import path

from webadmin import converters  # noqa: F401 - registers them
from webadmin.control import drift_views, views

urlpatterns = [
    path("control", views.control_list, name="control_list"),
    path("control/file/<str:folder>/<str:name>", views.control_file, name="control_file"),
    path("control/file/<str:folder>/<str:name>/remove", views.control_remove, name="control_remove"),
    path("control/generations", views.generation_list, name="generation_list"),
    path("control/generations/<generation:number>", views.generation_show, name="generation_show"),
    path("control/drift", drift_views.drift_list, name="drift_list"),
    path("control/drift/<str:scope>", drift_views.drift_banner, name="drift_banner"),
    path("control/drift/<str:scope>/adopt", drift_views.drift_adopt, name="drift_adopt"),
    path("control/drift/<str:scope>/overwrite", drift_views.drift_overwrite, name="drift_overwrite"),
]
