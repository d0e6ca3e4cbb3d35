from __future__ import annotations

from django.urls import path

from webadmin.explain import views

urlpatterns = [path("explain", views.explain, name="explain")]
