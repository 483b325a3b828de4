"""The ASGI door: HTTP to Django, sockets to the consumers, and the embed script answered before either."""

import os
from typing import Any, cast

import django
from channels.routing import ProtocolTypeRouter

from convoship.machine.roles import refuse_unsafe

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "convoship.settings")
django.setup(set_prefix=False)
refuse_unsafe(os.environ["DATABASE_URL"])

from django.conf import settings  # noqa: E402  (the settings are known now)

from convoship.file_host import keeps_files_apart  # noqa: E402
from convoship.lib import collecting  # noqa: E402
from convoship.lib.runtime_handler import Handler, RuntimeHandler  # noqa: E402  (the apps must be loaded first)
from convoship.server import adjust_daphne, at_the_root  # noqa: E402
from convoship.sockets import socket_application  # noqa: E402
from widget.embed import Application, answers_embed_script  # noqa: E402

django_application = Handler()
runtime_application = RuntimeHandler()


async def http_application(scope: Any, receive: Any, send: Any) -> None:
    """The visitors' API and the doors for providers have a handler of their own; everything else is Django's."""
    is_public = scope["path"].startswith((f"{settings.RUNTIME_PATH}/", f"{settings.CHANNELS_PATH}/"))
    await (runtime_application if is_public else django_application)(scope, receive, send)


adjust_daphne()
application = at_the_root(
    keeps_files_apart(
        ProtocolTypeRouter(
            {
                "http": answers_embed_script(cast(Application, http_application)),
                "websocket": socket_application,
            }
        )
    )
)
collecting.settle()
