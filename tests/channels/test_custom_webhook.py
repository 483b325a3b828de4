"""A customer's bridge: what it sends reaches the assistant, and the answers reach it, signed both ways."""

from __future__ import annotations

import pytest

from channels_app.models import Connection
from convoship.lib import standard_webhooks
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


async def test_a_message_whose_event_is_not_chosen_says_that_it_is_not_sent(bridge: Bridge) -> None:
    def choose() -> None:
        Connection.objects.update(config={"url": bridge.far.url, "events": ["conversation.ended"]})

    await bridge.inside(choose)
    await bridge.say("hello")
    await bridge.drain()
    assert bridge.far.seen == []
    answers = [message for message in await bridge.messages() if message.author_kind != "visitor"]
    assert answers
    assert {(message.status, bool(message.remedy)) for message in answers} == {("suppressed", True)}
