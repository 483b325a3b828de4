"""Two tenants press *Test* at the same time in one server process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import ThreadSensitiveContext
from django.test import AsyncClient

from tests import factories
from tests.channels import far_end
from tests.channels.conftest import Bridge, make_bridge
from tests.channels.far_end import FarEnd, Said


@pytest.fixture
def slow(settings: Any) -> Iterator[FarEnd]:
    """Another customer's server, which takes its time."""
    settings.OUTBOUND_ALLOW_PRIVATE = True
    with far_end.running() as end:
        yield end


async def by_api(bridge: Bridge) -> bool:
    key = await asyncio.to_thread(factories.make_api_key, bridge.workspace)
    headers = {"authorization": f"Bearer {key.token}"}
    # Each request has a thread of its own, as in Django's ASGI handler.
    async with ThreadSensitiveContext():
        answer = await AsyncClient().post(f"/v1/connections/{bridge.connection.id}/test", headers=headers)
    return bool(answer.json()["is_good"])


async def by_page(bridge: Bridge) -> bool:
    client = AsyncClient()
    await client.aforce_login(await asyncio.to_thread(factories.owner_of, bridge.workspace))
    async with ThreadSensitiveContext():
        answer = await client.post(f"/app/channels/{bridge.connection.id}/test", headers={"hx-request": "true"})
    return "took a signed test event" in answer.content.decode()


@pytest.mark.parametrize("press", [by_api, by_page])
async def test_a_test_that_ends_breaks_off_nobody_elses(
    transactional_db: None, far: FarEnd, slow: FarEnd, press: Any
) -> None:
    mine = await asyncio.to_thread(lambda: make_bridge(factories.make_workspace(), far))
    theirs = await asyncio.to_thread(lambda: make_bridge(factories.make_workspace(), slow))
    gate = threading.Event()
    slow.script(Said(after=gate))
    waiting = asyncio.create_task(press(theirs))
    await asyncio.to_thread(slow.wait, 1)
    assert await press(mine)
    gate.set()
    assert await waiting
