"""Socket routes of the widget."""

from django.urls import path

from widget.consumers import VisitorConsumer

websocket_urlpatterns = [
    path("v1/public/runtime/sessions/<uuid:session_id>/socket", VisitorConsumer.as_asgi(), name="visitor_socket"),
]
