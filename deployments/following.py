"""What one open window of a visitor is told: a socket's frames, or the events of a stream (CONTRACT section 4).

A window remembers the `rev` it has told. Whatever it hears (its own posts, live events, the pulse) is compared with
that: the very next change is told on, anything further makes it read what lies between from the database. So events
may be lost, doubled or late on the way here, and the visitor still sees each change once and in order.

Pieces of a text move no `rev`. They are told as they come, each with its place; a client that sees a hole asks for the
text so far, which is in the database a second later at most (`writing`).
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

from django.utils import timezone

from convoship.lib import limiting
from convoship.lib.problems import Problem
from convoship.lib.threads import in_thread
from deployments import admission, live, visits
from deployments.admission import Caller
from deployments.doors import SessionPulse
from deployments.entering import Visit
from deployments.models import Conversation, Message
from deployments.models.conversation import Control
from deployments.pulse import Pulse
from deployments.visits import Page
from deployments.wire import message_json, session_json

logger = logging.getLogger(__name__)

LARGEST_FRAME = 64 * 1024
HEAD_WHEN_QUIET_SECONDS = 25.0
RENEW_SOCKET_SECONDS = 20.0
MOST_WAITING_EVENTS = 1000
CATCH_UP_LIMIT = 200


class Window:
    """One open window of a conversation. Who carries what it is told says how (`put`), and what ends it (`shut`)."""

    async def put(self, kind: str, text: str) -> None:
        """Carry one frame, JSON with its `type`."""
        raise NotImplementedError

    def shut(self, problem: Problem | None) -> None:
        """End: of this problem, or (None) because its reader is too slow or we are too busy."""
        raise NotImplementedError

    def begin(self, session_id: UUID, caller: Caller) -> None:
        """Nothing is known of the visitor yet."""
        self.session_id = session_id
        self.caller = caller
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
        # Whether what was told reaches to the head, and nothing before it is left to be paged by HTTP.
        self.is_whole = True
        self.head_sent_at = self.renewed_at = time.monotonic()

    async def open(self, token: str, *, after: int, rev: int | None) -> Conversation:
        """Who has this token is welcomed, and from then on told; a `Problem` where they may not be."""
        visit = await in_thread(visits.resolve, token, self.session_id)
        if not await in_thread(limiting.take_socket, str(visit.workspace_id), str(visit.session_id), self.socket_id):
            raise Problem("rate_limited", "Too many windows are open for this conversation.", retry_after=30)
        self.visit = visit
        # Listen first, read afterwards: what happens in between is then heard, and not lost.
        for group in self._groups(visit):
            live.Hub.get().listen(group, self.hear)
        page, streaming = await in_thread(visits.resume, visit, self.caller, after=after, rev=rev, limit=CATCH_UP_LIMIT)
        await self._welcome(page, streaming)
        return page.conversation

    def follow(self) -> None:
        """Tell on what is heard from now on."""
        self.writer = asyncio.get_running_loop().create_task(self._write())
        self.writer.add_done_callback(log_failure)
        Pulse.get().watch(self)

    async def leave(self) -> None:
        """Leave nothing behind."""
        self.closing = True
        if self.writer is not None:
            self.writer.cancel()
        Pulse.get().leave(self)
        visit = self.visit
        if visit is not None:
            for group in self._groups(visit):
                live.Hub.get().leave(group, self.hear)
            await in_thread(limiting.release_socket, str(visit.workspace_id), str(visit.session_id), self.socket_id)

    def _groups(self, visit: Visit) -> tuple[str, str, str]:
        return (
            live.conversation_group(visit.workspace_id, visit.conversation_id),
            live.piece_group(visit.workspace_id, visit.conversation_id),
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
            if len(dump(body).encode()) <= LARGEST_FRAME:
                break
            messages = messages[: len(messages) // 2]
            has_more, rev = True, messages[-1]["rev"] if messages else 0
        body = {**head, "messages": messages + unfinished, "rev": rev, "has_more": has_more}
        self.is_whole = not has_more
        # With has_more the client pages by HTTP up to the head before it applies what comes live.
        self.rev, self.head_seq = conversation.rev, conversation.head_seq
        self.state = _state(conversation)
        self.access_rev, self.shuts_at = page.access_rev, page.shuts_at
        await self.put("welcome", dump(body))
        self.sent_since_head = True

    def hear(self, event: Mapping[str, Any]) -> None:
        """Something happened; never blocks. A reader too slow to be told is let go, and resumes when it is back."""
        if self.closing:
            return
        if self.events.qsize() >= MOST_WAITING_EVENTS:
            self.shut(None)
            return
        self.events.put_nowait(event)

    def on_pulse(self, pulse: SessionPulse | None) -> None:
        """The session as the database has it now."""
        if pulse is None:
            self.shut(admission.unknown_token())
        else:
            self.hear({"type": "pulse", "pulse": pulse})

    async def _write(self) -> None:
        while not self.closing:
            event = await self.events.get()
            try:
                await self._tell(event)
            except Problem as problem:
                await self.error(problem)
                self.shut(problem)
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
                await self.frame("token", message_id=event["message_id"], index=event["index"], text=event["text"])
            case "read":
                await self.frame("read", seq=event["seq"])
            case "typing" if event["author"].get("kind") != "visitor":
                await self.frame("typing", author=event["author"], on=event["on"])

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
            await self.frame(kind, message=message)

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
            await self.frame("session.updated", session=session_json(self.session_id, conversation))

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
            await self.frame("head", seq=self.head_seq, rev=self.rev)
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

    async def frame(self, kind: str, **body: Any) -> None:
        """Tell one thing; in place of one that is too large, that there is more to read by HTTP."""
        text = dump({"type": kind, **body})
        if len(text) * 3 > LARGEST_FRAME and len(text.encode()) > LARGEST_FRAME:
            kind, text = "gap", dump({"type": "gap", "head_seq": self.head_seq})
        await self.put(kind, text)
        if kind not in {"head", "pong"}:
            self.sent_since_head = True

    async def error(self, problem: Problem, client_id: str | None = None) -> None:
        """Tell what is wrong."""
        body: dict[str, Any] = {"code": problem.code, "detail": problem.detail}
        if client_id is not None:
            body["client_id"] = client_id
        if problem.retry_after is not None:
            body["retry_after"] = problem.retry_after
        if "reason" in problem.extra:
            body["reason"] = problem.extra["reason"]
        await self.frame("error", **body)


def change(messages: list[Message], conversation: Conversation | None = None) -> dict[str, Any]:
    """What was said here, as live events tell of it."""
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


def dump(body: Mapping[str, Any]) -> str:
    """A frame's text."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def log_failure(task: asyncio.Task[Any]) -> None:
    """A task's last word, where it is an error."""
    if not task.cancelled() and task.exception() is not None:
        logger.error("a task of a visitor's window failed", exc_info=task.exception())
