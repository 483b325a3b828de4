"""Who answers a turn: the version's responder, and the script before or after it, as `on_failure` says.

A version holds every part of its assistant (`scripted`, `llm`, `webhook`, `on_failure`), whichever of them answers. The
welcome is the script's in each of them. What the script beside another responder remembers stands apart, in the state's
key `script`.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from deployments.responders import failing
from deployments.responders.base import (
    EndOfText,
    HandOver,
    KnowsItsOpening,
    Missed,
    Remember,
    Reply,
    ResponderError,
    Say,
    Token,
    Trace,
    TurnInput,
    Wanted,
    closing,
    responder_for,
)
from deployments.responders.dialogue import KIND as SCRIPTED
from deployments.responders.speaking import chosen

# The key of a state.
SCRIPT = "script"
# What a script that goes first leaves to whoever comes after it: they find the same passages, and say what is in them.
_LEAVES = frozenset({"uses_knowledge"})
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


def failure_of(error: ResponderError) -> dict[str, str]:
    """As it stands in a turn's trace."""
    return {"code": error.code, "reason": error.reason, "remedy": error.remedy}


def wanted(whole: Mapping[str, Any], turn: TurnInput) -> Wanted | None:
    """What will surely be needed for the reply to one message; `whole` and `turn` as in `answer`."""
    responder = responder_for(whole["responder"])
    if not isinstance(responder, KnowsItsOpening):
        return None
    chain = _Chain(whole, turn)
    return None if chain.asks_script_first else responder.wanted(replace(turn, state=chain.state))


async def answer(whole: Mapping[str, Any], turn: TurnInput) -> AsyncIterator[Reply]:
    """The reply to one message; `turn.content` is that of the version's responder.

    What a model or a bot can't answer, the rest of the version answers, and the trace says what failed:
    `failure: {code, reason, remedy}`. ResponderError comes through only where there is nothing to say in its place.
    """
    kind = whole["responder"]
    replies = responder_for(kind).answer(turn) if kind == SCRIPTED else _Chain(whole, turn).run(kind)
    async with closing(replies):
        async for reply in replies:
            yield reply


class _Chain:
    """One turn of an assistant that has a script beside what answers."""

    def __init__(self, whole: Mapping[str, Any], turn: TurnInput) -> None:
        self.whole, self.turn = whole, turn
        self.rules = failing.whole(whole.get("on_failure", {}))
        self.state = {key: value for key, value in turn.state.items() if key != SCRIPT}
        self.script_state: Mapping[str, Any] = turn.state.get(SCRIPT, {})
        self.has_spoken = False
        # Whether a text was begun that nothing has ended.
        self.is_writing = False

    @property
    def asks_script_first(self) -> bool:
        """Whether the other is asked only where the script doesn't know."""
        return bool(self.rules["scripted"] == "first")

    async def run(self, kind: str) -> AsyncIterator[Reply]:
        """The script where it goes first and knows; then the other; then what is said when that failed."""
        if self.asks_script_first and (known := await self._script(_LEAVES)) is not None:
            for reply in known:
                yield reply
            return
        try:
            async with closing(self._other(kind)) as replies:
                async for reply in replies:
                    yield reply
        except ResponderError as error:
            logger.warning("responder %s gave no answer: %s", kind, error.code or error.reason)
            async for reply in self._after(kind, error):
                yield reply

    async def _other(self, kind: str) -> AsyncIterator[Reply]:
        """What the model or the bot says; where it would cost too much, what a cheaper model says."""
        try:
            async with closing(self._asked(kind, self.turn.content)) as replies:
                async for reply in replies:
                    yield reply
        except ResponderError as error:
            cheaper = self.turn.content.get("cheaper")
            if error.code != "budget" or not cheaper or self.has_spoken:
                raise
            yield Trace({"too_dear": self.turn.content.get("model", "")})
            async with closing(self._asked(kind, {**self.turn.content, "model": cheaper})) as replies:
                async for reply in replies:
                    yield reply

    async def _asked(self, kind: str, content: Mapping[str, Any]) -> AsyncIterator[Reply]:
        turn = replace(self.turn, state=self.state, content=content)
        async with closing(responder_for(kind).answer(turn)) as replies:
            async for reply in replies:
                self.has_spoken = self.has_spoken or isinstance(reply, Token | Say)
                self.is_writing = isinstance(reply, Token) or (
                    self.is_writing and isinstance(reply, Trace | Remember | Missed)
                )
                if isinstance(reply, Remember):
                    self.state = dict(reply.state)
                    yield self._remember()
                else:
                    yield reply

    async def _after(self, kind: str, error: ResponderError) -> AsyncIterator[Reply]:
        yield Trace({"responder": kind, "failure": failure_of(error)})
        if not self.has_spoken and self.rules["scripted"] == "after" and (known := await self._script()) is not None:
            for reply in known:
                yield reply
            return
        words = self._words(error)
        if not words and not self.rules["person"]:
            raise error
        if self.is_writing:
            yield EndOfText(is_cut=True)
        yield Missed()
        if words:
            yield Say(words)
        if self.rules["person"]:
            yield HandOver(f"The assistant could not answer: {error.reason}"[:300])

    def _words(self, error: ResponderError) -> str:
        """What the visitor is told: the failure's own words, or the assistant's; "" where neither has any."""
        text = self.rules.get("text")
        if error.visitor or not text:
            return error.visitor
        return str(chosen(text, self.turn.locale, self.turn.channel)["text"])

    async def _script(self, leaves: frozenset[str] = frozenset()) -> list[Reply] | None:
        """What the script says without these keys of its content, or None where it doesn't know."""
        content = {key: value for key, value in self.whole.get(SCRIPTED, {}).items() if key not in leaves}
        if not content:
            return None
        turn = replace(self.turn, content=content, state=self.script_state)
        replies = [reply async for reply in responder_for(SCRIPTED).answer(turn)]
        if any(isinstance(reply, Missed) for reply in replies):
            return None
        for place, reply in enumerate(replies):
            if isinstance(reply, Remember):
                self.script_state = reply.state
                replies[place] = self._remember()
        return replies

    def _remember(self) -> Remember:
        return Remember({**self.state, SCRIPT: self.script_state} if self.script_state else self.state)
