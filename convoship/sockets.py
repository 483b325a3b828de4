"""Socket routes of the whole product."""

from __future__ import annotations

from typing import Any, cast

from channels.auth import AuthMiddlewareStack
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import URLRouter
from django.urls import path, re_path

from channels_app.pages.telephone_socket import TelephoneConsumer
from channels_app.voice.relay_socket import relay
from deployments.pages.socket import AppConsumer
from widget.urls import websocket_urlpatterns as widget_routes


class NoSuchSocket(AsyncWebsocketConsumer):
    """Refuses the handshake at an address where no socket is."""

    channel_layer_alias = "no channel of its own"

    async def connect(self) -> None:
        """Refuse."""
        await self.close()


websocket_urlpatterns: list[Any] = [
    *widget_routes,
    path(
        "app/channels/<uuid:connection_id>/rehearsal/telephone",
        AuthMiddlewareStack(TelephoneConsumer.as_asgi()),
        name="rehearsal_telephone",
    ),
    path("app/socket", AuthMiddlewareStack(AppConsumer.as_asgi()), name="app_socket"),
    path("v1/public/channels/<str:kind>/<str:connection_id>/relay", cast(Any, relay), name="relay_socket"),
    re_path(r"", NoSuchSocket.as_asgi()),
]
socket_application = URLRouter(websocket_urlpatterns)
