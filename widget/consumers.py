"""The visitor's socket (CONTRACT section 4, Socket).

A socket remembers the `rev` it has sent. Whatever it hears (its own posts, live events, the pulse) is compared with
that: the very next change is sent on, anything further makes it read what lies between from the database. So frames
may be lost, doubled or late on the way here, and the visitor still sees each change once and in order.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
import uuid
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from channels.consumer import get_handler_name
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.utils import timezone

from convoship.lib import client_ip, limiting
from convoship.lib.frame_rate import FrameRate
from convoship.lib.problems import Problem
from convoship.lib.tenancy import in_tenant
from convoship.lib.threads import in_thread
from deployments import entering, live, reading, turns, visits, whereabouts
from deployments.admission import Caller
from deployments.api.runtime import bodies
from deployments.doors import SessionPulse
from deployments.entering import Visit
from deployments.models import Conversation, Message
from deployments.models.conversation import Control
from deployments.visits import Page
from deployments.wire import message_json, session_json
from widget import frames
from widget.frames import Close
from widget.pulse import Pulse

logger = logging.getLogger(__name__)

HELLO_SECONDS = 5.0
HEAD_WHEN_QUIET_SECONDS = 25.0
RENEW_SOCKET_SECONDS = 20.0
TYPING_AFTER_SECONDS = 0.4
MOST_WAITING_EVENTS = 1000
CATCH_UP_LIMIT = 200

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


class VisitorConsumer(AsyncWebsocketConsumer):
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
        self.session_id: UUID = self.scope["url_route"]["kwargs"]["session_id"]
        self.socket_id = uuid.uuid4().hex
        self.visit: Visit | None = None
        self.rev = self.head_seq = 0
        self.state: dict[str, str | None] = {}
        self.access_rev = 0
        self.shuts_at = timezone.now()
        self.events: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue()
        self.writer: asyncio.Task[None] | None = None
        self.closing = False
        self.sent_since_head = False
        self.head_sent_at = self.renewed_at = time.monotonic()
        self.frame_rate = FrameRate()
        self.caller = self._caller()
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
            task.add_done_callback(_log_failure)

    # --- What the visitor sends ---------------------------------------------------------------------------------

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """One frame of the visitor."""
        if self.closing:
            return
        if text_data is None:
            await self._error(Problem("invalid", "Frames are text, not binary."))
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
            await self._error(problem, client_id)
            code = _CLOSE_FOR.get(problem.code)
            if code is None and problem.extra.get("reason") == "paused":
                code = Close.OVERLOAD
            if code is not None:
                self._close_soon(code)
        except Exception:
            logger.exception("a frame of session %s broke the socket's handler", self.session_id)
            await self._error(Problem("internal", "Something broke on our side. It has been logged."), client_id)

    async def _handle(self, kind: str, frame: Mapping[str, Any]) -> None:
        if kind == "hello":
            await self._hello(frames.hello(frame))
        elif self.visit is None:
            raise Problem("token_missing", "The first frame must be hello, with the session's token.")
        elif kind == "message.send":
            await self._send_message(self.visit, frame)
        elif kind == "typing":
            live.tell_typing(
                self.visit.workspace_id, self.visit.conversation_id, {"kind": "visitor"}, on=frame.get("on") is True
            )
        elif kind == "read":
            await reading.Reads.get().note(self.visit.workspace_id, self.visit.conversation_id, frames.read(frame))
        elif kind == "ping":
            await self._frame("pong")

    async def _hello(self, hello: frames.Hello) -> None:
        if self.visit is not None:
            raise Problem("invalid", "hello was said already.")
        visit = await in_thread(visits.resolve, hello.token, self.session_id)
        if not await in_thread(limiting.take_socket, str(visit.workspace_id), str(visit.session_id), self.socket_id):
            raise_close = Problem("rate_limited", "Too many windows are open for this conversation.", retry_after=30)
            await self._error(raise_close)
            self._close_soon(Close.RATE)
            return
        self.visit = visit
        # Listen first, read afterwards: what happens in between is then heard, and not lost.
        for group in self._groups(visit):
            live.Hub.get().listen(group, self.hear)
        page, streaming = await in_thread(
            visits.resume, visit, self.caller, after=hello.after, rev=hello.rev, limit=CATCH_UP_LIMIT
        )
        self.waiting_for_hello.cancel()
        await self._welcome(page, streaming)
        if whereabouts.is_elsewhere(page.conversation, hello.page):
            await in_tenant(whereabouts.note)(visit.workspace_id, page.conversation, hello.page)
        self.writer = asyncio.get_running_loop().create_task(self._write())
        self.writer.add_done_callback(_log_failure)
        Pulse.get().watch(self)

    def _groups(self, visit: Visit) -> tuple[str, str]:
        return (
            live.conversation_group(visit.workspace_id, visit.conversation_id),
            live.deployment_group(visit.workspace_id, visit.deployment_id),
        )

    async def _welcome(self, page: Page, streaming: list[Message]) -> None:
        conversation = page.conversation
        messages = [message_json(message) for message in page.messages]
        told = {message["id"] for message in messages}
        unfinished = [message_json(message) for message in streaming if str(message.id) not in told]
        has_more, rev = page.has_more, page.next_rev
        head = {"type": "welcome", "session": session_json(self.session_id, conversation)}
        while messages:
            body = {**head, "messages": messages + unfinished, "rev": rev, "has_more": has_more}
            if len(_dump(body).encode()) <= frames.LARGEST_FROM_SERVER:
                break
            messages = messages[: len(messages) // 2]
            has_more, rev = True, messages[-1]["rev"] if messages else 0
        body = {**head, "messages": messages + unfinished, "rev": rev, "has_more": has_more}
        # With has_more the client pages by HTTP up to the head before it applies what comes live.
        self.rev, self.head_seq = conversation.rev, conversation.head_seq
        self.state = _state(conversation)
        self.access_rev, self.shuts_at = page.access_rev, page.shuts_at
        await self.send(text_data=_dump(body))
        self.sent_since_head = True

    async def _send_message(self, visit: Visit, frame: Mapping[str, Any]) -> None:
        posted = await in_thread(visits.post, visit, self.caller, bodies.visitor_message(frame))
        if not posted.is_new:
            # Said before: the sender may have missed that it was taken, so it is told again.
            await self._frame("message.created", message=message_json(posted.message))
            return
        self.hear(_change([posted.message, *posted.replies], posted.conversation))
        if posted.claim is not None:
            answering = asyncio.get_running_loop().create_task(self._answer(visit, posted.claim))
            answering.add_done_callback(_log_failure)

    async def _answer(self, visit: Visit, claim: turns.Claim) -> None:
        """Take the turn and put its answer on this socket at once; the other listeners hear of it by the layer."""
        turn = turns.in_background(claim)
        done, _ = await asyncio.wait({turn}, timeout=TYPING_AFTER_SECONDS)
        if not done:
            author = {"kind": "assistant", "name": claim.version.content["name"]}
            live.tell_typing(visit.workspace_id, visit.conversation_id, author, on=True)
        replies = await turn
        if replies:
            self.hear(_change(replies))

    # --- What the visitor is told -------------------------------------------------------------------------------

    def hear(self, event: Mapping[str, Any]) -> None:
        """Something happened; never blocks. A reader too slow to be told is let go, and resumes when it is back."""
        if self.closing:
            return
        if self.events.qsize() >= MOST_WAITING_EVENTS:
            self._close_soon(Close.OVERLOAD)
            return
        self.events.put_nowait(event)

    def on_pulse(self, pulse: SessionPulse | None) -> None:
        """The session as the database has it now."""
        if pulse is None:
            self._close_soon(Close.TOKEN)
        else:
            self.hear({"type": "pulse", "pulse": pulse})

    async def _write(self) -> None:
        while not self.closing:
            event = await self.events.get()
            try:
                await self._tell(event)
            except Problem as problem:
                await self._error(problem)
                self._close_soon(_CLOSE_FOR.get(problem.code, Close.OVERLOAD))
            except Exception:
                # A database that is away for a moment: the next pulse finds what was not told.
                logger.exception("session %s was not told of %s", self.session_id, event.get("type"))

    async def _tell(self, event: Mapping[str, Any]) -> None:
        match event["type"]:
            case "change":
                await self._tell_change(event)
            case "pulse":
                await self._tell_pulse(event["pulse"])
            case "deployment":
                await self._check_access()
            case "token":
                await self._frame("token", message_id=event["message_id"], index=event["index"], text=event["text"])
            case "read":
                await self._frame("read", seq=event["seq"])
            case "typing" if event["author"].get("kind") != "visitor":
                await self._frame("typing", author=event["author"], on=event["on"])

    async def _tell_change(self, event: Mapping[str, Any]) -> None:
        new = [message for message in event["messages"] if message["rev"] > self.rev]
        follows_on = [message["rev"] for message in new] == list(range(self.rev + 1, self.rev + 1 + len(new)))
        if new and follows_on:
            await self._tell_messages(new)
        elif new or event.get("rev", 0) > self.rev:
            await self._catch_up()
            return
        await self._tell_state(event)

    async def _tell_messages(self, messages: Iterable[Mapping[str, Any]]) -> None:
        for message in messages:
            kind = "message.created" if message["seq"] > self.head_seq else "message.updated"
            self.rev = max(self.rev, message["rev"])
            self.head_seq = max(self.head_seq, message["seq"])
            await self._frame(kind, message=message)

    async def _tell_state(self, event: Mapping[str, Any]) -> None:
        state = {name: event[name] for name in ("status", "control") if name in event}
        # An event doesn't say what a conversation waits for.
        is_known = state.items() <= self.state.items() and state.get("control") != Control.WAITING
        if not state or is_known or event.get("rev", self.rev) < self.rev:
            return
        await self._tell_session((await self._read()).conversation)

    async def _tell_session(self, conversation: Conversation) -> None:
        now = _state(conversation)
        if now != self.state:
            self.state = now
            await self._frame("session.updated", session=session_json(self.session_id, conversation))

    async def _tell_pulse(self, pulse: SessionPulse) -> None:
        # Time that runs out rings no bell and moves no count.
        if pulse.access_rev != self.access_rev or timezone.now() >= self.shuts_at:
            await self._check_access()
            self.access_rev = pulse.access_rev
        now = time.monotonic()
        is_other = (pulse.status, pulse.control) != (self.state["status"], self.state["control"])
        # What it waits for changes without a message too: where the bell for that was lost, it is looked up in time.
        is_old = pulse.control == Control.WAITING and now - self.head_sent_at >= HEAD_WHEN_QUIET_SECONDS
        if pulse.rev > self.rev or is_other or is_old:
            await self._catch_up()
        if self.sent_since_head or now - self.head_sent_at >= HEAD_WHEN_QUIET_SECONDS:
            await self._frame("head", seq=self.head_seq, rev=self.rev)
            self.sent_since_head, self.head_sent_at = False, now
        if now - self.renewed_at > RENEW_SOCKET_SECONDS and self.visit is not None:
            self.renewed_at = now
            workspace, session = str(self.visit.workspace_id), str(self.visit.session_id)
            await in_thread(limiting.take_socket, workspace, session, self.socket_id)

    async def _catch_up(self) -> None:
        """Read and tell all that changed after what was told."""
        while True:
            page = await self._read(CATCH_UP_LIMIT)
            await self._tell_messages(message_json(message) for message in page.messages)
            if not page.has_more:
                break
        self.rev = max(self.rev, page.conversation.rev)
        await self._tell_session(page.conversation)

    async def _check_access(self) -> None:
        """Raise what keeps the visitor out now, if anything does."""
        self.shuts_at = (await self._read()).shuts_at

    async def _read(self, limit: int = 0) -> Page:
        if self.visit is None:
            raise Problem("token_missing", "The first frame must be hello, with the session's token.")
        return await in_thread(visits.read, self.visit, self.caller, rev=self.rev, limit=limit)

    async def _frame(self, kind: str, **body: Any) -> None:
        text = _dump({"type": kind, **body})
        if len(text) * 3 > frames.LARGEST_FROM_SERVER and len(text.encode()) > frames.LARGEST_FROM_SERVER:
            text = _dump({"type": "gap", "head_seq": self.head_seq})
        await self.send(text_data=text)
        if kind not in {"head", "pong"}:
            self.sent_since_head = True

    async def _error(self, problem: Problem, client_id: str | None = None) -> None:
        body: dict[str, Any] = {"code": problem.code, "detail": problem.detail}
        if client_id is not None:
            body["client_id"] = client_id
        if problem.retry_after is not None:
            body["retry_after"] = problem.retry_after
        if "reason" in problem.extra:
            body["reason"] = problem.extra["reason"]
        await self._frame("error", **body)

    async def websocket_disconnect(self, message: Mapping[str, Any]) -> None:
        """Leave nothing behind."""
        self.closing = True
        if hasattr(self, "waiting_for_hello"):
            self.waiting_for_hello.cancel()
        if self.writer is not None:
            self.writer.cancel()
        Pulse.get().leave(self)
        visit = self.visit
        if visit is not None:
            for group in self._groups(visit):
                live.Hub.get().leave(group, self.hear)
            await in_thread(limiting.release_socket, str(visit.workspace_id), str(visit.session_id), self.socket_id)
        raise StopConsumer


def _change(messages: list[Message], conversation: Conversation | None = None) -> dict[str, Any]:
    event: dict[str, Any] = {"type": "change", "messages": [message_json(message) for message in messages]}
    if conversation is not None:
        event |= {"status": conversation.status, "control": conversation.control, "rev": conversation.rev}
    return event


def _state(conversation: Conversation) -> dict[str, str | None]:
    """What `session.updated` tells of, once it is another."""
    return {
        "status": conversation.status,
        "control": conversation.control,
        "waits_for": conversation.waits_for,
    }


def _dump(body: Mapping[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def _log_failure(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and task.exception() is not None:
        logger.error("a task of a visitor's socket failed", exc_info=task.exception())
