"""Below domains/NAME/."""

from __future__ import annotations

from django.urls import path

from webadmin.accounts import views

# a name may hold a slash in files from before us; the longer paths are tried first
urlpatterns = [
    path("mailboxes", views.mailbox_list, name="mailbox_list"),
    path("add-mailbox", views.mailbox_add, name="mailbox_add"),
    path("mailboxes/<path:name>/delete", views.mailbox_delete, name="mailbox_delete"),
    path("mailboxes/<path:name>/usage", views.mailbox_usage, name="mailbox_usage"),
    path("mailboxes/<path:name>", views.mailbox_edit, name="mailbox_edit"),
]
