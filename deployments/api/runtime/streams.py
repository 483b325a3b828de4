"""Server-sent events (WHATWG HTML, 9.2): for a visitor without a socket, or a program that sees an answer come.

An event's `id` is the `rev` that it leaves its reader at, so `Last-Event-ID` says all that a reconnecting reader has:
the welcome then brings what changed since, and the text so far of what is still being written.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import UUID

from django.http import HttpRequest, StreamingHttpResponse

from convoship.lib.problems import Problem
from convoship.lib.threads import in_thread
from deployments import turns, visits
from deployments.admission import Caller
from deployments.following import Window, change, dump, log_failure
from deployments.left_answers import LeftAnswers
from deployments.models import Message
from deployments.visits import Posted, VisitorMessage
from deployments.wire import message_json

MEDIA_TYPE = "text/event-stream"
# So many events wait for a reader before what is told waits too.
MOST_UNREAD = 32
# How often it is looked whether an answer that another process gives has ended, where nobody rang.
LOOK_EVERY_SECONDS = 2.0


def are_wanted(request: HttpRequest) -> bool:
    """Whether the caller takes events, by its `Accept`."""
    accepted = request.headers.get("Accept", "").split(",")
    return any(part.partition(";")[0].strip().lower() == MEDIA_TYPE for part in accepted)


class Stream(Window):
    """A window whose frames are events."""

    def __init__(self, session_id: UUID, caller: Caller) -> None:
        self.begin(session_id, caller)
        self.unread: asyncio.Queue[str | None] = asyncio.Queue(MOST_UNREAD)

    async def put(self, kind: str, text: str) -> None:
        """One event; without an id while what lies before it has yet to be paged by HTTP."""
        mark = f"id: {self.rev}\n" if self.is_whole else ""
        await self.unread.put(f"event: {kind}\n{mark}data: {text}\n\n")

    def shut(self, problem: Problem | None) -> None:
        """End the stream; its reader comes back if that helps."""
        self.closing = True
        if self.unread.full():
            self.unread.get_nowait()
        self.unread.put_nowait(None)

    async def told(self) -> AsyncIterator[str]:
        """What is told, until it ends."""
        while (event := await self.unread.get()) is not None:
            yield event


class AnswerStream(Stream):
    """The answer to one message as events: `message`, `token`, `message`, `done`."""

    answering: asyncio.Task[None] | None = None

    def begin(self, session_id: UUID, caller: Caller) -> None:
        """As any window; and nothing has rung yet."""
        super().begin(session_id, caller)
        self.rung = asyncio.Event()

    def hear(self, event: Mapping[str, Any]) -> None:
        """What may have ended the answer is a ring to look."""
        super().hear(event)
        if event["type"] == "change":
            self.rung.set()

    async def put(self, kind: str, text: str) -> None:
        """What belongs to the answer, by the names of CONTRACT section 4."""
        name = "message" if kind in {"message.created", "message.updated"} else kind
        if name in {"message", "token", "error", "gap", "done"}:
            body = {key: value for key, value in json.loads(text).items() if key != "type"}
            await super().put(name, dump(body))

    def answer(self, posted: Posted) -> None:
        """Tell this message and its answer, and end."""
        self.answering = asyncio.get_running_loop().create_task(self._answer(posted))
        self.answering.add_done_callback(log_failure)

    async def _answer(self, posted: Posted) -> None:
        if posted.is_new:
            self.hear(change([posted.message, *posted.replies], posted.conversation))
        if posted.claim is not None:
            # It goes on, should its reader leave: who comes back finds it (`stopping.Presence` says how long).
            answering = turns.in_background(posted.claim, is_watched=True)
            answering.add_done_callback(log_failure)
            # Where it fails here, or this process ends, another one answers: it is looked for below.
            await asyncio.wait({answering})
        elif posted.left is not None:
            LeftAnswers.get().add(posted.left)
        self.rung.clear()
        pending, replies = await self._answer_to(posted.message)
        if not posted.is_new:
            # Said before: all that there is of it, whatever its reader has seen.
            self.hear({"type": "again", "messages": [message_json(it) for it in (posted.message, *replies)]})
        while pending:
            await rings(self.rung, LOOK_EVERY_SECONDS)
            pending, replies = await self._answer_to(posted.message)
        self.hear({"type": "done"})

    async def _answer_to(self, message: Message) -> tuple[bool, list[Message]]:
        assert self.visit is not None  # noqa: S101  (it was opened)
        return await in_thread(visits.answer_to, self.visit, message)

    async def _tell(self, event: Mapping[str, Any]) -> None:
        match event["type"]:
            case "again":
                for message in event["messages"]:
                    await self.frame("message.updated", message=message)
            case "done":
                await self._catch_up()
                await self.frame("done", head_seq=self.head_seq, rev=self.rev, pending=False)
                self.shut(None)
            case _:
                await super()._tell(event)

    async def leave(self) -> None:
        """The reader is gone, or has all."""
        if self.answering is not None:
            self.answering.cancel()
        await super().leave()


async def rings(bell: asyncio.Event, seconds: float) -> None:
    """Wait until it rings, or so long; it may ring anew then."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await bell.wait()
    bell.clear()


class EventsResponse(StreamingHttpResponse):
    """Ends when its reader goes away (`convoship.lib.runtime_handler`), and leaves nothing behind."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(
            stream.told(),
            content_type=f"{MEDIA_TYPE}; charset=utf-8",
            # Proxies that gather an answer before they pass it on would hold back every word.
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )
        self.leave = stream.leave


async def followed(token: str, caller: Caller, session_id: UUID, after: int, rev: int | None) -> EventsResponse:
    """The conversation from there on."""
    stream = Stream(session_id, caller)
    try:
        await stream.open(token, after=after, rev=rev)
        stream.follow()
        return EventsResponse(stream)
    except BaseException:
        await stream.leave()
        raise


async def answered(token: str, caller: Caller, session_id: UUID, message: VisitorMessage) -> EventsResponse:
    """Post the message, and give its answer as it comes; 201 where the message is new, else 200."""
    stream = AnswerStream(session_id, caller)
    try:
        await stream.open(token, after=2**31 - 1, rev=None)
        post = partial(visits.post, is_watched=True)
        _, posted = await in_thread(visits.by_token, post, token, session_id, caller, message)
        stream.follow()
        stream.answer(posted)
        response = EventsResponse(stream)
    except BaseException:
        await stream.leave()
        raise
    response.status_code = 201 if posted.is_new else 200
    return response
