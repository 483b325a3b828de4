"""Who answers a turn: the version's responder, and the script before or after it, as `on_failure` says.

A version holds every part of its assistant (`scripted`, `llm`, `webhook`, `on_failure`), whichever of them answers. The
welcome is the script's in each of them. What a script and another responder remember stays apart: a state has the keys
`script` and `other` where both may speak.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from deployments.responders import failing
from deployments.responders.base import (
    HandOver,
    Missed,
    Remember,
    Reply,
    ResponderError,
    Say,
    Token,
    Trace,
    TurnInput,
    responder_for,
)
from deployments.responders.dialogue import KIND as SCRIPTED
from deployments.responders.speaking import chosen
from deployments.words import say

logger = logging.getLogger(__name__)

ANSWER_SECONDS = 30.0
# Of a model or a bot over the network.
THINKING_SECONDS = 60.0


def seconds_for(kind: str) -> float:
    """How long a whole answer may take."""
    return ANSWER_SECONDS if kind == SCRIPTED else THINKING_SECONDS


def welcome(
    whole: Mapping[str, Any], locale: str | None, channel: str, about: Mapping[str, Mapping[str, Any]]
) -> Sequence[Say]:
    """What is said first. `whole` is a version's content."""
    return responder_for(SCRIPTED).welcome(whole.get(SCRIPTED, {}), locale, channel, about)


async def answer(whole: Mapping[str, Any], turn: TurnInput) -> AsyncIterator[Reply]:
    """The reply to one message; `turn.content` is that of the version's responder.

    What a model or a bot can't answer, the rest of the version answers, and the trace says what failed:
    `failure: {code, reason, remedy}`. ResponderError comes through only where there is nothing to say in its place.
    """
    kind = whole["responder"]
    if kind == SCRIPTED:
        async for reply in responder_for(kind).answer(turn):
            yield reply
        return
    chain = _Chain(whole, turn)
    async for reply in chain.run(kind):
        yield reply


class _Chain:
    """One turn of an assistant that has a script beside what answers."""

    def __init__(self, whole: Mapping[str, Any], turn: TurnInput) -> None:
        self.whole, self.turn = whole, turn
        self.rules = failing.whole(whole.get("on_failure", {}))
        self.state: dict[str, Any] = {"script": {}, "other": {}, **turn.state}
        self.has_spoken = False

    async def run(self, kind: str) -> AsyncIterator[Reply]:
        """The script where it goes first and knows; then the other; then what is said when that failed."""
        if self.rules["scripted"] == "first" and (known := await self._script()) is not None:
            for reply in known:
                yield reply
            return
        try:
            turn = replace(self.turn, state=self.state["other"])
            async for reply in responder_for(kind).answer(turn):
                self.has_spoken = self.has_spoken or isinstance(reply, Token | Say)
                yield self._apart(reply, "other")
        except ResponderError as error:
            logger.warning("responder %s gave no answer: %s", kind, error.code or error.reason)
            async for reply in self._after(kind, error):
                yield reply

    async def _after(self, kind: str, error: ResponderError) -> AsyncIterator[Reply]:
        failure = {"code": error.code, "reason": error.reason, "remedy": error.remedy}
        yield Trace({"responder": kind, "failure": failure})
        if not self.has_spoken and self.rules["scripted"] == "after" and (known := await self._script()) is not None:
            for reply in known:
                yield reply
            return
        yield Missed()
        yield Say(self._words(error))
        if self.rules["person"]:
            yield HandOver(f"The assistant could not answer: {error.reason}"[:300])

    def _words(self, error: ResponderError) -> str:
        """What the visitor is told: the failure's own words, the assistant's, or the product's."""
        if error.visitor:
            return error.visitor
        text = self.rules.get("text")
        if text:
            return str(chosen(text, self.turn.locale, self.turn.channel)["text"])
        return say("answer_failed", self.turn.locale or "")

    async def _script(self) -> list[Reply] | None:
        """What the script says, or None where it doesn't know."""
        content = self.whole.get(SCRIPTED)
        if not content:
            return None
        turn = replace(self.turn, content=content, state=self.state["script"])
        replies = [self._apart(reply, "script") async for reply in responder_for(SCRIPTED).answer(turn)]
        return None if any(isinstance(reply, Missed) for reply in replies) else replies

    def _apart(self, reply: Reply, part: str) -> Reply:
        if not isinstance(reply, Remember):
            return reply
        self.state = {**self.state, part: dict(reply.state)}
        return Remember(self.state)
