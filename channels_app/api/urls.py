"""Routes of the admin API for connections, under `/v1/`."""

from django.urls import path

from channels_app.api import connections, traffic

_CONNECTION = "connections/<id:connection_id>"

urlpatterns = [
    path("connections", connections.ConnectionsView.as_view(), name="api_connections"),
    path(_CONNECTION, connections.ConnectionView.as_view(), name="api_connection"),
    path(f"{_CONNECTION}/test", connections.TestView.as_view(), name="api_connection_test"),
    path(f"{_CONNECTION}/enable", connections.EnableView.as_view(), name="api_connection_enable"),
    path(f"{_CONNECTION}/disable", connections.DisableView.as_view(), name="api_connection_disable"),
    path(f"{_CONNECTION}/rotate-secret", connections.RotateSecretView.as_view(), name="api_connection_rotate"),
    path(f"{_CONNECTION}/events", traffic.EventsView.as_view(), name="api_connection_events"),
    path(f"{_CONNECTION}/deliveries", traffic.DeliveriesView.as_view(), name="api_connection_deliveries"),
    path("deliveries/<id:delivery_id>", traffic.DeliveryView.as_view(), name="api_delivery"),
    path("deliveries/<id:delivery_id>/replay", traffic.ReplayView.as_view(), name="api_delivery_replay"),
    path("deliveries/<id:delivery_id>/dismiss", traffic.DismissView.as_view(), name="api_delivery_dismiss"),
]
