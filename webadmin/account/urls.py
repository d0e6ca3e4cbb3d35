from __future__ import annotations

from django.urls import path

from webadmin.account import views

urlpatterns = [path("account", views.account, name="account")]
