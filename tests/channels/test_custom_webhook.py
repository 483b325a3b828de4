"""A customer's bridge: what it sends reaches the assistant, and the answers reach it, signed both ways."""

from __future__ import annotations

import pytest

from channels_app import standard_webhooks
from tests.channels.conftest import Bridge

pytestmark = pytest.mark.asyncio


async def test_a_message_is_answered_by_signed_events_in_order(bridge: Bridge) -> None:
    answer = await bridge.say("hello", user={"id": "u-7", "name": "Kim"})
    assert answer.status_code == 202
    await bridge.drain()
    events = [request.json for request in bridge.far.seen]
    assert events, [(e.state, e.reason) for e in await bridge.events()]
    assert all(event["type"] == "message.created" for event in events)
    assert [event["data"]["sequence"] for event in events] == list(range(1, len(events) + 1))
    assert {event["data"]["conversation_id"] for event in events} == {answer.data["conversation_id"]}
    assert events[0]["data"]["conversation_key"] == "room-1"
    first = bridge.far.seen[0]
    standard_webhooks.verify([bridge.secrets["signing_secret"]], first.headers, first.body)
    assert [delivery.status for delivery in await bridge.deliveries()] == ["delivered"] * len(events)
    assert [message.status for message in await bridge.messages()] == ["received"] + ["delivered"] * len(events)
