"""The ASGI door: HTTP to Django, sockets to the consumers, and the embed script answered before either."""

import os
from typing import cast

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

from convoship.machine.roles import refuse_unsafe

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "convoship.settings")
django_application = get_asgi_application()
refuse_unsafe(os.environ["DATABASE_URL"])

from convoship.sockets import socket_application  # noqa: E402  (the apps must be loaded first)
from widget.embed import Application, answers_embed_script  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": answers_embed_script(cast(Application, django_application)),
        "websocket": socket_application,
    }
)
