"""Routes of the webmail. The web front hands on what begins with /mail/ and /static/, so everything stands below /mail/."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [path("mail/", include("webadmin.webmail.urls"))]

handler404 = "webadmin.webmail.problem_views.not_found"
handler500 = "webadmin.webmail.problem_views.failed"
