"""Routes of channels."""

from django.urls import path

from channels_app import pages

urlpatterns = [
    path("app/channels/", pages.channels, name="channels"),
    path("app/channels/new-deployment", pages.channel_deployment_create, name="channel_deployment_create"),
]
