from __future__ import annotations

from django.urls import path

from webadmin.overview import views

urlpatterns = [path("", views.overview, name="overview")]
