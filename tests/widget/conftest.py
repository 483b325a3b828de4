"""A visitor's socket, in process: the real ASGI application under Channels' communicator."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, ClassVar
from uuid import UUID

import pytest_asyncio
from channels.testing import WebsocketCommunicator

from deployments import live
from tests.runtime.conftest import ORIGIN, Probe, Site, probe, site

__all__ = ["Probe", "Site", "Socket", "probe", "site"]


class Socket(WebsocketCommunicator):
    """A communicator with the handshake of a browser on an allowed page."""

    all: ClassVar[list[Socket]] = []

    def __init__(self, path: str, origin: str | None = ORIGIN, protocols: tuple[str, ...] = ("convoship.v1",)) -> None:
        from convoship.asgi import application

        headers = [(b"host", b"127.0.0.1")]
        if origin is not None:
            headers.append((b"origin", origin.encode()))
        super().__init__(application, path, headers=headers, subprotocols=list(protocols))
        self.all.append(self)
        self.scope["client"] = ["127.0.0.1", 4711]

    @classmethod
    def of(cls, session: Any, **how: Any) -> Socket:
        """The socket of a session as the session start answered it."""
        return cls(f"/v1/public/runtime/sessions/{session['session']['id']}/socket", **how)

    async def say(self, kind: str, **body: Any) -> None:
        """Send a frame."""
        await self.send_to(text_data=json.dumps({"type": kind, **body}))

    async def hear(self, kind: str | None = None, timeout: float = 6) -> dict[str, Any]:  # noqa: ASYNC109
        """The next frame, or the next of this kind."""
        while True:
            frame = json.loads(await self.receive_from(timeout))
            if kind is None or frame["type"] == kind:
                return frame

    async def hears_within(self, seconds: float) -> set[str]:
        """The kinds of the frames that come in so many seconds."""
        kinds = set()
        while not await self.receive_nothing(seconds):
            kinds.add((await self.hear())["type"])
        return kinds

    async def hears_live(self, workspace_id: UUID) -> None:
        """Wait until live events reach this process: of what is told before, the pulse alone brings what came of it."""
        async with asyncio.timeout(10):
            await live.Hub.get().hears(live.workspace_group(workspace_id))

    async def closed(self, timeout: float = 8) -> int:  # noqa: ASYNC109
        """The close code, whatever frames come before it."""
        while True:
            event = await self.receive_output(timeout)
            if event["type"] == "websocket.close":
                return event["code"]

    async def open(self, session: Any, **hello: Any) -> dict[str, Any]:
        """Connect, say hello, and give the welcome frame."""
        accepted, protocol = await self.connect(timeout=3)
        assert (accepted, protocol) == (True, "convoship.v1")
        await self.say("hello", token=session["session_token"], **hello)
        return await self.hear("welcome")


@pytest_asyncio.fixture(autouse=True)
async def hub_of_this_loop() -> AsyncIterator[None]:
    """Each test has an event loop of its own, and so a hub of its own, which ends with it."""
    yield
    for socket in Socket.all:
        await socket.wait(0.01)
    Socket.all.clear()
    async with asyncio.timeout(5):
        await live.Hub.get().close()
