"""What comes in while a secret can't be decrypted: neither taken nor refused, but to be sent again (R14)."""

from __future__ import annotations

import json
import logging
import os
from typing import Any

import pytest

from channels_app import connections, health
from channels_app.models import Connection, ConnectionSecret, RefusedRequest
from channels_app.providers.base import InboundRequest, SignatureInvalid
from channels_app.providers.custom_webhook import CustomWebhook
from tests.channels.conftest import Bridge
from workspaces import secret_store
from workspaces.models import Secret

pytestmark = pytest.mark.asyncio
BODY = json.dumps({"conversation_key": "room-1", "text": "hello"}).encode()


async def standing(bridge: Bridge) -> health.Standing:
    return await bridge.inside(
        lambda: health.standing(Connection.objects.select_related("assistant").get(id=bridge.connection.id))
    )


async def test_while_the_inbound_secret_can_not_be_read_senders_are_told_to_come_again(
    bridge: Bridge, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    kept = settings.SECRETS_KEYS
    settings.SECRETS_KEYS = [os.urandom(32)]
    for headers in (None, {}, bridge.signed(BODY, secret="whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")):
        with caplog.at_level(logging.ERROR):
            answer = await bridge.post(BODY, headers)
        assert (answer.status_code, answer.data["code"]) == (503, "unavailable")
        assert answer["Retry-After"] == "60"
        assert "secret" not in answer.data["detail"]
    assert f"connection {bridge.connection.id}: The inbound secret can't be decrypted" in caplog.text
    assert bridge.secrets["inbound_secret"] not in caplog.text
    assert await bridge.events() == []
    assert await bridge.inside(RefusedRequest.objects.count) == 0
    line = await standing(bridge)
    assert line.tone == "bad"
    assert "inbound secret can't be decrypted" in line.words
    assert "CONVOSHIP_SECRETS_KEYS" in line.remedy
    assert "rotate the inbound secret" in line.remedy
    # With the key back the same request is taken, and the line is as before.
    settings.SECRETS_KEYS = kept
    assert (await bridge.post(BODY)).status_code == 202
    assert (await standing(bridge)).tone == "good"
    assert (await bridge.post(BODY, {})).status_code == 403


async def test_a_new_inbound_secret_mends_it_while_the_old_one_still_counts(bridge: Bridge, settings: Any) -> None:
    settings.SECRETS_KEYS = [os.urandom(32)]
    assert (await bridge.post(BODY)).status_code == 503

    def rotate() -> str:
        held = connections.held(bridge.connection.id)
        return connections.rotate_secret(bridge.who, held, which="inbound_secret", overlap_seconds=3600).value

    new = await bridge.inside(rotate)
    assert (await bridge.post(BODY, bridge.signed(BODY, secret=new))).status_code == 202
    assert (await standing(bridge)).tone == "good"
    # Signed with the old one, which still counts and can't be read: nobody can say whether it is genuine.
    assert (await bridge.post(BODY, bridge.signed(BODY))).status_code == 503


async def test_a_signing_secret_that_can_not_be_read_is_no_reason_to_take_or_put_off_what_comes_in(
    bridge: Bridge,
) -> None:
    await bridge.inside(lambda: ConnectionSecret.objects.filter(which="signing_secret").update(sealed=b"spoilt"))
    assert (await bridge.post(BODY)).status_code == 202
    assert (await bridge.post(BODY, {})).status_code == 403


async def test_what_can_not_be_signed_waits_says_why_and_goes_on_once_the_signing_secret_is_rotated(
    bridge: Bridge,
) -> None:
    await bridge.inside(lambda: ConnectionSecret.objects.filter(which="signing_secret").update(sealed=b"spoilt"))
    await bridge.say("hello")
    await bridge.drain()
    assert bridge.far.seen == []
    first = (await bridge.deliveries())[0]
    assert first.standing == "parked"
    assert first.reason == "The signing secret can't be decrypted, so nothing can be signed."
    assert "CONVOSHIP_SECRETS_KEYS" in first.remedy
    assert "rotate the signing secret" in first.remedy
    line = await standing(bridge)
    assert (line.tone, first.reason in line.words, line.remedy) == ("bad", True, first.remedy)

    def rotate() -> None:
        held = connections.held(bridge.connection.id)
        connections.rotate_secret(bridge.who, held, which="signing_secret")

    await bridge.inside(rotate)
    await bridge.drain()
    assert {row.status for row in await bridge.deliveries()} == {"delivered"}
    assert (await standing(bridge)).tone == "good"


async def test_without_a_signing_secret_what_is_sent_says_that_there_is_none(bridge: Bridge) -> None:
    await bridge.inside(lambda: ConnectionSecret.objects.filter(which="signing_secret").delete())
    await bridge.say("hello")
    await bridge.drain()
    first = (await bridge.deliveries())[0]
    assert (first.standing, first.reason, first.remedy) == (
        "parked",
        "The connection has no signing secret to sign with.",
        "Rotate its signing secret.",
    )


async def test_the_same_holds_for_a_credential_that_requests_are_checked_with(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    def by_token(self: CustomWebhook, request: InboundRequest) -> None:
        if not self.account.credentials.get("token"):
            raise SignatureInvalid("no_secret", "There is no token.")

    monkeypatch.setattr(CustomWebhook, "validate_request", by_token)

    def write() -> None:
        secret_store.write(bridge.who, "provider_token", "a token of the provider's")
        Connection.objects.update(credentials={"token": "provider_token"})

    await bridge.inside(write)
    assert (await bridge.post(BODY)).status_code == 202
    await bridge.inside(lambda: Secret.objects.update(sealed=b"spoilt"))
    assert (await bridge.post(BODY)).status_code == 503
    assert "write provider_token again" in (await standing(bridge)).remedy
    await bridge.inside(lambda: secret_store.delete(bridge.who, "provider_token"))
    assert (await bridge.post(BODY)).status_code == 403


async def test_without_any_secret_everything_is_refused(bridge: Bridge) -> None:
    await bridge.inside(lambda: ConnectionSecret.objects.all().delete())
    answer = await bridge.post(BODY)
    assert (answer.status_code, answer.data["code"]) == (403, "signature_invalid")
    row = await bridge.inside(RefusedRequest.objects.get)
    assert row.reason == "no_secret"
