"""Routes of the administration: one room of webadmin/ per first word of the URL."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("webadmin.overview.urls")),
    path("", include("webadmin.login.urls")),
    path("", include("webadmin.domains.urls")),
    path("", include("webadmin.queue.urls")),
    path("", include("webadmin.logs.urls")),
    path("", include("webadmin.explain.urls")),
    path("", include("webadmin.control.urls")),
    path("", include("webadmin.task.urls")),
    path("", include("webadmin.audit.urls")),
    path("", include("webadmin.account.urls")),
]

handler400 = "webadmin.problems.bad_request"
handler403 = "webadmin.problems.forbidden"
handler404 = "webadmin.problems.not_found"
handler500 = "webadmin.problems.failed"
