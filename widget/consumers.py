"""The visitor's socket (CONTRACT section 4): a window (`deployments.following`) that they also speak by."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from channels.consumer import get_handler_name
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer

from convoship.lib import client_ip
from convoship.lib.frame_rate import FrameRate
from convoship.lib.problems import Problem
from convoship.lib.tenancy import in_tenant
from convoship.lib.threads import in_thread
from deployments import entering, live, reading, turns, visits, whereabouts
from deployments.admission import Caller
from deployments.api.runtime import bodies
from deployments.entering import Visit
from deployments.following import Window, change, log_failure
from deployments.left_answers import LeftAnswers
from deployments.wire import message_json
from widget import frames
from widget.frames import Close

logger = logging.getLogger(__name__)

HELLO_SECONDS = 5.0

_CLOSE_FOR = {
    "token_missing": Close.TOKEN,
    "token_malformed": Close.TOKEN,
    "token_unknown": Close.TOKEN,
    "token_expired": Close.TOKEN,
    "not_found": Close.TOKEN,
    "token_revoked": Close.REVOKED,
    "origin_not_allowed": Close.REVOKED,
    "origin_missing": Close.REVOKED,
    "conversation_ended": Close.ENDED,
}


class VisitorConsumer(Window, AsyncWebsocketConsumer):
    """One visitor's socket."""

    # Live events come through the process' hub, so a socket needs no channel of its own, and none while Valkey is away.
    channel_layer_alias = "no channel of its own"

    async def dispatch(self, message: Mapping[str, Any]) -> None:
        """As Channels', without its hop to a thread before every frame: the acts give back their connections."""
        handler = getattr(self, get_handler_name(message), None)
        if handler is None:
            raise ValueError(f"no handler for the message type {message['type']}")
        await handler(message)

    async def connect(self) -> None:
        """Refuse an unknown session or a foreign origin before accepting; then wait for hello."""
        self.begin(self.scope["url_route"]["kwargs"]["session_id"], self._caller())
        self.frame_rate = FrameRate()
        offered = self.scope.get("subprotocols", [])
        if frames.PROTOCOL not in offered:
            await self.close()
            return
        if not await in_thread(entering.may_connect, self.session_id, self.caller):
            await self.close()
            return
        await self.accept(subprotocol=frames.PROTOCOL)
        self.waiting_for_hello = asyncio.get_running_loop().call_later(HELLO_SECONDS, self._no_hello)

    def _caller(self) -> Caller:
        values = [value for name, value in self.scope["headers"] if name == b"origin"]
        origin = values[0].decode("latin-1") if len(values) == 1 else None
        return Caller(origin, client_ip.of_scope(self.scope))

    def _no_hello(self) -> None:
        if self.visit is None:
            self._close_soon(Close.NO_HELLO)

    def _close_soon(self, code: int) -> None:
        if not self.closing:
            self.closing = True
            task = asyncio.get_running_loop().create_task(self.close(code))
            task.add_done_callback(log_failure)

    # --- What the visitor sends ---------------------------------------------------------------------------------

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """One frame of the visitor."""
        if self.closing:
            return
        if text_data is None:
            await self.error(Problem("invalid", "Frames are text, not binary."))
            return
        if len(text_data) > frames.LARGEST_FROM_CLIENT or len(text_data.encode()) > frames.LARGEST_FROM_CLIENT:
            self._close_soon(Close.TOO_LARGE)
            return
        if self.frame_rate.is_too_high():
            self._close_soon(Close.RATE)
            return
        client_id = None
        try:
            kind, frame = frames.parse(text_data)
            if isinstance(frame.get("client_id"), str):
                client_id = frame["client_id"][:64]
            await self._handle(kind, frame)
        except Problem as problem:
            await self.error(problem, client_id)
            code = _CLOSE_FOR.get(problem.code)
            if code is None and problem.extra.get("reason") == "paused":
                code = Close.OVERLOAD
            if code is not None:
                self._close_soon(code)
        except Exception:
            logger.exception("a frame of session %s broke the socket's handler", self.session_id)
            await self.error(Problem("internal", "Something broke on our side. It has been logged."), client_id)

    async def _handle(self, kind: str, frame: Mapping[str, Any]) -> None:
        if kind == "hello":
            await self._hello(frames.hello(frame))
        elif self.visit is None:
            raise Problem("token_missing", "The first frame must be hello, with the session's token.")
        elif kind == "message.send":
            await self._send_message(self.visit, frame)
        elif kind == "message.stop":
            await in_thread(visits.stop, self.visit, self.caller, bodies.stop(frame))
        elif kind == "typing":
            live.tell_typing(
                self.visit.workspace_id, self.visit.conversation_id, {"kind": "visitor"}, on=frame.get("on") is True
            )
        elif kind == "read":
            await reading.Reads.get().note(self.visit.workspace_id, self.visit.conversation_id, frames.read(frame))
        elif kind == "ping":
            await self.frame("pong")

    async def _hello(self, hello: frames.Hello) -> None:
        if self.visit is not None:
            raise Problem("invalid", "hello was said already.")
        try:
            conversation = await self.open(hello.token, after=hello.after, rev=hello.rev)
        except Problem as problem:
            if problem.code != "rate_limited":
                raise
            await self.error(problem)
            self._close_soon(Close.RATE)
            return
        self.waiting_for_hello.cancel()
        if self.visit is not None and whereabouts.is_elsewhere(conversation, hello.page):
            await in_tenant(whereabouts.note)(self.visit.workspace_id, conversation, hello.page)
        self.follow()

    async def _send_message(self, visit: Visit, frame: Mapping[str, Any]) -> None:
        message = bodies.visitor_message(frame)
        posted = await in_thread(lambda: visits.post(visit, self.caller, message, is_watched=True))
        if not posted.is_new:
            # Said before: the sender may have missed that it was taken, so it is told again.
            await self.frame("message.created", message=message_json(posted.message))
            return
        self.hear(change([posted.message, *posted.replies], posted.conversation))
        if posted.claim is not None:
            answering = asyncio.get_running_loop().create_task(self._answer(posted.claim))
            answering.add_done_callback(log_failure)
        elif posted.left is not None:
            # Its answer comes by live events, as any that another process writes.
            LeftAnswers.get().add(posted.left)

    async def _answer(self, claim: turns.Claim) -> None:
        """Take the turn and put its answer on this socket at once; the other listeners hear of it by the layer."""
        if replies := await turns.in_background(claim, is_watched=True, types=True):
            self.hear(change(replies))

    # --- What the visitor is told (`Window`) --------------------------------------------------------------------

    async def put(self, kind: str, text: str) -> None:
        """One frame."""
        await self.send(text_data=text)

    def shut(self, problem: Problem | None) -> None:
        """Close with the code that says why."""
        self._close_soon(_CLOSE_FOR.get(problem.code, Close.OVERLOAD) if problem else Close.OVERLOAD)

    async def websocket_disconnect(self, message: Mapping[str, Any]) -> None:
        """Leave nothing behind."""
        if hasattr(self, "waiting_for_hello"):
            self.waiting_for_hello.cancel()
        await self.leave()
        raise StopConsumer
