"""Try a draft: one turn without a channel, which leaves no trace in the database."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from convoship.lib.problems import Problem
from deployments.responders.base import (
    End,
    EndOfText,
    HandOver,
    Remember,
    Reply,
    ResponderError,
    Say,
    Token,
    Trace,
    TurnInput,
    responder_for,
)
from deployments.turns import ANSWER_TIMEOUT_SECONDS

CHANNEL = "web"


@dataclass
class Tried:
    """What the assistant would have said and done."""

    replies: list[Say] = field(default_factory=list)
    trace: dict[str, Any] = field(default_factory=dict)
    state: Mapping[str, Any] | None = None
    hand_over: str | None = None
    end: str | None = None
    writing: str = ""

    def take(self, reply: Reply) -> None:
        """One reply of the responder, in order; pieces of a text become one message (`responders.base`)."""
        match reply:
            case Token():
                self.writing += reply.text
            case EndOfText():
                self.finish_text(reply.blocks)
            case Trace():
                self.trace.update(reply.data)
            case Remember():
                self.state = reply.state
            case Say():
                self.finish_text()
                self.replies.append(reply)
            case HandOver():
                self.finish_text()
                self.hand_over = reply.reason
            case End():
                self.finish_text()
                self.end = reply.reason

    def finish_text(self, blocks: tuple[Mapping[str, Any], ...] = ()) -> None:
        """The text so far, if any, is a message."""
        if self.writing:
            self.replies.append(Say(self.writing, blocks))
            self.writing = ""


async def try_once(
    responder: str, content: Mapping[str, Any], text: str, *, payload: str | None = None, locale: str | None = None
) -> Tried:
    """What this content answers to this text as the first thing said. Call outside `tenant()`: it may take its time."""
    turn = TurnInput(text=text, payload=payload, locale=locale, channel=CHANNEL, history=(), state={}, content=content)
    tried = Tried()
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_SECONDS):
            async for reply in responder_for(responder).answer(turn):
                tried.take(reply)
    except ResponderError as error:
        raise Problem("unavailable" if error.retryable else "conflict", error.reason, hint=error.remedy) from error
    except TimeoutError:
        raise Problem(
            "unavailable", f"The assistant did not answer within {ANSWER_TIMEOUT_SECONDS:.0f} seconds."
        ) from None
    tried.finish_text()
    return tried
