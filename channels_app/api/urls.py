"""Routes of the admin API for connections, under `/v1/`."""

from django.urls import path

from channels_app.api import connections, templates, traffic

_CONNECTION = "connections/<id:connection_id>"

urlpatterns = [
    path("connections", connections.ConnectionsView.as_view(), name="api_connections"),
    path(_CONNECTION, connections.ConnectionView.as_view(), name="api_connection"),
    path(f"{_CONNECTION}/test", connections.TestView.as_view(), name="api_connection_test"),
    path(f"{_CONNECTION}/call-me", connections.CallMeView.as_view(), name="api_connection_call_me"),
    path(f"{_CONNECTION}/enable", connections.EnableView.as_view(), name="api_connection_enable"),
    path(f"{_CONNECTION}/disable", connections.DisableView.as_view(), name="api_connection_disable"),
    path(f"{_CONNECTION}/rotate-secret", connections.RotateSecretView.as_view(), name="api_connection_rotate"),
    path(f"{_CONNECTION}/events", traffic.EventsView.as_view(), name="api_connection_events"),
    path(f"{_CONNECTION}/deliveries", traffic.DeliveriesView.as_view(), name="api_connection_deliveries"),
    path(f"{_CONNECTION}/templates", templates.TemplatesView.as_view(), name="api_templates"),
    path(f"{_CONNECTION}/templates/sync", templates.SyncView.as_view(), name="api_templates_sync"),
    path(f"{_CONNECTION}/templates/<name:sid>/submit", templates.SubmitView.as_view(), name="api_template_submit"),
    path("deliveries/<id:delivery_id>", traffic.DeliveryView.as_view(), name="api_delivery"),
    path("deliveries/<id:delivery_id>/replay", traffic.ReplayView.as_view(), name="api_delivery_replay"),
    path("deliveries/<id:delivery_id>/dismiss", traffic.DismissView.as_view(), name="api_delivery_dismiss"),
]
