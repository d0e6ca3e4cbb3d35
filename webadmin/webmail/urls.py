"""Routes of the webmail, all below /mail/."""

from __future__ import annotations

from django.urls import path

from webadmin.webmail import compose_views, folder_views, login_views, message_views, preference_views, problem_views

app_name = "webmail"

urlpatterns = [
    path("", folder_views.start, name="start"),
    path("login", login_views.login, name="login"),
    path("logout", login_views.logout, name="logout"),
    path("preferences", preference_views.preferences, name="preferences"),
    path("compose", compose_views.compose, name="compose"),
    path("compose/autosave", compose_views.autosave, name="autosave"),
    path("keys", problem_views.keys, name="keys"),
    path("folders", folder_views.folder_add, name="folder_add"),
    path("undo", folder_views.undo, name="undo"),
    path("f/<str:slug>/", folder_views.folder, name="folder"),
    path("f/<str:slug>/act", folder_views.act, name="act"),
    path("f/<str:slug>/empty", folder_views.empty, name="empty"),
    path("f/<str:slug>/<str:key>/", message_views.message, name="message"),
    path("f/<str:slug>/<str:key>/html/<int:index>", message_views.html, name="html"),
    path("f/<str:slug>/<str:key>/part/<int:index>", message_views.part, name="part"),
    path("f/<str:slug>/<str:key>/source", message_views.source, name="source"),
]
