"""Routes of channels."""

from django.urls import path

from channels_app import pages, webhooks

urlpatterns = [
    path("v1/public/channels/<str:kind>/<str:connection_id>", webhooks.receive, name="channel_webhook"),
    path("v1/public/channels/<str:kind>/<str:connection_id>/<str:part>", webhooks.receive, name="channel_webhook_part"),
    path("app/channels/", pages.channels, name="channels"),
    path("app/channels/new-deployment", pages.channel_deployment_create, name="channel_deployment_create"),
]
