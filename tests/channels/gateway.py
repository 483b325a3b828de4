"""A customer's voice gateway: it signs as CONTRACT section 6 says, by its own code, and is called back for answers."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import httpx

from channels_app import connections
from convoship.lib.tenancy import tenant
from deployments.models import Assistant, AssistantVersion
from deployments.responders.base import Reply, Say, TurnInput
from tests import factories
from tests.channels.conftest import Bridge
from tests.channels.far_end import FarEnd
from workspaces.models import Workspace


@dataclass
class Gateway(Bridge):
    """A voice gateway connection and both of its ends."""

    @property
    def path(self) -> str:
        return f"/v1/public/channels/voice_gateway/{self.connection.id}"

    def signed(
        self, body: bytes, message_id: str | None = None, secret: str | None = None, at: float | None = None
    ) -> dict[str, str]:
        key = (secret or self.secrets["inbound_secret"]).encode()
        if at is None:
            return {"X-Convoship-Signature": hmac.new(key, body, hashlib.sha256).hexdigest()}
        stamp = str(int(at))
        digest = hmac.new(key, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        return {"X-Convoship-Signature": digest, "X-Convoship-Timestamp": stamp}

    async def post(self, body: Any, headers: dict[str, str] | None = None, path: str | None = None) -> Any:
        """To the product's ASGI application, as its server calls it: a request that waits is one of many."""
        from convoship.asgi import application

        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json"} | (self.signed(raw) if headers is None else headers)
        transport = httpx.ASGITransport(app=application)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            response: Any = await client.post(path or self.path, content=raw, headers=sent)
        response.data = json.loads(response.content) if response.content else None
        return response

    async def turn(self, transcript: str = "", call: str = "call-1", *, inline: bool = False, **more: Any) -> Any:
        """Something that the caller says; answered inline or by a request to the far end."""
        body = {"call_id": call, "transcript": transcript} | more
        return await self.post(body, path=f"{self.path}?reply=inline" if inline else None)

    async def spoken(self) -> list[Any]:
        """The replies that were posted so far, once nothing is left to be done."""
        await self.drain()
        return [seen.json for seen in self.far.seen]


def make_gateway(workspace: Workspace, far: FarEnd, assistant: Assistant | None = None, **config: Any) -> Gateway:
    who = factories.actor(workspace)
    assistant = assistant or factories.make_assistant(workspace)
    given = {"mode": "turns", "gateway_url": far.url} | config
    with tenant(workspace.id):
        made = connections.create(
            who,
            kind="voice_gateway",
            name="Our telephones",
            assistant_id=assistant.id,
            config={name: value for name, value in given.items() if value is not None},
            credentials={},
        )
    return Gateway(workspace, made.connection, dict(made.secrets), far, who, factories.owner_of(workspace).email)


Script = Callable[[TurnInput], AsyncIterator[Reply]]


class Probe:
    """A responder that takes its time, and whose answer each test writes."""

    kind: ClassVar[str] = "probe"
    script: Script

    def welcome(self, content: Mapping[str, Any], locale: str | None, channel: str, about: Any) -> Sequence[Say]:
        return [Say("Hello")]

    def answer(self, turn: TurnInput) -> AsyncIterator[Reply]:
        return self.script(turn)


def answered_by_probe(gateway: Gateway) -> None:
    """Let the gateway's assistant be answered by the probe."""
    with tenant(gateway.workspace.id):
        assistant = gateway.connection.assistant
        assert assistant is not None
        assistant.published = AssistantVersion.objects.create(
            assistant=assistant, number=99, content={"name": "Probe", "responder": "probe", "probe": {}}
        )
        assistant.save()


async def came_to(condition: Callable[[], Awaitable[object]], seconds: float = 20) -> None:
    """Wait until this is true."""
    ends_at = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < ends_at, "it did not come to that"
        await asyncio.sleep(0.02)
