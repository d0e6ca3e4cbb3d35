"""Below domains/NAME/."""

from __future__ import annotations

from django.urls import path

from webadmin.aliases import views

urlpatterns = [
    path("aliases", views.alias_list, name="alias_list"),
    path("add-alias", views.alias_add, name="alias_add"),
    path("aliases/<str:name>/delete", views.alias_delete, name="alias_delete"),
    path("aliases/<str:name>", views.alias_edit, name="alias_edit"),
]
