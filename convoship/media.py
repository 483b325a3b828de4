"""The door of processes that carry the sound of calls: sockets at `/stream`, and nothing else.

`daphne convoship.media:application`. They stand apart so that fifty frames a second of each call wait for no page, and
no page for them; a reverse proxy leads that path here (docs/voice.md).
"""

import asyncio
import json
import os
from typing import Any, cast

import django

from convoship.machine.roles import refuse_unsafe

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "convoship.settings")
django.setup(set_prefix=False)
refuse_unsafe(os.environ["DATABASE_URL"])

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402  (the settings are known now)
from daphne.server import twisted_loop  # noqa: E402
from django.conf import settings  # noqa: E402
from django.urls import path, re_path  # noqa: E402

from channels_app.voice.engines import registry  # noqa: E402
from channels_app.voice.media import beats, socket  # noqa: E402
from convoship.lib import collecting  # noqa: E402
from convoship.server import adjust_daphne, at_the_root, before_it_ends  # noqa: E402


async def _health(scope: Any, receive: Any, send: Any) -> None:
    """Whether it lives, and how many calls it carries."""
    is_asked = scope["path"] == "/healthz"
    body = json.dumps({"status": "ok", "calls": socket.calls()} if is_asked else {"status": "none"}).encode()
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 200 if is_asked else 404, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _nowhere(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.close", "code": 4404})


_heart = beats.Heart(twisted_loop, socket.calls)


async def _end() -> None:
    await asyncio.gather(socket.end_all(), _heart.stop())


adjust_daphne()
before_it_ends(_end)
if not settings.TESTING:
    # What the first call would wait seconds for.
    asyncio.run(registry.load())
    _heart.start()
application = at_the_root(
    cast(
        Any,
        ProtocolTypeRouter(
            {
                "http": cast(Any, _health),
                "websocket": URLRouter(
                    [
                        path(
                            "v1/public/channels/<str:kind>/<str:connection_id>/stream",
                            cast(Any, socket.stream),
                            name="sound_socket",
                        ),
                        re_path(r"", cast(Any, _nowhere)),
                    ]
                ),
            }
        ),
    )
)
collecting.settle()
