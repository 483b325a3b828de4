"""Routes of the admin API that are the workspace's own, under `/v1/`."""

from django.urls import path

from workspaces.api.me import MeView

urlpatterns = [
    path("me", MeView.as_view(), name="api_me"),
]
