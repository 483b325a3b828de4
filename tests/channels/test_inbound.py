"""What providers send: refused without a trace unless it is signed, stored once, and never answered before it is."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from typing import Any

import pytest
from django.test import AsyncClient

from channels_app import connections
from channels_app.models import InboundEvent, RefusedRequest
from convoship.lib import standard_webhooks
from tests import factories
from tests.channels.conftest import Bridge, make_bridge
from tests.channels.far_end import FarEnd

pytestmark = pytest.mark.asyncio
BODY = json.dumps({"conversation_key": "room-1", "text": "hello"}).encode()


def without(headers: dict[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in headers.items() if key != name}


def changed(headers: dict[str, str], **to: str) -> dict[str, str]:
    return headers | {name.replace("_", "-"): value for name, value in to.items()}


def forged(bridge: Bridge, stranger: str) -> dict[str, dict[str, str]]:
    good = bridge.signed(BODY)
    signature = good["webhook-signature"]
    now = int(time.time())
    secret = bridge.secrets["inbound_secret"]
    return {
        "no headers": {},
        "no id": without(good, "webhook-id"),
        "no timestamp": without(good, "webhook-timestamp"),
        "no signature": without(good, "webhook-signature"),
        "an empty signature": changed(good, webhook_signature=""),
        "a version alone": changed(good, webhook_signature="v1,"),
        "a cut signature": changed(good, webhook_signature=signature[:20]),
        "another algorithm": changed(good, webhook_signature=signature.replace("v1,", "v1a,")),
        "another id": changed(good, webhook_id="msg_other"),
        "another time": changed(good, webhook_timestamp=str(int(good["webhook-timestamp"]) - 1)),
        "no number": changed(good, webhook_timestamp="now"),
        "a stranger's secret": bridge.signed(BODY, secret=stranger),
        "the signing secret": bridge.signed(BODY, secret=bridge.secrets["signing_secret"]),
        "too old": standard_webhooks.headers_for([secret], "msg_1", BODY, now - 301),
        "too new": standard_webhooks.headers_for([secret], "msg_1", BODY, now + 305),
    }


async def test_what_is_not_signed_as_it_has_to_be_leaves_a_count_and_nothing_else(bridge: Bridge) -> None:
    cases = forged(bridge, standard_webhooks.new_secret())
    for name, headers in cases.items():
        answer = await bridge.post(BODY, headers)
        assert (answer.status_code, answer.data["code"]) == (403, "signature_invalid"), name
        assert "timestamp" not in answer.data["detail"], name
    good = bridge.signed(BODY)
    assert (await bridge.post(BODY + b" ", good)).status_code == 403
    assert await bridge.events() == []
    assert await bridge.messages() == []
    counts: dict[str, int] = dict(
        await bridge.inside(lambda: list(RefusedRequest.objects.values_list("reason", "count")))
    )
    assert sum(counts.values()) == len(cases) + 1
    assert counts["timestamp_stale"] == 2
    row = await bridge.inside(lambda: RefusedRequest.objects.get(reason="timestamp_stale"))
    assert "300 are allowed" in row.detail


async def test_the_same_event_fifty_times_at_once_is_one_row_and_one_effect(bridge: Bridge) -> None:
    headers = bridge.signed(BODY, "msg_once")
    answers = await asyncio.gather(*(bridge.post(BODY, headers) for _ in range(50)))
    assert {answer.status_code for answer in answers} <= {200, 202}
    assert sum(answer.status_code == 202 for answer in answers) == 1
    assert len({answer.data["id"] for answer in answers}) == 1
    assert len({answer.data["conversation_id"] for answer in answers}) == 1
    await bridge.drain()
    events = await bridge.events()
    assert [(event.state, event.copies) for event in events] == [("handled", 50)]
    assert [message.author_kind for message in await bridge.messages()].count("visitor") == 1


async def test_two_first_messages_at_once_open_one_conversation(bridge: Bridge) -> None:
    answers = await asyncio.gather(*(bridge.say(f"hello {number}") for number in range(10)))
    assert len({answer.data["conversation_id"] for answer in answers}) == 1
    await bridge.drain()
    texts = [m.text for m in await bridge.messages() if m.author_kind == "visitor"]
    assert sorted(texts) == [f"hello {number}" for number in range(10)]


async def test_while_a_secret_is_rotated_both_count_and_then_only_the_new_one(bridge: Bridge) -> None:
    who = bridge.who

    def rotate(overlap: int) -> str:
        held = connections.held(bridge.connection.id)
        return connections.rotate_secret(who, held, which="inbound_secret", overlap_seconds=overlap).value

    new = await bridge.inside(rotate, 60)
    old = bridge.secrets["inbound_secret"]
    for secret in (old, new):
        assert (await bridge.post(BODY, bridge.signed(BODY, secret=secret))).status_code == 202
    newest = await bridge.inside(rotate, 0)
    for secret, status in ((old, 403), (new, 403), (newest, 202)):
        assert (await bridge.post(BODY, bridge.signed(BODY, secret=secret))).status_code == status


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b"", 422, "body"),
        (b"{", 422, "body"),
        (b'"text"', 422, ""),
        (b"\xff\xfe", 422, "body"),
        (b'{"conversation_key": "a", "text": "\\u0000"}', 422, "body"),
        (b'{"conversation_key": "a", "text": "\\ud800"}', 422, "body"),
        (b'{"conversation_key": 7}', 422, "conversation_key"),
        (b'{"conversation_key": ""}', 422, "conversation_key"),
        (b'{"text": "hello"}', 422, "conversation_key"),
        (b'{"conversation_key": "a", "surprise": 1}', 422, "surprise"),
        (b'{"conversation_key": "a", "attachments": ["javascript:alert(1)"]}', 422, "attachments"),
        (b"[" * 10_000 + b"]" * 10_000, 422, "body"),
        (b'{"conversation_key": "a", "text": "' + b"x" * (1024 * 1024) + b'"}', 413, ""),
    ],
)
async def test_a_signed_request_that_can_not_be_read_says_what_is_wrong(
    bridge: Bridge, body: bytes, status: int, field: str
) -> None:
    answer = await bridge.post(body)
    assert answer.status_code == status, answer.content
    assert answer.data["code"] in {"invalid", "payload_too_large"}
    if field:
        assert field in answer.data["errors"]
    assert await bridge.events() == []


async def test_a_connection_that_is_not_there_is_as_if_no_such_address_existed(bridge: Bridge) -> None:
    base = "/v1/public/channels"
    other = uuid.uuid4()
    paths = [
        f"{base}/custom_webhook/{other}",
        f"{base}/twilio_nothing/{bridge.connection.id}",
        f"{base}/custom_webhook/{str(bridge.connection.id).upper()}",
        f"{base}/custom_webhook/x",
        f"{bridge.path}/status",
    ]
    answers = [await bridge.post(BODY, path=path) for path in paths]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    client: Any = AsyncClient()
    assert (await client.get(bridge.path)).status_code == 405


async def test_another_workspaces_secret_opens_nothing(bridge: Bridge, far: FarEnd) -> None:
    other = await asyncio.to_thread(lambda: make_bridge(factories.make_workspace(), far))
    answer = await bridge.post(BODY, other.signed(BODY))
    assert answer.status_code == 403
    assert await bridge.events() == []


async def test_an_event_that_nobody_can_answer_waits_and_says_why(bridge: Bridge) -> None:
    def without_assistant() -> None:
        bridge.connection.assistant = None
        bridge.connection.save()

    await bridge.inside(without_assistant)
    answer = await bridge.post(BODY)
    assert (answer.status_code, answer.data["conversation_id"]) == (202, None)
    await bridge.drain()
    event = (await bridge.events())[0]
    assert event.state == "received"
    assert "assistant" in event.reason
    assert event.remedy
    for _ in range(6):
        await bridge.now()
        await bridge.drain()
    assert (await bridge.events())[0].state == "failed"


async def test_a_number_that_answers_the_offered_options_is_a_tap(bridge: Bridge) -> None:
    await bridge.say("hello")
    await bridge.drain()
    greeting = next(m for m in await bridge.messages() if m.author_kind == "assistant")
    buttons = greeting.blocks[0]["buttons"] if greeting.blocks else []
    if not buttons:
        pytest.skip("the template greets without buttons")
    await bridge.say("1")
    await bridge.drain()
    tapped = [m for m in await bridge.messages() if m.author_kind == "visitor"][-1]
    assert tapped.payload == buttons[0]["payload"]


async def test_events_of_one_room_are_handled_in_the_order_they_came(bridge: Bridge) -> None:
    for number in range(12):
        await bridge.say(f"line {number}")
    await bridge.drain()
    texts = [m.text for m in await bridge.messages() if m.author_kind == "visitor"]
    assert texts == [f"line {number}" for number in range(12)]
    assert await bridge.inside(lambda: InboundEvent.objects.exclude(state="handled").count()) == 0
