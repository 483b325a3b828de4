"""Celery tasks that send: one message a task, and an outbox drained in batches inside a task.

`celery -A tests.bench.toy.tasks worker`, with the toy's environment and `TOY_PROVIDER`, the provider's address.
"""

from __future__ import annotations

import asyncio
import os
import threading
from typing import Any

import aiohttp
import django
import requests
from celery import Celery

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.bench.toy.settings"
django.setup()

from tests.bench.toy import work  # noqa: E402  (the apps must be loaded first)

PROVIDER = os.environ.get("TOY_PROVIDER", "")
app = Celery("toy", broker=os.environ["REDIS_URL"])
app.conf.update(task_ignore_result=True, broker_connection_retry_on_startup=True, worker_hijack_root_logger=False)
_local = threading.local()


def _http() -> requests.Session:
    """This thread's kept connection."""
    if not hasattr(_local, "session"):
        _local.session = requests.Session()
    session: requests.Session = _local.session
    return session


@app.task(name="toy.send")
def send(row: int) -> None:
    """Claim one row, post it, mark it."""
    payload = work.claim_one(row)
    if payload is not None:
        _http().post(PROVIDER, json={"to": "+15550100", "text": payload}, timeout=10).raise_for_status()
        work.mark_sent([row])


@app.task(name="toy.drain")
def drain(size: int = 50) -> None:
    """Claim rows with SKIP LOCKED, post them together, mark them together, until none is left."""
    asyncio.run(_drain(size))


async def _drain(size: int) -> None:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=size)) as session:

        async def post(row: tuple[Any, ...]) -> int:
            async with session.post(PROVIDER, json={"to": "+15550100", "text": row[1]}) as answer:
                answer.raise_for_status()
                await answer.read()
            return int(row[0])

        while rows := await asyncio.to_thread(work.claim, size):
            await asyncio.to_thread(work.mark_sent, await asyncio.gather(*(post(row) for row in rows)))
