"""Routes of the widget: its socket, the test page, and where a mail's link continues a conversation."""

from django.urls import path

from widget import continue_page, test_page
from widget.consumers import VisitorConsumer

urlpatterns = [
    path("test/<str:signed>", test_page.show, name="test_page"),
    path("test/<str:signed>/origin", test_page.origin, name="test_page_origin"),
    path("continue/<str:code>", continue_page.show, name="continue"),
    path("continue/<str:code>/stop", continue_page.stop, name="continue_stop"),
]

websocket_urlpatterns = [
    path("v1/public/runtime/sessions/<uuid:session_id>/socket", VisitorConsumer.as_asgi(), name="visitor_socket"),
]
