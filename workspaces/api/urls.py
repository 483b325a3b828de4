"""Routes of the admin API that are the workspace's own, under `/v1/`."""

from django.urls import path

from workspaces.api.me import MeView
from workspaces.api.secrets import SecretsView, SecretView

urlpatterns = [
    path("me", MeView.as_view(), name="api_me"),
    path("secrets", SecretsView.as_view(), name="api_secrets"),
    path("secrets/<name:key>", SecretView.as_view(), name="api_secret"),
]
