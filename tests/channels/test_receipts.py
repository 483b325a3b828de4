"""Receipts that come close together are written together, and each as if it had come alone."""

from __future__ import annotations

import asyncio
import threading
import uuid
from dataclasses import replace
from typing import Any

import pytest

from channels_app import claims, inbound, receipts, settling
from channels_app.drain import Drain, handle
from channels_app.in_hand import Claimed
from channels_app.models import Delivery, DeliveryAttempt
from channels_app.providers.base import ProviderError, Receipt
from channels_app.settling import Outcome
from convoship.lib.outbound import sending
from deployments import conversations
from tests.channels.conftest import Bridge
from tests.channels.far_end import FarEnd

pytestmark = pytest.mark.asyncio

TAKEN = Outcome(receipt=Receipt("delivered", "their-id", http_status=201, answer="thanks"), milliseconds=7)


async def in_hand(bridge: Bridge, *rooms: str) -> list[Claimed]:
    """A delivery of each of these conversations, claimed and not sent."""
    for room in rooms:
        await bridge.say("hello", room)
    for event in await bridge.inside(lambda: inbound.claim(bridge.workspace.id, 50)):
        await handle(event)
    return await bridge.inside(lambda: claims.claim(bridge.workspace.id, 50))


async def state(bridge: Bridge) -> dict[str, tuple[str, str, str]]:
    """By room: what the first delivery, its attempt and its message say."""

    def look() -> dict[str, tuple[str, str, str]]:
        rows = Delivery.objects.filter(position=1).select_related("message")
        return {
            row.address: (
                row.status,
                DeliveryAttempt.objects.get(delivery=row).outcome,
                row.message.status if row.message else "",
            )
            for row in rows
        }

    return await bridge.inside(look)


async def test_receipts_are_written_together_with_attempts_and_messages(bridge: Bridge) -> None:
    claimed = await in_hand(bridge, "a", "b")
    revs = {message.id: message.rev for message in await bridge.messages()}
    written = await bridge.inside(receipts.write, [(one, TAKEN) for one in claimed])
    assert written == {one.delivery_id for one in claimed}
    assert await state(bridge) == dict.fromkeys(("a", "b"), ("delivered", "accepted", "delivered"))

    def attempt() -> Any:
        return DeliveryAttempt.objects.values_list("http_status", "answer", "milliseconds").first()

    assert await bridge.inside(attempt) == (201, "thanks", 7)
    delivery = (await bridge.deliveries())[0]
    assert (delivery.provider_id, delivery.claim, delivery.is_in_doubt) == ("their-id", None, False)
    assert delivery.accepted_at
    assert delivery.settled_at
    # Whoever reads by `rev` finds the change.
    changed = [message for message in await bridge.messages() if message.id == delivery.message_id]
    assert [message.rev > revs[message.id] for message in changed] == [True]
    assert (await bridge.refresh()).last_outbound_at is not None


async def test_what_is_not_plain_is_left_to_be_finished_alone(bridge: Bridge) -> None:
    lost, failed, good = await in_hand(bridge, "lost", "failed", "good")
    stranger = replace(lost, token=uuid.uuid4())
    refused = Outcome(error=ProviderError("They said no."))
    ended = [(stranger, TAKEN), (failed, refused), (good, TAKEN)]
    assert await bridge.inside(receipts.write, ended) == {good.delivery_id}
    found = await state(bridge)
    assert found.pop(good.outgoing.address) == ("delivered", "accepted", "delivered")
    assert set(found.values()) == {("queued", "running", "queued")}
    assert not await bridge.inside(settling.finish, stranger, TAKEN)


async def test_no_batch_waits_for_a_conversation_that_somebody_holds(bridge: Bridge) -> None:
    held, free = await in_hand(bridge, "held", "free")

    is_held, may_go = threading.Event(), threading.Event()

    def hold() -> None:
        row = Delivery.objects.get(id=held.delivery_id)
        assert row.conversation_id is not None
        conversations.lock(row.conversation_id)
        is_held.set()
        assert may_go.wait(30)

    holding = asyncio.ensure_future(bridge.inside(hold))
    try:
        assert await asyncio.to_thread(is_held.wait, 20)
        async with asyncio.timeout(20):
            assert await bridge.inside(receipts.write, [(held, TAKEN), (free, TAKEN)]) == {free.delivery_id}
    finally:
        may_go.set()
        await holding


async def test_receipts_that_can_not_be_written_together_are_written_one_by_one(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(*args: Any) -> None:
        raise RuntimeError("one of them is bad")

    monkeypatch.setattr(receipts, "write", break_off)
    for room in ("a", "b", "c"):
        await bridge.say("hello", room)
    await bridge.drain()
    assert {delivery.status for delivery in await bridge.deliveries()} == {"delivered"}


async def test_many_calls_at_once_are_spread_over_small_pools_and_few_share_one(far: FarEnd) -> None:
    async def call() -> int:
        return (await sending.send("POST", far.url, seconds=20, content=b"x")).status

    def pools() -> list[int]:
        return [pool.calls for pool in sending._pools[asyncio.get_running_loop()]]

    for _ in range(3):
        assert await call() == 200
    assert pools() == [0]
    assert await asyncio.gather(*(call() for _ in range(20))) == [200] * 20
    assert pools() == [0, 0, 0]


async def test_a_drain_writes_what_ends_while_it_writes(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    real = receipts.write

    def write(ended: Any) -> set[uuid.UUID]:
        sizes.append(len(ended))
        return real(ended)

    monkeypatch.setattr(receipts, "write", write)
    for number in range(12):
        await bridge.say("hello", f"room-{number}")
    await Drain().idle()
    deliveries = await bridge.deliveries()
    assert {delivery.status for delivery in deliveries} == {"delivered"}
    assert sum(sizes) == len(deliveries)
