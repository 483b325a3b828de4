"""The responder whose answers a language model writes, behind any OpenAI-compatible endpoint.

One answer is a few calls at most: the model either writes, or calls tools and is asked again with what came of them.
Text is given on in pieces as it comes (`safe_output`).

Three ends are set: to the connection, to the first piece of a call (`FIRST_PIECE_SECONDS`), and to the whole answer
(`WHOLE_SECONDS`). A call is tried again once, and only before its first piece. Leaving the generator closes the
connection, which is how an answer that nobody waits for is cancelled.

`Trace.data` is `{responder, by, model, tokens_in, tokens_out, first_ms, ms, calls, finish, tools: [{name, ok, ms,
words}], knowledge: [{number, title, url, score, cited}], fields, cost}`; `by` is `llm`, `cost` is in words and left out
where the model has no price. `fields` is what the visitor gave of what the assistant collects, for the workspace's
members to read on the timeline; nothing else of what was said is in it, nor what a model wrote when it called a tool. A
turn's trace is erased with its person. What is known at the first piece is told then; the whole of it at the end, also
at a bad one, and by `TurnInput.at_close` where the answer is stopped.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import string
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar
from urllib.parse import urlsplit

import openai

from convoship.lib.amounts import money
from convoship.lib.outbound.sending import streaming_client
from deployments import model_client
from deployments.responders import llm_content, prompting, provider_errors, stand_in
from deployments.responders.base import (
    EndOfText,
    Passage,
    Remember,
    Reply,
    ResponderError,
    Say,
    Token,
    Trace,
    TurnInput,
    Usage,
    Wanted,
    closing,
)
from deployments.responders.llm_chunks import Reading
from deployments.responders.llm_stream import ChunkStream, gathered
from deployments.responders.llm_tools import Toolbox, ToolCall
from deployments.responders.safe_output import SafeOutput
from deployments.responders.thoughts import Thoughts
from deployments.safe_text import LONGEST_TEXT

logger = logging.getLogger(__name__)

KIND = "llm"
FIRST_PIECE_SECONDS = 15.0
# Of the whole answer, tools and all: less than the turn's own end, so that what stands in for it can be said.
WHOLE_SECONDS = 55.0
MOST_ROUNDS = 5
MOST_PASSAGES = 5
RETRY_AFTER_SECONDS = 0.5
# An estimate where the provider counts nothing: a token is rarely shorter, in any language.
CHARACTERS_PER_TOKEN = 3
# Nothing was read that anybody would charge for: so it is where a provider refuses by a status, unless it looked at the
# question or worked on it (learn.microsoft.com/azure/ai-foundry/openai: 400 of the filter and 408 are charged for).
_NOT_READ = frozenset({"key", "model", "quota", "busy", "context", "unreachable"})
_READ = frozenset({"filter", "timeout"})
_PLAIN = dict.fromkeys(map(ord, f"{string.ascii_letters} "))
_CITED = re.compile(r"\[(\d{1,2})\]")


class LLMResponder:
    """`Responder` for `responder: "llm"`. One instance serves a process and holds nothing of any turn."""

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

    def wanted(self, turn: TurnInput) -> Wanted:
        """What its first call needs."""
        answer = _Answer(llm_content.whole(turn.content), turn)
        return answer.wanted(Toolbox(answer.content["tools"], turn), [])

    async def answer(self, turn: TurnInput) -> AsyncIterator[Reply]:
        """The reply, piece by piece; ResponderError where the provider gives none."""
        answer = _Answer(llm_content.whole(turn.content), turn)
        try:
            async with closing(answer.in_time()) as replies:
                async for reply in replies:
                    yield reply
        except ResponderError:
            await answer.close()
            if answer.trace["calls"]:
                yield answer.traced()
            raise
        except (GeneratorExit, asyncio.CancelledError):
            await answer.close()
            if answer.trace["calls"]:
                turn.at_close(answer.traced().data)
            raise
        finally:
            # Also of one that failed or was cut off: what it took counts.
            await answer.close()


class _Answer:
    """One answer: its calls, what they took, and what was said."""

    def __init__(self, content: Mapping[str, Any], turn: TurnInput) -> None:
        self.content, self.turn = content, turn
        self.host = urlsplit(content["base_url"]).hostname or content["base_url"]
        self.began = time.monotonic()
        self.output = SafeOutput()
        self.passages: Sequence[Passage] = ()
        # All that was shown, and of it what the call that is running wrote: a model may write, call a tool, and go on.
        self.shown, self.text = "", ""
        self.has_begun = False
        self.key = ""
        self.took: list[Usage] = []
        # The request that is under way.
        self.open: _Request | None = None
        self.cost: int | None = None
        self.trace: dict[str, Any] = {"responder": KIND, "by": KIND, "model": content["model"], "calls": 0}

    async def in_time(self) -> AsyncIterator[Reply]:
        """The answer, and an error where it takes too long. Whoever reads it may take their time."""
        async with closing(self._run()) as replies:
            while True:
                try:
                    async with asyncio.timeout(self.began + WHOLE_SECONDS - time.monotonic()):
                        reply = await anext(replies, None)
                except TimeoutError:
                    raise provider_errors.too_slow(self.host, WHOLE_SECONDS) from None
                if reply is None:
                    return
                yield reply

    async def _run(self) -> AsyncIterator[Reply]:
        """Ask until the model has answered."""
        toolbox = Toolbox(self.content["tools"], self.turn)
        self.trace["tools"] = toolbox.record
        chat = await self._open(toolbox)
        is_rehearsal = self.content["preset"] == llm_content.REHEARSAL
        async with stand_in.client() if is_rehearsal else streaming_client() as http:
            client = model_client.new(http, self.content["base_url"], self.key)
            for _ in range(MOST_ROUNDS):
                calls: list[ToolCall] = []
                async with aclosing(self._asked(client, chat, toolbox, calls)) as pieces:
                    async for piece in pieces:
                        yield Token(piece)
                        if not self.has_begun:
                            self.has_begun = True
                            yield Trace({**self.trace, "tools": [*toolbox.record]})
                if not calls:
                    break
                chat.append(_as_said(self.text, calls))
                for call in calls:
                    chat.append({"role": "tool", "tool_call_id": call.id, "content": await toolbox.run(call)})
                if toolbox.is_over:
                    break
            else:
                raise ResponderError(
                    f"The model called tools {MOST_ROUNDS} times in a row and never answered.",
                    "Look at the tools on the timeline, and say in the instructions when each is called.",
                    code="broken",
                )
        if not self.shown.strip() and not toolbox.acts:
            remedy = "Try again, or choose another model."
            if self.trace.get("finish") == "length":
                remedy = "It thought until its longest answer was used up: raise that, or choose another model."
            raise ResponderError(f"The model at {self.host} answered without a word.", remedy, code="broken")
        for reply in self._end(toolbox):
            yield reply

    def _end(self, toolbox: Toolbox) -> list[Reply]:
        """What follows the text: its sources, what was collected and what is to be done."""
        cited = self._cited()
        sources = [
            {"title": one.title, "url": one.url} if one.url else {"title": one.title}
            for number, one in enumerate(self.passages, 1)
            if number in cited
        ]
        self.trace["fields"] = toolbox.fields
        replies: list[Reply] = []
        if self.shown:
            replies.append(EndOfText(({"type": "list", "items": sources},) if sources else ()))
        if toolbox.fields != self.turn.state.get("fields", {}):
            replies.append(Remember({**self.turn.state, "fields": toolbox.fields}))
        return [*replies, self.traced(), *toolbox.acts]

    def traced(self) -> Trace:
        """The turn's record so far."""
        took = {
            "tokens_in": sum(one.tokens_in for one in self.took),
            "tokens_out": sum(one.tokens_out for one in self.took),
        }
        cost = {"cost": money(self.cost)} if self.cost is not None else {}
        cited = self._cited()
        read = [
            {"number": n, "title": one.title, "url": one.url, "score": round(one.score, 4), "cited": n in cited}
            for n, one in enumerate(self.passages, 1)
        ]
        return Trace({**self.trace, **took, **cost, "knowledge": read, "ms": _since(self.began)})

    def _cited(self) -> set[int]:
        return {int(number) for number in _CITED.findall(self.shown)}

    async def close(self) -> None:
        """Settle a request that came to no end: it was read, and wrote what there is of it, shown or not."""
        with suppress(Exception):
            await self._settle()

    async def _open(self, toolbox: Toolbox) -> prompting.Chat:
        """What the first call says; what it is made of is looked up with its key, and what it may take set aside."""
        chat: prompting.Chat = []
        opening = await self.turn.reach.opening(self.wanted(toolbox, chat))
        self.key = opening.secret
        self._begin(opening.spent, self._most(chat, toolbox))
        return chat

    def wanted(self, toolbox: Toolbox, chat: prompting.Chat) -> Wanted:
        """What the first call needs; `chat` is what it says, once its passages are known."""

        def most(passages: Sequence[Passage]) -> Usage:
            self.passages = passages
            chat[:] = prompting.assemble(self.content, self.turn, passages)
            return self._most(chat, toolbox)

        key = (self.content["api_key"], self.content["base_url"]) if "api_key" in self.content else None
        return Wanted(self.turn.text, MOST_PASSAGES if self.content["knowledge"] else 0, key, most)

    def _most(self, chat: prompting.Chat, toolbox: Toolbox) -> Usage:
        return Usage(self.content["model"], _tokens_of(chat, toolbox.offered), self.content["max_tokens"])

    async def _spend(self, most: Usage) -> _Request:
        """Set aside what one request may take."""
        return self._begin(await self.turn.reach.spend(most), most)

    def _begin(self, spent: str, most: Usage) -> _Request:
        self.open = _Request(spent, most, Reading(self.content["model"]))
        return self.open

    async def _settle(self, usage: Usage | None = None) -> None:
        """What the request that is under way took, by its provider's count where there is one."""
        asked, self.open = self.open, None
        if asked is None:
            return
        usage = usage or asked.took()
        self.took.append(usage)
        cost = await self.turn.reach.settle(asked.spent, usage)
        if cost is not None:
            self.cost = (self.cost or 0) + cost

    # --- One call -----------------------------------------------------------------------------------------------------

    async def _asked(
        self, client: openai.AsyncOpenAI, chat: prompting.Chat, toolbox: Toolbox, calls: list[ToolCall]
    ) -> AsyncGenerator[str]:
        """One call's text as it comes; the tools that it wants called are put into `calls`."""
        asked = self.open or await self._spend(self._most(chat, toolbox))
        self.text, self.output = "", SafeOutput()
        thoughts, is_long = Thoughts(), False
        async with aclosing(self._pieces(client, chat, toolbox, asked.most)) as pieces:
            async for piece in pieces:
                if shown := self._show(self.output.take(thoughts.take(piece))):
                    yield shown
                if len(self.shown) >= LONGEST_TEXT:
                    is_long = True
                    break
        if rest := self._show(self.output.take(thoughts.rest()) + self.output.rest()):
            yield rest
        reading = self.open.reading if self.open else Reading("")
        await self._settle()
        self.trace["finish"] = "length" if is_long else reading.finish
        if reading.finish == "content_filter":
            raise provider_errors.filtered(self.host)
        calls.extend(reading.calls())

    def _show(self, piece: str) -> str:
        """What of a piece is shown, and remembered; what an earlier call wrote is a paragraph of its own."""
        if piece and self.shown and not self.text:
            piece = "\n\n" + piece.lstrip()
        # Within what a message can hold, whichever call wrote it.
        piece = piece[: LONGEST_TEXT - len(self.shown)]
        self.shown += piece
        self.text += piece
        return piece

    async def _pieces(
        self, client: openai.AsyncOpenAI, chat: prompting.Chat, toolbox: Toolbox, most: Usage
    ) -> AsyncGenerator[str]:
        """The call's pieces as they come; begun once more where nothing had come yet."""
        for is_last in (False, True):
            asked, is_refused = self.open or await self._spend(most), False
            try:
                async with aclosing(self._read(client, chat, toolbox, asked.reading)) as pieces:
                    async for piece in pieces:
                        self.trace.setdefault("first_ms", _since(self.began))
                        yield piece
                found = provider_errors.broken_off(self.host)
            except provider_errors.CAUGHT as error:
                found = provider_errors.read(error, self.host, self.content["model"], self.key)
                is_refused = isinstance(error, openai.APIStatusError) and found.code not in _READ
            if asked.reading.finish:
                # It said that this was all, whatever came after.
                return
            if (is_refused or found.code in _NOT_READ) and not asked.reading.is_alive:
                await self._settle(Usage(self.content["model"]))
            if asked.reading.has_begun or is_last or not found.retryable:
                raise found
            # Each request counts: this one read, and may have thought.
            await self._settle()
            logger.info("a call of a model is tried again: %s", found.code)
            await asyncio.sleep(RETRY_AFTER_SECONDS)

    async def _read(
        self, client: openai.AsyncOpenAI, chat: prompting.Chat, toolbox: Toolbox, reading: Reading
    ) -> AsyncGenerator[str]:
        """One request's pieces.

        Of the SDK's `chat.completions.create` this leaves out alone that an object is made of each chunk, which is most
        of what a piece costs, and which checks nothing (`llm_stream`).
        """
        self.trace["calls"] += 1
        asked: dict[str, Any] = {
            "model": self.content["model"],
            "messages": chat,
            llm_content.PRESETS[self.content["preset"]].longest: self.content["max_tokens"],
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if "temperature" in self.content:
            asked["temperature"] = self.content["temperature"]
        if toolbox.offered:
            asked["tools"] = toolbox.offered
        async with asyncio.timeout(FIRST_PIECE_SECONDS) as first:
            stream = await client.post(
                "/chat/completions", cast_to=object, body=asked, stream=True, stream_cls=ChunkStream
            )
            async with stream, aclosing(gathered(_until_full(stream, reading), reading.take, self.turn.rest)) as pieces:
                async for piece in pieces:
                    if reading.is_alive and first.when() is not None:
                        first.reschedule(None)
                    if piece:
                        yield piece
            if reading.is_full:
                reading.finish = reading.finish or "tool_calls"


async def _until_full(chunks: AsyncIterator[object], reading: Reading) -> AsyncIterator[object]:
    """The chunks, until more is wanted called than is ever done."""
    async for chunk in chunks:
        yield chunk
        if reading.is_full:
            return


@dataclass(frozen=True)
class _Request:
    """One request that is under way: what was set aside for it, under which id, and what has come of it."""

    spent: str
    most: Usage
    reading: Reading

    def took(self) -> Usage:
        """As its provider counted, or an estimate: it was read, and wrote what there is of it."""
        written = -(-self.reading.written // CHARACTERS_PER_TOKEN)
        return self.reading.usage or Usage(self.most.model, self.most.tokens_in, written)


def _as_said(text: str, calls: Sequence[ToolCall]) -> dict[str, Any]:
    """What the model said, for the call that follows."""
    return {
        "role": "assistant",
        "content": text or None,
        "tool_calls": [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in calls
        ],
    }


def _tokens_of(chat: prompting.Chat, tools: Sequence[Any]) -> int:
    """At most so many tokens, as no provider counts before it is asked.

    Of other scripts than ours, a letter can be a token by itself, and so can each sign of a visitor who writes nothing
    but signs: what is under way at the same time must not take more than is set aside for it.
    """
    said = [json.dumps([message.get("content"), message.get("tool_calls")], ensure_ascii=False) for message in chat]
    text = "".join((*said, json.dumps(tools, ensure_ascii=False)))
    plain = len(text) - len(text.translate(_PLAIN))
    return plain // CHARACTERS_PER_TOKEN + (len(text) - plain) + 8 * (len(chat) + 1)


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
