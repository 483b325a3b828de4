"""HTTP routes of the toys."""

from django.urls import path

from tests.bench.toy import hooks, views

urlpatterns = [
    path("session", views.SessionView.as_view()),
    path("turn", views.TurnView.as_view()),
    path("webhook", hooks.webhook),
]
