from __future__ import annotations

from django.urls import include, path

from webadmin import converters  # noqa: F401 - registers them
from webadmin.domains import views

urlpatterns = [
    path("domains", views.domain_list, name="domain_list"),
    path("domains/add", views.domain_add, name="domain_add"),
    path("domains/removed", views.removed_list, name="removed_list"),
    path("domains/removed/keep", views.removed_keep, name="removed_keep"),
    path("domains/removed/restore", views.removed_restore, name="removed_restore"),
    path("domains/<domain:name>", views.domain_show, name="domain_show"),
    path("domains/<domain:name>/catch-all", views.domain_catchall, name="domain_catchall"),
    path("domains/<domain:name>/old-mail", views.domain_stale, name="domain_stale"),
    path("domains/<domain:name>/limits", views.domain_limits, name="domain_limits"),
    path("domains/<domain:name>/other-names", views.domain_names, name="domain_names"),
    path("domains/<domain:name>/dns", views.domain_dns, name="domain_dns"),
    path("domains/<domain:name>/delete", views.domain_delete, name="domain_delete"),
    path("domains/<domain:domain>/", include("webadmin.accounts.urls")),
    path("domains/<domain:domain>/", include("webadmin.aliases.urls")),
]
