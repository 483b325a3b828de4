"""A server whose work comes to no end, as a fault may bring about: `daphne tests.reliability.hanging:application`.

A task that swallows its cancellation, and a thread that waits for such a one: daphne would wait for them for ever. And
a thread that nobody waits for any more, but Python when it ends.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "convoship.settings")

import django

django.setup(set_prefix=False)

from asgiref.sync import async_to_sync, sync_to_async  # noqa: E402 (the settings are known now)

from convoship import server  # noqa: E402

server.ENDS_WITHIN_SECONDS = 4.0
server.REQUESTS_END_WITHIN_SECONDS = server.THREADS_END_WITHIN_SECONDS = 1.0
hangs = False
server.adjust_daphne()


async def never_ends() -> None:
    """It waits for something that doesn't come, and does not let itself be stopped."""
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            continue


async def hang() -> None:
    """Something of ours that is done before the process ends, and never is."""
    if hangs:
        await never_ends()


server.before_it_ends(hang)


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answers `/healthz`, and nothing else."""
    if scope["path"] != "/healthz":
        sys.stderr.write(f"takes {scope['path']}\n")
        sys.stderr.flush()
        global hangs
        hangs = scope["path"] == "/act"
        match scope["path"]:
            case "/act":
                await asyncio.sleep(3600)
            case "/task":
                await never_ends()
            case "/thread":
                await sync_to_async(async_to_sync(never_ends))()
            case "/stopped":
                try:
                    await asyncio.sleep(3600)
                except asyncio.CancelledError:
                    sys.stderr.write("was stopped\n")
                    raise
            case "/slowly":
                try:
                    await asyncio.sleep(3600)
                except asyncio.CancelledError:
                    await asyncio.sleep(0.5)
                    sys.stderr.write("was stopped slowly\n")
                    raise
            case "/left":
                await asyncio.to_thread(threading.Event().wait)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})
