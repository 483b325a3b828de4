"""The relay's socket, where ConversationRelay tells what a caller said and takes what they are to hear.

A raw ASGI endpoint: a frame is read, looked at and handed to the session on the event loop, without a thread for it.
Who connects is judged before they are accepted, by the signature of the handshake; for which call is then said by the
first frame, whose ticket is good once and for that call alone (RELIABILITY R26, R30).

Close codes: 1000 the session is over, 1008 too many frames, 1009 a frame too large, 4401 no call for this ticket,
4408 no setup, 1013 we are too busy.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

from django.conf import settings

from channels_app.providers.base import Capability
from channels_app.voice import handshakes, relay_acts, relay_frames
from channels_app.voice.relay_frames import BadFrame, Setup
from channels_app.voice.relay_session import Session
from convoship.lib.frame_rate import FrameRate
from convoship.lib.tenancy import in_tenant

logger = logging.getLogger(__name__)

PART = "relay"
SETUP_SECONDS = 5.0
FRAMES_PER_SECOND = 60
# Frames that can't be read, in a row, until who sends them is no Twilio.
MOST_BAD_FRAMES = 20

OVER, RATE, TOO_LARGE, OVERLOAD, NO_CALL, NO_SETUP = 1000, 1008, 1009, 1013, 4401, 4408

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


async def relay(scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
    """One socket, from its handshake to its end."""
    if (await receive())["type"] != "websocket.connect":
        return
    knock = await handshakes.admitted(scope, PART, Capability.RELAYED, settings.PUBLIC_BASE_URL)
    if knock is None:
        # Before it is accepted: the other side sees 403.
        await send({"type": "websocket.close", "code": 4403})
        return
    await send({"type": "websocket.accept"})
    await _Socket(knock.workspace_id, knock.connection_id, receive, send).run()


# --- Afterwards -------------------------------------------------------------------------------------------------------


class _Socket:
    """An accepted socket: its limits, its first frame, and then the session's frames both ways."""

    def __init__(self, workspace_id: UUID, connection_id: UUID, receive: Receive, send: Send) -> None:
        self.workspace_id, self.connection_id = workspace_id, connection_id
        self.receive, self.send = receive, send
        self.frame_rate = FrameRate(FRAMES_PER_SECOND, 1.0)
        self.bad = 0
        self.is_gone = False

    async def run(self) -> None:
        """Until either side ends it."""
        try:
            async with asyncio.timeout(SETUP_SECONDS):
                setup = await self._first()
        except TimeoutError:
            await self._close(NO_SETUP)
            return
        if setup is None:
            return
        admitted = await in_tenant(relay_acts.admit)(self.workspace_id, self.connection_id, setup)
        if admitted is None:
            await self._close(NO_CALL)
            return
        session = Session(admitted, self._put)
        loop = asyncio.get_running_loop()
        conducting = loop.create_task(session.conduct())
        reading = loop.create_task(self._read(session))
        try:
            await asyncio.wait({conducting, reading}, return_when=asyncio.FIRST_COMPLETED)
            if reading.done() and not conducting.done():
                session.close()
                # It writes down how far it was heard.
                await asyncio.wait({conducting}, timeout=10)
        finally:
            for task in (conducting, reading):
                task.cancel()
            await asyncio.gather(conducting, reading, return_exceptions=True)
        if not self.is_gone:
            await self._close(OVER)
        for task in (conducting, reading):
            if not task.cancelled() and task.exception() is not None:
                logger.error("a relay session of call %s broke", admitted.call_id, exc_info=task.exception())

    async def _first(self) -> Setup | None:
        """The first frame has to be the setup; None where the socket is closed over it."""
        text = await self._next()
        if text is None:
            return None
        try:
            frame = relay_frames.parse(text)
        except BadFrame:
            frame = None
        if isinstance(frame, Setup):
            return frame
        await self._close(NO_SETUP)
        return None

    async def _read(self, session: Session) -> None:
        """Hand frames over until the socket ends. Nothing here waits for anything else than the next frame."""
        while (text := await self._next()) is not None:
            try:
                frame = relay_frames.parse(text)
            except BadFrame as error:
                self.bad += 1
                logger.info("a frame of call %s can't be read: %s", session.call_id, error)
                if self.bad >= MOST_BAD_FRAMES:
                    await self._close(RATE)
                    return
                continue
            self.bad = 0
            session.hear(frame)

    async def _next(self) -> str | None:
        """The text of the next frame; None once the socket is closed, be it by its limits."""
        while True:
            event = await self.receive()
            if event["type"] == "websocket.disconnect":
                self.is_gone = True
                return None
            if event["type"] != "websocket.receive":
                continue
            text, data = event.get("text"), event.get("bytes")
            length = len(data) if data is not None else len(text.encode("utf-8", "surrogatepass")) if text else 0
            if length > relay_frames.LARGEST_FRAME:
                await self._close(TOO_LARGE)
                return None
            if self.frame_rate.is_too_high():
                await self._close(RATE)
                return None
            if text is not None:
                return str(text)
            # (Frames are text; one of bytes is none of Twilio's.)

    async def _put(self, frame: str) -> None:
        if not self.is_gone:
            await self.send({"type": "websocket.send", "text": frame})

    async def _close(self, code: int) -> None:
        if not self.is_gone:
            self.is_gone = True
            await self.send({"type": "websocket.close", "code": code})
