"""Routes of the visitors' API, under `/v1/public/runtime/`."""

from django.urls import path

from deployments.api.runtime import uploads, views

urlpatterns = [
    path("config", views.ConfigView.as_view(), name="runtime_config"),
    path("sessions", views.SessionsView.as_view(), name="runtime_sessions"),
    path("sessions/<uuid:session_id>", views.SessionView.as_view(), name="runtime_session"),
    path("sessions/<uuid:session_id>/messages", views.MessagesView.as_view(), name="runtime_messages"),
    path("sessions/<uuid:session_id>/stream", views.StreamView.as_view(), name="runtime_stream"),
    path("sessions/<uuid:session_id>/stop", views.StopView.as_view(), name="runtime_stop"),
    path("sessions/<uuid:session_id>/events", views.EventsView.as_view(), name="runtime_events"),
    path("sessions/<uuid:session_id>/identify", views.IdentifyView.as_view(), name="runtime_identify"),
    path("sessions/<uuid:session_id>/files", uploads.FilesView.as_view(), name="runtime_files"),
    path("sessions/<uuid:session_id>/handoff", views.HandoffView.as_view(), name="runtime_handoff"),
    path("sessions/<uuid:session_id>/end", views.EndView.as_view(), name="runtime_end"),
]
