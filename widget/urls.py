"""Routes of the widget: its socket, and the test page."""

from django.urls import path

from widget import test_page
from widget.consumers import VisitorConsumer

urlpatterns = [
    path("test/<str:signed>", test_page.show, name="test_page"),
    path("test/<str:signed>/origin", test_page.origin, name="test_page_origin"),
]

websocket_urlpatterns = [
    path("v1/public/runtime/sessions/<uuid:session_id>/socket", VisitorConsumer.as_asgi(), name="visitor_socket"),
]
