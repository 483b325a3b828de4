"""A visitor at the runtime API: real views, real PostgreSQL, through Django's asynchronous client."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
from django.test import AsyncClient

from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from deployments.deploying import NewDeployment
from deployments.models import AssistantVersion, Deployment
from deployments.responders import base
from deployments.responders.base import Reply, Say, TurnInput
from tests import factories
from workspaces.models import Workspace

ORIGIN = "https://shop.example"
BASE = "/v1/public/runtime"


@dataclass
class Site:
    """A web page of an allowed origin with a deployment's snippet in it."""

    made: NewDeployment
    origin: str | None = ORIGIN
    client: AsyncClient = field(default_factory=AsyncClient)

    @property
    def token(self) -> str:
        return self.made.token

    @property
    def agent_id(self) -> str:
        return str(self.made.deployment.assistant_id)

    @property
    def workspace_id(self) -> uuid.UUID:
        return self.made.deployment.workspace_id

    async def call(self, method: str, path: str, token: str | None, body: Any = None, **headers: str) -> Any:
        """Call the runtime API; the answer carries `.data`, its JSON."""
        sent = {"Origin": self.origin} if self.origin is not None else {}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        raw = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
        response: Any = await self.client.generic(
            method, BASE + path, raw, content_type="application/json", headers=sent | headers
        )
        response.data = json.loads(response.content) if response.content else None
        return response

    async def start(self, **changes: Any) -> Any:
        """`POST /sessions`."""
        body = {"agent_id": self.agent_id, "channel": "web", "client_id": str(uuid.uuid4())} | changes
        return await self.call("POST", "/sessions", self.token, body)

    async def say(self, session: Any, text: str, **more: Any) -> Any:
        """`POST /messages` in a session as `start` answered it."""
        body = {"client_id": str(uuid.uuid4()), "text": text} | more
        path = f"/sessions/{session['session']['id']}/messages"
        return await self.call("POST", path, session["session_token"], body)


async def act(site: Site, change: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """One of the acts on the site's deployment, by the workspace's owner."""

    def run() -> Any:
        with tenant(site.workspace_id):
            who = factories.actor(Workspace.objects.get(id=site.workspace_id))
            return change(who, Deployment.objects.get(id=site.made.deployment.id), *args, **kwargs)

    return await in_thread(run)


@pytest.fixture
def site(transactional_db: None) -> Site:
    """A live deployment on https://shop.example."""
    workspace = factories.make_workspace()
    return Site(factories.make_deployment(workspace, origins=(ORIGIN,)))


Script = Callable[[TurnInput], AsyncIterator[Reply]]


class Probe:
    """A responder whose answer each test writes."""

    kind: ClassVar[str] = "probe"
    script: Script

    def welcome(self, content: Mapping[str, Any], locale: str | None, channel: str, about: Any) -> Sequence[Say]:
        return [Say("Hello")]

    def answer(self, turn: TurnInput) -> AsyncIterator[Reply]:
        return self.script(turn)


@pytest.fixture
def probe(site: Site, monkeypatch: pytest.MonkeyPatch) -> Probe:
    """The site's assistant is answered by this."""
    found = Probe()
    monkeypatch.setitem(base._responders, "probe", found)
    with tenant(site.workspace_id):
        assistant = site.made.deployment.assistant
        assistant.published = AssistantVersion.objects.create(
            assistant=assistant, number=99, content={"name": "Probe", "responder": "probe", "probe": {}}
        )
        assistant.save()
    return found
