"""Standard Webhooks both ways: the published vectors hold, and the reference library and ours agree."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from channels_app import connections
from convoship.lib import standard_webhooks
from tests.channels.conftest import Bridge

VECTORS: Any = json.loads((Path(__file__).parent / "contracts" / "standard_webhooks_vectors.json").read_text())


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda vector: vector["name"])
def test_the_published_vectors_hold(vector: Any) -> None:
    secret, now = vector.get("secret", VECTORS["secret"]), vector.get("now", VECTORS["now"])
    body = vector.get("payload", VECTORS["payload"]).encode()
    if vector["expect"] == "accept":
        assert standard_webhooks.verify([secret], vector["headers"], body, now) == vector["headers"]["webhook-id"]
        return
    with pytest.raises(standard_webhooks.NotGenuine):
        standard_webhooks.verify([secret], vector["headers"], body, now)


def test_our_signature_is_the_published_one() -> None:
    headers = VECTORS["vectors"][0]["headers"]
    made = standard_webhooks.headers_for(
        [VECTORS["secret"]], headers["webhook-id"], VECTORS["payload"].encode(), VECTORS["now"]
    )
    assert made == headers


@pytest.mark.asyncio
async def test_the_reference_library_takes_what_we_send_with_either_secret_while_it_is_rotated(bridge: Bridge) -> None:
    def rotate() -> str:
        held = connections.held(bridge.connection.id)
        return connections.rotate_secret(bridge.who, held, which="signing_secret", overlap_seconds=60).value

    old, new = bridge.secrets["signing_secret"], await bridge.inside(rotate)
    await bridge.say("hello – ünïcode")
    await bridge.drain()
    assert bridge.far.seen
    for seen in bridge.far.seen:
        for secret in (old, new):
            assert Webhook(secret).verify(seen.body, seen.headers)["type"] == "message.created"
        with pytest.raises(WebhookVerificationError):
            Webhook(standard_webhooks.new_secret()).verify(seen.body, seen.headers)
        with pytest.raises(WebhookVerificationError):
            Webhook(old).verify(seen.body + b" ", seen.headers)


@pytest.mark.asyncio
async def test_we_take_what_the_reference_library_has_signed(bridge: Bridge) -> None:
    body = json.dumps({"conversation_key": "room-1", "text": "hello – ünïcode"})
    now = dt.datetime.now(dt.UTC)
    headers = {
        "webhook-id": "msg_reference",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(bridge.secrets["inbound_secret"]).sign("msg_reference", now, body),
    }
    assert (await bridge.post(body.encode(), headers)).status_code == 202
    headers["webhook-signature"] = Webhook(standard_webhooks.new_secret()).sign("msg_reference", now, body)
    assert (await bridge.post(body.encode(), headers)).status_code == 403
