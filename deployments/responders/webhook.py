"""The responder that asks a bot of the customer's own: each turn is posted to it, signed as Standard Webhooks.

    POST <url>
    webhook-id: <turn id>            the same however often the turn is tried
    webhook-timestamp: <seconds>     of this try
    webhook-signature: v1,<base64>   one for each secret while two overlap
    <headers of the customer's own>  as the assistant says

    {"type": "turn",
     "turn_id", "conversation_id",
     "assistant": {"name"},
     "channel": "web" | "whatsapp" | "sms" | "voice" | "webhook",
     "locale": "de-AT" | null,
     "message": {"text", "payload": text | null, "at"},
     "history": [{"author": "visitor" | "assistant" | "agent" | "system", "text", "payload", "at"}],  oldest first
     "state": {...},                 what `remember` was given last
     "visitor": {...}, "page": {...},  the page's word, or the visitor's own
     "user_id": text | null,         only where the customer's own server proved it
     "callback_url": text}           takes this turn's answer once, for as long as it is waited for

It answers in one of three ways (`webhook_answer` says what with): JSON at once; `text/event-stream`; or 202, and posts
the JSON to `callback_url` later, which may arrive at any process of ours: it is looked for in growing steps, and no
connection is held. 204 says nothing. Redirects are not followed.

A call is tried again once, and only where nothing of an answer had come. `Trace.data` is `{responder, by, host, how:
"json" | "stream" | "callback", calls, first_ms, ms}`; no text of the conversation is in it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, ClassVar

from convoship.lib import standard_webhooks
from convoship.lib.outbound import OutboundError, checked
from convoship.lib.outbound.sending import Streamed, streaming
from deployments.responders import own_headers, webhook_answer, webhook_content, webhook_errors
from deployments.responders.base import (
    Callback,
    Line,
    Remember,
    Reply,
    ResponderError,
    Say,
    Trace,
    TurnInput,
    closing,
)
from deployments.responders.event_stream import TooLarge
from deployments.responders.stand_in_bot import name_of as name_of_stand_in
from deployments.responders.webhook_stream import BotStream

logger = logging.getLogger(__name__)

KIND = "webhook"
# Of the whole answer, however it comes: less than the turn's own end, so that what failed can be said.
WHOLE_SECONDS = 55.0
RETRY_AFTER_SECONDS = 0.5
LOOKS = (0.1, 0.2, 0.4, 0.8, 1.5)  # seconds between the looks for a call back; the last one from then on


class WebhookResponder:
    """`Responder` for `responder: "webhook"`. One instance serves a process and holds nothing of any turn."""

    kind: ClassVar[str] = KIND

    def welcome(
        self,
        content: Mapping[str, Any],
        locale: str | None,
        channel: str,
        about: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    ) -> Sequence[Say]:
        """Nothing of its own: an assistant's welcome is its script's."""
        return []

    async def answer(self, turn: TurnInput) -> AsyncIterator[Reply]:
        """The reply, as it comes; ResponderError where the bot gives none."""
        async with closing(_Answer(webhook_content.whole(turn.content), turn).run()) as replies:
            async for reply in replies:
                yield reply


def question(turn: TurnInput, content: Mapping[str, Any], callback_url: str) -> dict[str, Any]:
    """What is posted."""
    earlier = turn.history[-content["history"] :] if content["history"] else ()
    about = turn.about
    return {
        "type": "turn",
        "turn_id": turn.turn_id,
        "conversation_id": turn.conversation_id,
        "assistant": {"name": about.get("assistant", {}).get("name", "")},
        "channel": turn.channel,
        "locale": turn.locale,
        "message": {"text": turn.text, "payload": turn.payload, "at": _moment(turn.at or datetime.now(UTC))},
        "history": [_line(line) for line in earlier],
        "state": dict(turn.state),
        "visitor": dict(about.get("visitor", {})),
        "page": dict(about.get("page", {})),
        "user_id": turn.user_id or None,
        "callback_url": callback_url,
    }


def _line(line: Line) -> dict[str, Any]:
    return {"author": line.author, "text": line.text, "payload": line.payload, "at": _moment(line.at)}


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _Answer:
    """One answer: what was asked, and how it came."""

    def __init__(self, content: Mapping[str, Any], turn: TurnInput) -> None:
        self.content, self.turn = content, turn
        self.began = time.monotonic()
        self.has_begun = False
        self.host = ""
        self.headers: Mapping[str, str] = {}
        self.trace: dict[str, Any] = {"responder": KIND, "by": KIND, "calls": 0}

    async def run(self) -> AsyncGenerator[Reply]:
        """Ask, and give on what is answered."""
        try:
            self.host = self.trace["host"] = checked(self.content["url"]).host
        except OutboundError as error:
            raise webhook_errors.made("unreachable", error.words, "Check the address of the webhook.") from None
        secrets = await self.turn.reach.signing_secrets()
        self.headers = await own_headers.given(self.content["headers"], self.turn.reach, self.content["url"])
        callback = await self.turn.reach.open_callback(self.turn.turn_id, self.content["waits_seconds"])
        if callback.answer is None:
            body = json.dumps(question(self.turn, self.content, callback.url), default=str).encode()
            async with aclosing(self._tried(secrets, body)) as replies:
                async for reply in replies:
                    yield reply
        else:
            # The process that had asked is gone, and the bot answered meanwhile.
            self.trace["how"] = "callback"
        if self.trace["how"] == "callback":
            content = callback.answer if callback.answer is not None else await self._called_back(callback)
            for reply in self._whole(await _aside(webhook_answer.replies, content)):
                yield reply

    async def _tried(self, secrets: Sequence[str], body: bytes) -> AsyncGenerator[Reply]:
        """The call; made once more where nothing had come of it yet."""
        message_id = self.turn.turn_id or f"try_{uuid.uuid4()}"
        for is_last in (False, True):
            try:
                async with aclosing(self._posted(secrets, message_id, body)) as replies:
                    async for reply in replies:
                        self.has_begun = True
                        yield reply
                return
            except ResponderError as error:
                if self.has_begun or is_last or not error.retryable:
                    raise
                logger.info("a webhook is asked again: %s", error.code)
            await asyncio.sleep(RETRY_AFTER_SECONDS)

    async def _posted(self, secrets: Sequence[str], message_id: str, body: bytes) -> AsyncGenerator[Reply]:
        seconds = self.content["timeout_seconds"]
        self.trace["calls"] += 1
        headers = {
            **self.headers,
            **standard_webhooks.headers_for(secrets, message_id, body),
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
        }
        left = WHOLE_SECONDS - (time.monotonic() - self.began)
        try:
            async with (
                asyncio.timeout(min(seconds, left)) as first,
                streaming("POST", await self._address(), seconds=left, headers=headers, content=body) as answer,
            ):
                self.trace["first_ms"] = self._since()
                webhook_errors.check(answer, self.host)
                if _media_type(answer) == "text/event-stream":
                    self.trace["how"] = "stream"
                    first.reschedule(None)
                    async with aclosing(self._streamed(answer)) as replies:
                        async for reply in replies:
                            yield reply
                elif answer.status == HTTPStatus.ACCEPTED:
                    self.trace["how"] = "callback"
                else:
                    self.trace["how"] = "json"
                    body_of_answer = await _body(answer)
                    first.reschedule(None)
                    for reply in self._whole(await _aside(self._read, body_of_answer)):
                        yield reply
        except TimeoutError:
            words = f"{self.host} did not answer within {seconds} seconds."
            remedy = "Make the bot quicker, let it stream, or answer 202 and call back."
            raise webhook_errors.made("timeout", words, remedy) from None
        except TooLarge:
            raise webhook_errors.too_large(self.host) from None
        except OutboundError as error:
            raise webhook_errors.of_call(error) from None

    async def _address(self) -> str:
        """Where the question is posted: the rehearsal's bot is one of this server's own."""
        name = name_of_stand_in(self.content["url"])
        return self.content["url"] if name is None else await self.turn.reach.bot_stand_in(name)

    async def _streamed(self, answer: Streamed) -> AsyncGenerator[Reply]:
        stream = BotStream(self.host)
        async for piece in answer.pieces:
            for reply in stream.take(piece):
                yield reply
            if stream.is_done:
                for reply in self._with_trace(stream.acts):
                    yield reply
                return
        words = f"{self.host} broke off before it was done."
        raise webhook_errors.made("unreachable", words, "End each stream with the event done.")

    async def _called_back(self, callback: Callback) -> Mapping[str, Any]:
        """The answer that is posted to the callback, looked for in growing steps."""
        seconds = min(self.content["waits_seconds"], WHOLE_SECONDS)
        step = 0
        while (left := seconds - (time.monotonic() - self.began)) > 0:
            content = await self.turn.reach.called_back(callback)
            if content is not None:
                return content
            await asyncio.sleep(min(LOOKS[min(step, len(LOOKS) - 1)], left))
            step += 1
        content = await self.turn.reach.called_back(callback)
        if content is not None:
            return content
        raise ResponderError(
            f"{self.host} took the question and did not call back within {self.content['waits_seconds']} seconds.",
            "Have the bot post to callback_url sooner, or wait longer for it.",
            code="timeout",
        )

    def _read(self, body: bytes) -> list[Reply]:
        try:
            return webhook_answer.replies(webhook_answer.parsed(body))
        except webhook_answer.Faulty as faulty:
            raise webhook_errors.faulty(self.host, "The answer", faulty) from None

    def _whole(self, replies: Sequence[Reply]) -> list[Reply]:
        said = [reply for reply in replies if isinstance(reply, Say)]
        return [*said, *self._with_trace([reply for reply in replies if not isinstance(reply, Say)])]

    def _with_trace(self, acts: Sequence[Reply]) -> list[Reply]:
        remembered = [reply for reply in acts if isinstance(reply, Remember)]
        others = [reply for reply in acts if not isinstance(reply, Remember)]
        # Of several the last one holds: each replaces all that was remembered.
        return [*remembered[-1:], Trace({**self.trace, "ms": self._since()}), *others]

    def _since(self) -> int:
        return round((time.monotonic() - self.began) * 1000)


async def _aside(read: Callable[[Any], list[Reply]], answer: Any) -> list[Reply]:
    """Read an answer in a thread: a large one takes long enough that others would wait for it."""
    return await asyncio.to_thread(read, answer)


def _media_type(answer: Streamed) -> str:
    return answer.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _body(answer: Streamed) -> bytes:
    body = bytearray()
    async for piece in answer.pieces:
        body += piece
        if len(body) > webhook_answer.LARGEST:
            raise TooLarge
    return bytes(body)
