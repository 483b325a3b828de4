"""The samples of docs/samples/channels do what they say, in both directions."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from standardwebhooks.webhooks import WebhookVerificationError

from convoship.lib.threads import in_thread
from tests.channels.conftest import Bridge
from tests.channels.gateway import make_gateway

pytestmark = pytest.mark.asyncio


def sample(name: str) -> dict[str, Any]:
    return runpy.run_path(str(Path(settings.BASE_DIR) / "docs" / "samples" / "channels" / f"{name}.py"))


async def test_the_custom_webhooks_sample_sends_and_reads(bridge: Bridge) -> None:
    code = sample("custom_webhook")
    body, headers = code["message"]("hello", "room-1", bridge.secrets["inbound_secret"])
    assert [(await bridge.post(body, headers)).status_code for _ in range(2)] == [202, 200]
    await bridge.drain()
    seen = bridge.far.seen[0]
    assert code["read_event"](seen.body, seen.headers, bridge.secrets["signing_secret"])["type"] == "message.created"
    with pytest.raises(WebhookVerificationError):
        code["read_event"](seen.body + b" ", seen.headers, bridge.secrets["signing_secret"])


async def test_the_voice_gateways_sample_sends_and_reads(bridge: Bridge) -> None:
    code, gateway = sample("voice_gateway"), await in_thread(lambda: make_gateway(bridge.workspace, bridge.far))
    secret = gateway.secrets["inbound_secret"]
    body, headers = code["turn"](secret, call_id="c-1", transcript="hello", turn=1)
    assert (await gateway.post(body, headers)).status_code == 202
    await gateway.drain()
    (seen,) = gateway.far.seen
    assert code["read_reply"](secret, seen.body, seen.headers)["turn"] == 1
    for changed in (seen.body + b" ", b""):
        with pytest.raises(ValueError, match="not signed"):
            code["read_reply"](secret, changed, seen.headers)
