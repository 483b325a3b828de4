"""HTTP and sockets of the toys."""

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.bench.toy.settings"
http = get_asgi_application()

from tests.bench.toy import consumers  # noqa: E402  (the apps must be loaded first)

sockets = [
    path("ws/echo", consumers.Echo.as_asgi()),
    path("ws/turn", consumers.Turn.as_asgi()),
    path("ws/told-turn", consumers.ToldTurn.as_asgi()),
]
application = ProtocolTypeRouter({"http": http, "websocket": URLRouter(sockets)})
