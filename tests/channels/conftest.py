"""A workspace with a custom webhook whose far end is a real server, and the worker's drain in the test's own hands."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest
from django.test import AsyncClient
from django.utils import timezone

from channels_app import connections
from channels_app.drain import Drain
from channels_app.models import Connection, Delivery, InboundEvent
from convoship.lib import standard_webhooks
from convoship.lib.actors import Actor
from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from deployments.models import Assistant, Message
from tests import factories
from tests.channels import far_end, twilio_end
from tests.channels.far_end import FarEnd
from workspaces.models import Workspace

R = TypeVar("R")


@pytest.fixture
def far(settings: Any) -> Iterator[FarEnd]:
    """A server of the customer's, which may be called although it is on this machine."""
    with far_end.running() as end:
        settings.OUTBOUND_ALLOWLIST = frozenset({("127.0.0.1", end.port)})
        yield end


@dataclass
class Bridge:
    """A custom webhook connection and both of its ends."""

    workspace: Workspace
    connection: Connection
    secrets: dict[str, str]
    far: FarEnd
    who: Actor
    owner: str
    client: AsyncClient = field(default_factory=AsyncClient)

    @property
    def path(self) -> str:
        return f"/v1/public/channels/custom_webhook/{self.connection.id}"

    def signed(self, body: bytes, message_id: str | None = None, secret: str | None = None) -> dict[str, str]:
        values = [secret or self.secrets["inbound_secret"]]
        return standard_webhooks.headers_for(values, message_id or f"msg_{uuid.uuid4().hex}", body)

    async def post(self, body: Any, headers: dict[str, str] | None = None, path: str | None = None) -> Any:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = self.signed(raw) if headers is None else headers
        response: Any = await self.client.generic(
            "POST", path or self.path, raw, content_type="application/json", headers=sent
        )
        response.data = json.loads(response.content) if response.content else None
        return response

    async def say(self, text: str, key: str = "room-1", **more: Any) -> Any:
        """A message of the bridge's; it has to be taken."""
        response = await self.post({"conversation_key": key, "text": text} | more)
        assert response.status_code in {200, 202}, response.content
        return response

    async def drain(self) -> None:
        """Work off what is due now."""
        await Drain().idle()

    async def inside(self, fn: Callable[..., R], *args: Any) -> R:
        """Call this in the workspace."""

        def run() -> R:
            with tenant(self.workspace.id):
                return fn(*args)

        return await in_thread(run)

    async def deliveries(self) -> list[Delivery]:
        return await self.inside(lambda: list(Delivery.objects.order_by("created_at", "position")))

    async def events(self) -> list[InboundEvent]:
        return await self.inside(lambda: list(InboundEvent.objects.order_by("received_at")))

    async def messages(self) -> list[Message]:
        return await self.inside(lambda: list(Message.objects.order_by("conversation", "seq")))

    async def refresh(self) -> Connection:
        return await self.inside(lambda: Connection.objects.get(id=self.connection.id))

    async def now(self) -> None:
        """Make everything that waits for a later try due at once."""

        def run() -> None:
            Delivery.objects.filter(status="queued").update(due_at=timezone.now())
            InboundEvent.objects.filter(state="received").update(due_at=timezone.now())
            Connection.objects.update(rests_until=None)

        await self.inside(run)


def make_bridge(workspace: Workspace, far: FarEnd, assistant: Assistant | None = None, **config: Any) -> Bridge:
    assistant = assistant or factories.make_assistant(workspace)
    with tenant(workspace.id):
        made = connections.create(
            factories.actor(workspace),
            kind="custom_webhook",
            name="Our bridge",
            assistant_id=assistant.id,
            config={
                "url": far.url,
                "events": ["message.created", "conversation.handoff", "conversation.ended"],
                **config,
            },
            credentials={},
        )
    who = factories.actor(workspace)
    return Bridge(workspace, made.connection, dict(made.secrets), far, who, factories.owner_of(workspace).email)


@pytest.fixture
def bridge(transactional_db: None, far: FarEnd) -> Bridge:
    """A connection that works."""
    return make_bridge(factories.make_workspace(), far)


@pytest.fixture
def twilio(settings: Any) -> Iterator[twilio_end.TwilioEnd]:
    """A Twilio on this machine."""
    settings.OUTBOUND_ALLOW_PRIVATE = True
    with twilio_end.running() as end:
        yield end


@pytest.fixture
def whatsapp(transactional_db: None, twilio: twilio_end.TwilioEnd) -> Any:
    """A WhatsApp connection that works."""
    from tests.channels import phones

    return phones.make_phone(factories.make_workspace(), twilio, kind="twilio_whatsapp", name="Our WhatsApp")


@pytest.fixture
def phone(transactional_db: None, twilio: twilio_end.TwilioEnd) -> Any:
    """An SMS connection that works."""
    from tests.channels import phones  # its `Phone` is a `Bridge`

    return phones.make_phone(factories.make_workspace(), twilio)


@pytest.fixture
def line(transactional_db: None, twilio: twilio_end.TwilioEnd) -> Any:
    """A number that is called, sentence by sentence."""
    from tests.channels import callers

    return callers.make_line(factories.make_workspace(), twilio)
